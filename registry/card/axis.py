"""Axes: where a value lies in a plot, and which values are written beside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from registry.card.figures import written


@dataclass(frozen=True, slots=True)
class Axis:
    """A straight axis from `low` to `high`, mapped to the pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    label: str = ""
    write: Callable[[float], str] = written
    marks: tuple[float, ...] | None = None
    """Where its ticks are, when not at round numbers."""

    def at(self, value: float) -> float:
        """The pixel of a value; beyond the ends, that of the end."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """Three to seven round values."""
        if self.marks is not None:
            return list(self.marks)
        step = _round_step((self.high - self.low) / 4)
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(number * step, 12) for number in range(first, last + 1)]


def bounds(values: Iterable[float], *, margin: float = 0.04) -> tuple[float, float]:
    """Where an axis of these values begins and ends: never in one point."""
    given = list(values)
    low, high = (min(given), max(given)) if given else (0.0, 1.0)
    if high - low <= 1e-9 * max(abs(low), abs(high)):  # one value, summed in another order
        low = high
    room = (high - low) * margin or abs(high) * 0.1 or 1.0
    return low - room, high + room


def _round_step(wanted: float) -> float:
    """1, 2, 2.5 or 5 times a power of ten, near what is wanted."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * power >= wanted * 0.66)
