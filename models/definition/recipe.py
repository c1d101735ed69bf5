"""How a model is trained: the split, the learner's settings and the gates a version must pass to be stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["auto", "trees", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Booster:
    """Settings of the gradient-boosted trees (names as in XGBoost)."""

    rounds: int = 600
    early_stopping_rounds: int = 40
    max_depth: int = 4
    learning_rate: float = 0.08
    min_child_weight: float = 5.0
    subsample: float = 0.8
    colsample_bytree: float = 0.8
    reg_lambda: float = 1.0
    monotone: tuple[tuple[str, Literal[-1, 1]], ...] = ()
    """Features in which the margin may only fall (-1) or only rise (1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """Settings of the isolation forest of an anomaly model (Liu, Ting and Zhou 2008)."""

    trees: int = 200
    sample: int = 256
    """Rows that each tree is grown from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How rows are split and the model is fitted.

    `time_column`: rows are split by time, the latest for the test, as observations always are. `group_column`: all rows
    of a group stay on one side. Neither: a stratified split. `form`: "trees" are boosted, "linear" is a penalised
    linear model, "auto" tries both, and several depths, on the training rows alone. `sample_rows` is how many
    observations a training takes from the model's view at most, or how many synthetic rows.

    Raises ValueError for fractions that leave a side of the split without rows.
    """

    form: Form = "trees"
    booster: Booster = Booster()
    isolation: Isolation = Isolation()
    saturating: tuple[str, ...] = ()
    """Of a linear model: features whose effect rises from 0 and levels off, such as what is spent on a channel."""
    data: str | None = None
    """The file whose rows `tiffin train` takes when it is given none: a path, relative to the project's folder."""
    query: str | None = None
    """The same for a SQL query against the database."""
    traps: Literal["stop", "leave_out"] = "stop"
    """Whether a column that gives the answer away stops the training, or is blanked in all rows and named."""
    time_column: str | None = None
    group_column: str | None = None
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    sample_rows: int = 50_000
    seed: int = 7

    def __post_init__(self) -> None:
        fractions = self.validation_fraction, self.test_fraction
        if min(fractions) <= 0 or sum(fractions) >= 1:
            raise ValueError(
                f"validation_fraction {fractions[0]:g} and test_fraction {fractions[1]:g}: "
                "both must be above 0 and leave rows to train on"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A bound on a test metric. A version outside it is refused, with the metric and the distance named."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError(f"gate on {self.metric}: set one of at_least and at_most")

    def shortfall(self, value: float) -> float:
        """By how much `value` misses the gate, in the metric's own unit; 0 when it passes, infinite for NaN."""
        if value != value:  # noqa: PLR0124 - the one value that differs from itself is NaN
            return float("inf")
        if self.at_least is not None:
            return max(0.0, self.at_least - value)
        assert self.at_most is not None
        return max(0.0, value - self.at_most)
