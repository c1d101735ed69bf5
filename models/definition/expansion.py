"""Models whose answer takes several estimates: a horizon, a price grid, a response curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from models.definition.feature import Schema, Value

Row = Sequence[Value]


class Estimates(NamedTuple):
    """The estimator's answers for the rows of one record, in order: estimate and interval in the target's unit."""

    estimate: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Combined:
    """What the estimates come to.

    `score` is `constant` plus the sum of every estimate times its weight; so the same sum over the rows' contributions
    explains it exactly, in the score's own unit. `weights` has one entry per row. `warnings` say where a bound, sparse
    data or an assumption limits the answer.
    """

    score: float
    weights: Sequence[float]
    constant: float = 0.0
    answer: dict[str, object]
    warnings: Sequence[str] = field(default=())
    inputs: Mapping[str, Value] = field(default_factory=dict)
    """Values of the inputs that the answer stands for, shown with its explanation; others are those of the record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expansion:
    """How a record becomes rows of an estimator, and its estimates one answer.

    The estimator learns the target from `inputs`. `rows(record)` gives the rows to estimate, values in the order of
    `inputs`, at least one; `combine(record, estimates)` the answer. Both are pure and raise InvalidRecordError for
    values that do not go together. `unit` is the score's unit; `coverage` that of the estimates' intervals.
    """

    inputs: Schema
    unit: str
    rows: Callable[[Mapping[str, Value]], Sequence[Row]] = field(compare=False)
    combine: Callable[[Mapping[str, Value], Estimates], Combined] = field(compare=False)
    coverage: float = 0.9
