"""Quantiles and charts from binned counts."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.histogram import UNIT_BINS, edges

CHART_BINS = 20


def quantile(bins: Mapping[int, int], share: float, *, least: float | None, most: float | None) -> float | None:
    """The value that `share` of what was counted does not exceed; None when nothing was.

    Within a bin, as far as it lies between `least` and `most`, the values are taken to lie evenly. At most 0.02 off for
    what lies between 0 and 1, 10 % for the rest.
    """
    return quantiles(bins, (share,), least=least, most=most)[0]


def quantiles(
    bins: Mapping[int, int], shares: Sequence[float], *, least: float | None, most: float | None
) -> list[float | None]:
    """Several at once; `shares` ascend."""
    total = sum(bins.values())
    if not total:
        return [None] * len(shares)
    found: list[float | None] = []
    wanted = [share * total for share in shares]
    passed = 0
    for number in sorted(bins, key=edges):
        reached = passed + bins[number]
        while reached >= wanted[len(found)] and reached > passed:
            low, high = (_between(edge, least, most) for edge in edges(number))
            found.append(low + (high - low) * max(0.0, wanted[len(found)] - passed) / (reached - passed))
            if len(found) == len(wanted):
                return found
        passed = reached
    return found


@dataclass(frozen=True, slots=True)
class Scale:
    """The bars of a chart: `edges` has one value more than there are bars, and `place` says where a bin goes."""

    edges: tuple[float, ...]
    place: Mapping[int, int]

    @property
    def names(self) -> list[str]:
        """What the bars are called.

        >>> scale([{3: 1}], bars=10).names[0]
        '0 to 0.1'
        """
        return [f"{low:.4g} to {high:.4g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]

    def counts(self, bins: Mapping[int, int]) -> list[int]:
        found = [0] * (len(self.edges) - 1)
        for number, count in bins.items():
            found[self.place[number]] += count
        return found


def scale(several: Sequence[Mapping[int, int]], *, bars: int = CHART_BINS) -> Scale:
    """Bars that hold all bins of several histograms: `bars` or fewer, none wider than needed.

    Probabilities go into bars of equal width from 0 to 1. Other numbers go into bars of neighbouring bins, whose widths
    grow with their values.
    """
    numbers = sorted({number for bins in several for number in bins}, key=edges)
    if not numbers:
        return Scale((), {})
    if all(number < UNIT_BINS for number in numbers):
        width = math.ceil(UNIT_BINS / bars)
        count = math.ceil(UNIT_BINS / width)
        place = {number: number // width for number in numbers}
        return Scale(tuple(min(bar * width / UNIT_BINS, 1.0) for bar in range(count + 1)), place)
    return _grown(numbers, bars)


def _grown(numbers: Sequence[int], bars: int) -> Scale:
    """Bars of as many bins each; between two bars lies what no bin in use covers."""
    each = math.ceil(len(numbers) / bars)
    groups = [numbers[at : at + each] for at in range(0, len(numbers), each)]
    place = {number: bar for bar, group in enumerate(groups) for number in group}
    return Scale((*(edges(group[0])[0] for group in groups), edges(groups[-1][-1])[1]), place)


def _between(value: float, least: float | None, most: float | None) -> float:
    if least is not None:
        value = max(value, least)
    return value if most is None else min(value, most)
