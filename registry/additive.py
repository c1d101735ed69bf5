"""A model whose margin is a sum of one term per column: the artifact of linear recipes."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Floats = NDArray[np.float64]
Vector = tuple[float, ...]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LinearTerm(_Part):
    """slope x value + offset, and `missing` where there is no value: one entry per output each."""

    term: Literal["linear"] = "linear"
    slope: Vector
    offset: Vector
    missing: Vector

    @property
    def vectors(self) -> tuple[Vector, ...]:
        return self.slope, self.offset, self.missing


class TableTerm(_Part):
    """One value per code 0, 1, 2, ... and output, and `missing` for no code or one beyond them."""

    term: Literal["table"] = "table"
    codes: tuple[float, ...]
    values: tuple[Vector, ...]
    missing: Vector

    @property
    def vectors(self) -> tuple[Vector, ...]:
        return *self.values, self.missing


class SaturatingTerm(_Part):
    """height x (1 - exp(-value / rate)) - offset: rises from 0 and levels off. A missing value counts as 0."""

    term: Literal["saturating"] = "saturating"
    height: Vector
    rate: float = Field(gt=0)
    offset: Vector

    @property
    def vectors(self) -> tuple[Vector, ...]:
        return self.height, self.offset


Term = Annotated[LinearTerm | TableTerm | SaturatingTerm, Field(discriminator="term")]


class AdditiveModel(_Part):
    """margin = base + the terms of all columns. Terms are centred on the training rows: their mean there is 0, so that
    each is the exact SHAP value of its column, and `base` the mean margin (Lundberg and Lee 2017, corollary 1).

    >>> term = LinearTerm(slope=(2.0,), offset=(-2.0,), missing=(0.0,))
    >>> AdditiveModel(base=(10.0,), terms=(term,)).margins(np.array([[4.0], [np.nan]])).tolist()
    [[16.0], [10.0]]
    """

    base: Vector
    terms: tuple[Term, ...]

    @model_validator(mode="after")
    def _check_outputs(self) -> Self:
        for term in self.terms:
            if any(len(vector) != self.outputs for vector in term.vectors):
                raise ValueError(f"every term needs {self.outputs} outputs, as the base has")
            if isinstance(term, TableTerm) and len(term.codes) != len(term.values):
                raise ValueError("a table needs as many values as codes")
            if isinstance(term, TableTerm) and any(low >= high for low, high in pairwise(term.codes)):
                raise ValueError("a table's codes must ascend")
        return self

    @property
    def outputs(self) -> int:
        return len(self.base)

    def margins(self, rows: NDArray[np.floating]) -> Floats:
        """Encoded rows (n, columns), NaN for missing -> (n, outputs)."""
        return np.asarray(self.contributions(rows).sum(axis=1) + self.base)

    def contributions(self, rows: NDArray[np.floating]) -> Floats:
        """Encoded rows (n, columns) -> every column's part of every output, (n, columns, outputs)."""
        parts = np.empty((len(rows), len(self.terms), self.outputs))
        for column, term in enumerate(self.terms):
            parts[:, column] = _term(term, rows[:, column].astype(np.float64))
        return parts


def _term(term: LinearTerm | TableTerm | SaturatingTerm, values: Floats) -> Floats:
    """One term's part of every output for a column (n,), shape (n, outputs)."""
    match term:
        case LinearTerm():
            parts = values[:, np.newaxis] * np.asarray(term.slope) + np.asarray(term.offset)
            return np.where(np.isnan(values)[:, np.newaxis], np.asarray(term.missing), parts)
        case SaturatingTerm():
            levelled = -np.expm1(-np.clip(np.nan_to_num(values), 0, None) / term.rate)
            return np.asarray(levelled[:, np.newaxis] * np.asarray(term.height) - np.asarray(term.offset))
        case TableTerm():
            codes = np.asarray(term.codes)
            at = np.clip(np.searchsorted(codes, np.nan_to_num(values)), 0, max(0, len(codes) - 1))
            table = np.array([*term.values, term.missing])
            known = ~np.isnan(values) & (codes[at] == values) if len(codes) else np.zeros(len(values), bool)
            return np.asarray(table[np.where(known, at, len(codes))])
