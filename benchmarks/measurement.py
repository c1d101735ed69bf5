"""One line of the table: a figure of Tiffin's, the figure it is compared with, and the bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """What must hold: of the ratio Tiffin / baseline, or of Tiffin's figure itself. A `goal` is aimed at, not owed."""

    of: Literal["ratio", "figure"]
    at_least: float | None = None
    at_most: float | None = None
    goal: bool = False

    def __post_init__(self) -> None:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("set one of at_least and at_most")

    def holds(self, value: float) -> bool:
        """Whether `value` is on the right side."""
        return value >= self.at_least if self.at_least is not None else value <= (self.at_most or 0.0)

    @property
    def text(self) -> str:
        sign, bound = (">=", self.at_least) if self.at_least is not None else ("<=", self.at_most)
        return f"{'goal: ' if self.goal else ''}{sign} {bound:g}{' x' if self.of == 'ratio' else ''}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """`tiffin` and `baseline` are medians over the rounds of one run, in `unit`. None: there is nothing to say."""

    requirement: str
    what: str
    unit: str
    tiffin: float | None
    baseline: float | None = None
    baseline_name: str = ""
    bar: Bar | None = None

    @property
    def ratio(self) -> float | None:
        """Tiffin's figure over the baseline's."""
        if self.tiffin is None or not self.baseline:
            return None
        return self.tiffin / self.baseline

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without a bar, or without a figure to hold against it."""
        value = self.ratio if self.bar and self.bar.of == "ratio" else self.tiffin
        return None if self.bar is None or value is None else self.bar.holds(value)
