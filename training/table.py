"""Checked rows: the only form of data that the training works on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Indices = NDArray[np.intp]
Times = NDArray[np.float64] | NDArray[np.datetime64]
Labels = NDArray[np.int8]
"""1 for a positive, 0 for a negative, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Checked rows.

    `features` holds the schema's columns in order: numbers and flags as float64 (NaN is missing), categories as pandas
    categoricals of the schema's levels. `labels` is 1 where the target is positive. `times` and `groups` are there when
    the recipe names a column for them. All have one entry per row.
    """

    features: pd.DataFrame
    labels: Labels
    times: Times | None = None
    groups: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def positive_rate(self) -> float:
        return float(self.labels.mean())

    def take(self, rows: Indices) -> Table:
        """The same columns of some of the rows, in the order of `rows`."""
        times = None if self.times is None else self.times[rows]
        groups = None if self.groups is None else self.groups[rows]
        return Table(self.features.iloc[rows].reset_index(drop=True), self.labels[rows], times, groups)

    def row_hashes(self) -> NDArray[np.uint64]:
        """One hash per row over all features, shape (rows,): equal rows have equal hashes."""
        return np.asarray(pd.util.hash_pandas_object(self.features, index=False), np.uint64)

    def fingerprint(self) -> str:
        """SHA-256 over names and values of all columns used, in order."""
        digest = hashlib.sha256()
        for name in self.features.columns:
            column = self.features[name]
            codes = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
            digest.update(name.encode() + b"\0" + np.ascontiguousarray(codes).tobytes())
        for values in (self.labels, self.times, self.groups):
            digest.update(b"\0" if values is None else np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()
