"""What measuring one number yields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.bench import Bench
from benchmarks.measurement import Measurement
from benchmarks.summary import Series


@dataclass(slots=True)
class Findings:
    """Lines of the table, the raw figures behind them, and what a reader should know beside them."""

    measurements: list[Measurement] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)
    facts: dict[str, object] = field(default_factory=dict)
    """Raw figures that are not load runs, by name."""
    notes: list[str] = field(default_factory=list)

    def add(self, other: Findings) -> None:
        """Append what another number found."""
        self.measurements += other.measurements
        self.series += other.series
        self.facts |= other.facts
        self.notes += other.notes


@dataclass(frozen=True, slots=True)
class Number:
    """One numbered requirement and how to measure it."""

    title: str
    steps: Callable[[int], int]
    """Steps of the progress bar from the number of rounds."""
    measure: Callable[[Bench], Findings]


def figure(series: dict[str, Series], key: str, name: str) -> float | None:
    """A median of one server, or None when it was not measured."""
    if key not in series:
        return None
    value: float = getattr(series[key], name)
    return value
