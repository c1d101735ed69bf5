"""How an anomaly score becomes a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from models.definition.feature import Value
from models.definition.record import Driver


class Detected(NamedTuple):
    """An anomaly score with what was said about it: what an `answer` function works from."""

    score: float
    threshold: float
    is_anomaly: bool
    record: Mapping[str, Value]
    drivers: Sequence[Driver]


def no_answer(_: Detected) -> dict[str, object]:
    """The answer of a model that says nothing beyond the decision and the features behind it."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnomalyPolicy:
    """The threshold is chosen so that `share` of the validation rows lie above it.

    `drivers` is how many features behind the score every answer names; `answer` as in a BinaryPolicy.
    """

    share: float = 0.01
    drivers: int = 5
    answer: Callable[[Detected], dict[str, object]] = no_answer

    def __post_init__(self) -> None:
        if not 0 < self.share < 0.5:
            raise ValueError(f"a share of {self.share:g} anomalies: choose one between 0 and 0.5")
