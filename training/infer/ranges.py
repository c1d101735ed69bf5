"""The range of a number: what was observed, widened to round numbers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.infer.naming import speaks_of_share, unit_of

LONG_TAIL = 2.5
"""From the median to the maximum is so many times the way to the 99th percentile: far larger values are to come."""
TAIL_SPANS = 10.0
SMALL_COUNT = 10
"""Whole numbers from 0 on may at least become this large: that only 0 to 2 were seen does not forbid a 3."""
NEAR_ZERO = 1 / 3
"""Of positive fractions, a minimum that is a smaller share of the median comes near to 0."""
RARE = 0.02
"""A 1 among zeros that is rarer than this may be a count that seldom is 1, rather than a yes."""


def widened(values: pd.Series[Any], name: str, cell_unit: str = "") -> tuple[float, float]:
    """Minimum and maximum for `values`, finite and at least one; `cell_unit` stands beside them in the file.

    The observed span is added on each side, ten of them where there is a long tail. A range does not go below 0 when no
    value does, unless fractions of no known unit come near to it; shares stay within 0 to 1, percentages within 0 to
    100.

    >>> widened(pd.Series([18.0, 44.0, 67.0]), "age")
    (0, 120)
    """
    low, high = float(values.min()), float(values.max())
    if low >= 0 and (natural := _natural(values, name, cell_unit)):
        return natural
    below, above = _reaches(values.to_numpy(np.float64), (high - low) or abs(high) or 1.0)
    minimum, maximum = _outward(low - below, below, math.floor), _outward(high + above, above, math.ceil)
    if low >= 0:
        small = SMALL_COUNT if (values % 1 == 0).all() else 0
        return minimum if _may_turn_negative(values, name, cell_unit) else max(minimum, 0), max(maximum, small)
    return minimum, 0 if high == 0 else maximum


def _may_turn_negative(values: pd.Series[Any], name: str, cell_unit: str) -> bool:
    """Whether it may be by chance that no value is below 0: nothing says what is measured, and none is 0 itself."""
    fractions = not (values % 1 == 0).all() and not cell_unit and unit_of(name) == "units"
    return fractions and 0 < values.min() < NEAR_ZERO * values.median()


def _natural(values: pd.Series[Any], name: str, cell_unit: str) -> tuple[float, float] | None:
    """The range of a share, a percentage, or a yes that is written as 1."""
    high = float(values.max())
    if cell_unit == "%":
        return (0, 100) if high <= 100 else None
    if speaks_of_share(name) and high <= 100:
        return (0, 1) if high <= 1 else (0, 100)
    if (values.min(), high) == (0, 1) and unit_of(name) != "count":
        whole = set(values.unique()) == {0.0, 1.0}
        return (0, 1) if not whole or RARE < values.mean() < 1 - RARE else None
    return None


def _reaches(values: NDArray[np.float64], span: float) -> tuple[float, float]:
    """How far to go below the minimum and above the maximum."""
    low, first, median, last, high = np.quantile(values, (0, 0.01, 0.5, 0.99, 1))
    return (
        span * (TAIL_SPANS if median - low > LONG_TAIL * (median - first) else 1),
        span * (TAIL_SPANS if high - median > LONG_TAIL * (last - median) else 1),
    )


def _outward(bound: float, reach: float, towards: Any) -> float:
    """`bound` moved to the next multiple of the power of ten below `reach`."""
    power = math.floor(math.log10(reach))
    step = 10.0**power
    return plain(round(towards(round(bound / step, 9)) * step, -power))


def plain(value: float) -> float:
    """A whole float as an integer: as a person would write it."""
    return int(value) if value == int(value) and abs(value) < 2**53 else value
