"""How a probability becomes a decision: the threshold's rule, the levels and the model's particular answer."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from models.definition.feature import Value
from models.definition.record import Driver

Confidence = Literal["low", "medium", "high"]
EDGE = 1e-9
"""Probabilities closer to 0 or 1 count as this far away: no log-odds is infinite."""


@dataclass(frozen=True, slots=True)
class FixedThreshold:
    """The threshold is `at`, whatever the data says. Raises ValueError outside 0 to 1."""

    at: float

    def __post_init__(self) -> None:
        if not 0 <= self.at <= 1:
            raise ValueError(f"a threshold of {self.at:g}: choose one from 0 to 1")


@dataclass(frozen=True, slots=True)
class CostThreshold:
    """The threshold with the least expected cost on the validation rows.

    `miss` is the cost of a positive that was let through: an amount, or the name of the feature that holds it.
    `alarm` is the cost of acting on a negative. Both in the same currency.
    """

    miss: float | str
    alarm: float

    def __post_init__(self) -> None:
        if not self.alarm > 0 or not (isinstance(self.miss, str) or self.miss > 0):
            raise ValueError("the costs of a threshold must be above 0")


@dataclass(frozen=True, slots=True)
class F1Threshold:
    """The threshold with the highest F1 (harmonic mean of precision and recall) on the validation rows."""


Threshold = FixedThreshold | CostThreshold | F1Threshold


@dataclass(frozen=True, slots=True)
class Level:
    """A named band of scores: it begins at `from_score` (inclusive) and ends where the next one begins."""

    name: str
    from_score: float


class Decided(msgspec.Struct, frozen=True, gc=False):
    """A score with all that the policy said about it: what an `answer` function works from."""

    score: float
    threshold: float
    label: bool
    level: str
    confidence: Confidence
    record: Mapping[str, Value]
    drivers: Sequence[Driver]
    amount: float | None = None
    """What a positive would amount to, where the model has an `amount` target."""


Answer = Callable[[Decided], dict[str, object]]


def no_answer(_: Decided) -> dict[str, object]:
    """The answer of a model that says nothing beyond its score."""
    return {}


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryPolicy:
    """What a model's score leads to.

    `levels` ascend and the first begins at 0. `drivers` is how many top drivers every prediction carries into
    `answer` (0 for none: explanations cost time). `answer` is a pure function and must be fast.
    """

    threshold: Threshold
    levels: tuple[Level, ...]
    drivers: int = 0
    answer: Answer = no_answer
    rank_by: str = ""
    """The field of `answer` that ranks the predictions of a batch, largest first, in its field `rank`."""
    _starts: tuple[float, ...] = field(init=False, repr=False, compare=False)
    _names: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        starts = tuple(level.from_score for level in self.levels)
        if not starts or starts[0] != 0.0 or list(starts) != sorted(set(starts)):
            raise ValueError("levels must ascend and the first must begin at 0")
        object.__setattr__(self, "_starts", starts)
        object.__setattr__(self, "_names", (self.levels[0].name, *(level.name for level in self.levels)))

    def level(self, score: float) -> str:
        """The name of the band that holds `score` (0 to 1)."""
        return self._names[bisect_right(self._starts, score)]

    def levels_of(self, scores: Iterable[float]) -> list[str]:
        """`level` of many scores."""
        names, starts = self._names, self._starts
        return [names[bisect_right(starts, score)] for score in scores]


class ConfidenceScale:
    """How far a probability lies from `threshold`, in log-odds: low below 0.5, high from 1.5 on, else medium.

    1.5 in log-odds is the way from 0.5 to 0.82; the scale treats rare and common events alike.
    """

    __slots__ = ("_cuts",)
    _NAMES: tuple[Confidence, ...] = ("high", "medium", "low", "medium", "high")

    def __init__(self, threshold: float) -> None:
        centre = _log_odds(threshold)
        cuts = (1.0 / (1.0 + math.exp(-(centre + step))) for step in (-1.5, -0.5, 0.5, 1.5))
        self._cuts = tuple(-1.0 if cut < EDGE else 2.0 if cut > 1 - EDGE else cut for cut in cuts)

    def __call__(self, score: float) -> Confidence:
        return self._NAMES[bisect_right(self._cuts, score)]

    def of_all(self, scores: Iterable[float]) -> list[Confidence]:
        """The same of many scores."""
        names, cuts = self._NAMES, self._cuts
        return [names[bisect_right(cuts, score)] for score in scores]


def confidence(score: float, threshold: float) -> Confidence:
    """The confidence of one score; see `ConfidenceScale`."""
    return ConfidenceScale(threshold)(score)


def _log_odds(probability: float) -> float:
    inside = min(max(probability, EDGE), 1 - EDGE)
    return math.log(inside / (1 - inside))
