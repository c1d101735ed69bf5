"""Checked rows: the only form of data that the training works on."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from registry.details import FromView
from training.dealing import Dealt, Times

Indices = NDArray[np.intp]
Labels = NDArray[np.int8]
"""1 for a positive, 0 for a negative, shape (rows,)."""
Target = NDArray[Any]
"""Labels of a binary model, class numbers (int64) of a multiclass one, float64 quantities, shape (rows,)."""


@dataclass(frozen=True, slots=True)
class Table:
    """Checked rows.

    `features` holds the inputs' columns in order: numbers and flags as float64 (NaN is missing), categories as pandas
    categoricals of the schema's levels, moments as datetime64 in UTC (NaT is missing). `target` is what is learned; an
    anomaly model's is 1 for rows known to be anomalies. `times`, `groups` and `amounts` (NaN where there is none) are
    there when the definition names a column for them. All have one entry per row, in the order of the source.
    """

    features: pd.DataFrame
    target: Target
    times: Times | None = None
    groups: NDArray[np.int64] | None = None
    amounts: NDArray[np.float64] | None = None
    scales: NDArray[np.float64] | None = None
    """Of a forecast: what the target of each row is a multiple of, in the series' unit."""
    offsets: NDArray[np.float64] | None = None
    """Of a forecast: what the target of each row is the distance from, as a multiple of the same."""
    findings: tuple[str, ...] = ()
    """What was odd about the rows and what was done about it, in words."""
    view: FromView | None = None
    """Where the rows are observations: of whom, when, and through which view."""
    dealt: Dealt | None = None
    """The sides of the split that rows were drawn for, where their source has dealt them."""

    def __len__(self) -> int:
        return len(self.features)

    @property
    def positive_rate(self) -> float:
        return float(self.target.mean())

    @property
    def weights(self) -> NDArray[np.float64] | None:
        """What each row counts in fitting, shape (rows,), 1 on average; None: all alike.

        A forecast's target is a multiple of its series' level, and varies by chance the more the smaller that is:
        counts vary as Poisson's do, by one over the level. Unweighted, slow movers would be most of the loss.
        """
        return None if self.scales is None else self.scales / self.scales.mean()

    def quantities(self, estimates: NDArray[np.float64], rows: Indices | None = None) -> NDArray[np.float64]:
        """What estimates of the target of `rows`, or of all, shape (rows,), stand for in the target column's unit."""
        if self.scales is None or self.offsets is None:
            return estimates
        at = slice(None) if rows is None else rows
        return np.asarray(self.scales[at] * (self.offsets[at] + estimates), np.float64)

    def take(self, rows: Indices) -> Table:
        """The same columns of some of the rows, in the order of `rows`."""
        return Table(
            self.features.iloc[rows].reset_index(drop=True),
            self.target[rows],
            None if self.times is None else self.times[rows],
            None if self.groups is None else self.groups[rows],
            None if self.amounts is None else self.amounts[rows],
            None if self.scales is None else self.scales[rows],
            None if self.offsets is None else self.offsets[rows],
            self.findings,
            self.view,
            None if self.dealt is None else self.dealt.take(rows),
        )

    def groups_of(self, rows: Indices) -> NDArray[np.int64] | None:
        """The groups of some of the rows, where there are groups."""
        return None if self.groups is None else self.groups[rows]

    def row_hashes(self) -> NDArray[np.uint64]:
        """One hash per row over all features, shape (rows,): equal rows have equal hashes."""
        return np.asarray(pd.util.hash_pandas_object(self.features, index=False), np.uint64)

    @property
    def copies_are_chance(self) -> bool:
        """Whether rows are equal because their few columns have few values, rather than copied: as many would be if
        every column were shuffled by itself."""
        if len(np.unique(self.row_hashes())) >= len(self) / 2:
            return False
        random = np.random.default_rng(0)
        shuffled = {name: column.array.take(random.permutation(len(self))) for name, column in self.features.items()}
        hashes = pd.util.hash_pandas_object(pd.DataFrame(shuffled), index=False)
        return bool(hashes.nunique() < len(self) / 2)

    def fingerprint(self) -> str:
        """SHA-256 over names and values of all columns used, in order."""
        digest = hashlib.sha256()
        for name in self.features.columns:
            column = self.features[name]
            codes = column.cat.codes if isinstance(column.dtype, pd.CategoricalDtype) else column
            digest.update(name.encode() + b"\0" + np.ascontiguousarray(codes).tobytes())
        for values in (self.target, self.times, self.groups, self.amounts):
            digest.update(b"\0" if values is None else np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()
