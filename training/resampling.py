"""Bootstrap resamples as weights of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from training.evaluate import Judged

Floats = NDArray[np.float64]
Groups = NDArray[np.int64]
"""Whose each row is, shape (rows,)."""
RESAMPLES = (100, 1000)
_RESAMPLED_ROWS = 12_000_000
"""How many rows all resamples hold together, within `RESAMPLES`: half a second of one core."""

Measure = Callable[[Floats], Mapping[str, float]]
"""Every metric of rows with these weights, shape (rows,)."""


def judged(measure: Measure, rows: int, seed: int, groups: Groups | None = None) -> Judged:
    """The metrics of `rows` rows as they are, and of resamples of them, always the same for the same seed."""
    values = dict(measure(np.ones(rows)))
    drawn = [measure(weights) for weights in resamples(rows, seed, groups)]
    return Judged(values, {name: np.array([one[name] for one in drawn]) for name in values})


def how_many(rows: int) -> int:
    """Resamples of so many rows."""
    return int(np.clip(_RESAMPLED_ROWS // max(1, rows), *RESAMPLES))


def resamples(rows: int, seed: int, groups: Groups | None = None) -> Iterator[Floats]:
    """How often each row comes in each resample, shape (rows,). Source: Efron and Tibshirani 1993, chapter 6.

    Whole groups are drawn where there are some: rows of one customer err alike, and intervals that take each for an
    observation are too narrow (Davison and Hinkley 1997, chapter 3.8).
    """
    random = np.random.default_rng(seed)
    of = np.arange(rows) if groups is None else np.unique(groups, return_inverse=True)[1]
    units = int(of.max(initial=-1)) + 1
    for _ in range(how_many(rows)):
        yield np.bincount(random.integers(0, units, units), minlength=units).astype(np.float64)[of]
