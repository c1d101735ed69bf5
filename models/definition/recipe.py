"""How a model is trained: the split, the booster's settings and the gates a version must pass to be stored."""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How rows are split and the booster is fitted.

    `time_column`: rows are split by time, the latest for the test. `group_column`: all rows of a group stay on
    one side. Neither: a stratified split. `sample_rows` is how many synthetic rows a first training uses.
    """

    booster: Booster = Booster()
    time_column: str | None = None
    group_column: str | None = None
    validation_fraction: float = 0.2
    test_fraction: float = 0.2
    sample_rows: int = 50_000
    seed: int = 7


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
