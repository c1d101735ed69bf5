"""How a score becomes a decision: the threshold's rule, the levels and the answer that is particular to a model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from models.definition.feature import Value

Confidence = Literal["low", "medium", "high"]


@dataclass(frozen=True, slots=True)
class FixedThreshold:
    """The threshold is `at`, whatever the data says."""

    at: float


@dataclass(frozen=True, slots=True)
class CostThreshold:
    """The threshold with the least expected cost on the validation rows.

    `miss` is the cost of a positive that was let through: an amount, or the name of the feature that holds it.
    `alarm` is the cost of acting on a negative. Both in the same currency.
    """

    miss: float | str
    alarm: float


@dataclass(frozen=True, slots=True)
class F1Threshold:
    """The threshold with the highest F1 (harmonic mean of precision and recall) on the validation rows."""


Threshold = FixedThreshold | CostThreshold | F1Threshold


@dataclass(frozen=True, slots=True)
class Level:
    """A named band of scores: it begins at `from_score` (inclusive) and ends where the next one begins."""

    name: str
    from_score: float


@dataclass(frozen=True, slots=True)
class Driver:
    """One feature's exact SHAP contribution to one score, on the model's margin scale."""

    feature: str
    value: Value
    contribution: float


@dataclass(frozen=True, slots=True)
class Decided:
    """A score with all that the policy said about it: what an `answer` function works from."""

    score: float
    threshold: float
    label: bool
    level: str
    confidence: Confidence
    record: Mapping[str, Value]
    drivers: Sequence[Driver]


Answer = Callable[[Decided], dict[str, object]]


def no_answer(_: Decided) -> dict[str, object]:
    """The answer of a model that says nothing beyond its score."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a model's score leads to.

    `levels` ascend and the first begins at 0. `drivers` is how many top drivers every prediction carries into
    `answer` (0 for none: explanations cost time). `answer` is a pure function and must be fast.
    """

    threshold: Threshold
    levels: tuple[Level, ...]
    drivers: int = 0
    answer: Answer = no_answer

    def __post_init__(self) -> None:
        starts = [level.from_score for level in self.levels]
        if not starts or starts[0] != 0.0 or starts != sorted(set(starts)):
            raise ValueError("levels must ascend and the first must begin at 0")

    def level(self, score: float) -> str:
        """The name of the band that holds `score` (0 to 1)."""
        name = self.levels[0].name
        for level in self.levels:
            if score < level.from_score:
                break
            name = level.name
        return name


def confidence(score: float, threshold: float) -> Confidence:
    """How far a probability lies from the threshold, in log-odds: low below 0.5, high from 1.5 on.

    1.5 in log-odds is the way from 0.5 to 0.82; the scale treats rare and common events alike.
    """
    distance = abs(_log_odds(score) - _log_odds(threshold))
    if distance < 0.5:
        return "low"
    return "medium" if distance < 1.5 else "high"


def _log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(inside / (1 - inside))
