"""What an estimate is answered with: its interval and what is particular to a model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.definition.feature import Value
from models.definition.record import Driver


class Estimated(NamedTuple):
    """An estimate with its interval, in the target's unit: what an `answer` function works from."""

    estimate: float
    low: float
    high: float
    record: Mapping[str, Value]
    drivers: Sequence[Driver]


def no_answer(_: Estimated) -> dict[str, object]:
    """The answer of a model that says nothing beyond its estimate and interval."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RegressionPolicy:
    """Every prediction carries the interval that holds the truth with probability `coverage`.

    `drivers` and `answer` as in a BinaryPolicy; the interval is in `answer` in any case.
    """

    coverage: float = 0.9
    drivers: int = 0
    answer: Callable[[Estimated], dict[str, object]] = no_answer

    def __post_init__(self) -> None:
        if not 0.5 <= self.coverage <= 0.99:
            raise ValueError(f"a coverage of {self.coverage:g}: choose one from 0.5 to 0.99")
