"""Bins that scores and latencies are counted in, the same for ever, so that any two histograms add up.

A score that comes with a label is a probability or lies between 0 and 1 anyway: 50 bins of 0.02, numbers 0 to 49. Any
other number is counted by its magnitude: bin k holds what lies above 1.1^(k-1) and up to 1.1^k, so that a quantile read
from the bins is at most 10 % off (the idea of DDSketch, VLDB 2019). Its number is 2000 + k + 500 for positive numbers,
2000 - k - 500 for negative ones, and 2000 for what is closer to 0 than 1e-6; beyond 1e12 all lies in the last bin.
"""

from __future__ import annotations

import math
from functools import cache

UNIT_BINS = 50
GROWTH = 1.1
ZERO = 2000
_SHIFT = 500
SMALLEST, LARGEST = 1e-6, 1e12
_LN = math.log(GROWTH)


def score_bin(score: float, has_label: bool) -> int:
    """The number of a score's bin."""
    if has_label and 0 <= score <= 1:
        return min(int(score * UNIT_BINS), UNIT_BINS - 1)
    return magnitude_bin(score)


def magnitude_bin(value: float) -> int:
    """The number of the bin of any number by its magnitude."""
    size = abs(value)
    if size < SMALLEST:
        return ZERO
    number = _SHIFT + math.ceil(math.log(size if size < LARGEST else LARGEST) / _LN)
    return ZERO + number if value > 0 else ZERO - number


@cache
def edges(number: int) -> tuple[float, float]:
    """The least and the greatest value that a bin stands for.

    >>> edges(0), edges(2000)
    ((0.0, 0.02), (-1e-06, 1e-06))
    """
    if number < UNIT_BINS:
        return number / UNIT_BINS, (number + 1) / UNIT_BINS
    if number == ZERO:
        return -SMALLEST, SMALLEST
    power = abs(number - ZERO) - _SHIFT
    low, high = GROWTH ** (power - 1), GROWTH**power
    return (low, high) if number > ZERO else (-high, -low)
