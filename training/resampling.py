"""Bootstrap resamples as weights of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from training.evaluate import Judged

Floats = NDArray[np.float64]
RESAMPLES = (100, 1000)
_RESAMPLED_ROWS = 12_000_000
"""How many rows all resamples hold together, within `RESAMPLES`: half a second of one core."""

Measure = Callable[[Floats], Mapping[str, float]]
"""Every metric of rows with these weights, shape (rows,)."""


def judged(measure: Measure, rows: int, seed: int) -> Judged:
    """The metrics of `rows` rows as they are, and of resamples of them, always the same for the same seed."""
    values = dict(measure(np.ones(rows)))
    drawn = [measure(weights) for weights in resamples(rows, seed)]
    return Judged(values, {name: np.array([one[name] for one in drawn]) for name in values})


def resamples(rows: int, seed: int) -> Iterator[Floats]:
    """How often each row comes in each resample, shape (rows,). Source: Efron and Tibshirani 1993, chapter 6."""
    random = np.random.default_rng(seed)
    for _ in range(int(np.clip(_RESAMPLED_ROWS // max(1, rows), *RESAMPLES))):
        yield np.bincount(random.integers(0, rows, rows), minlength=rows).astype(np.float64)
