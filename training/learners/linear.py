"""Penalised linear models, as a sum of one term per column."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from sklearn.linear_model import LogisticRegression, Ridge

from registry.additive import AdditiveModel, LinearTerm, SaturatingTerm, TableTerm, Term
from training.encode import Matrix
from training.learners.learned import Floats, Fold, whole
from training.progress import Progress

RATES = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2, 2.0)
"""Candidates for where an effect levels off, as shares of the largest value."""
SWEEPS = 4


@dataclass(frozen=True, slots=True)
class Additive:
    """An additive model that is done."""

    model: AdditiveModel

    @property
    def trees(self) -> int:
        return 0

    @property
    def row_seconds(self) -> float:
        return 1e-6

    def margins(self, matrix: Matrix) -> Floats:
        return self.model.margins(matrix)

    def contributions(self, matrix: Matrix) -> Floats:
        return self.model.contributions(matrix)

    def stored(self, name: str, matrices: Sequence[Matrix]) -> AdditiveModel:
        return self.model


@dataclass(frozen=True, slots=True)
class Linear:
    """Standardised columns, one value per code of `tables` columns, an indicator where values are missing.

    `loss` is that of logistic regression (two classes or more) or of least squares; `penalty` is the weight of the
    squared coefficients, in rows. `saturating` columns get a height and a rate instead of a slope.
    """

    loss: Literal["logistic", "squares"]
    penalty: float
    tables: frozenset[int]
    saturating: frozenset[int] = frozenset()
    classes: int = field(default=2)

    @property
    def words(self) -> str:
        return f"a linear model with penalty {self.penalty:g}"

    def fit(self, rows: Fold, progress: Progress) -> Additive:
        """Fitted on the training rows; nothing is stopped early."""
        rates = self._rates(rows)
        parts = [
            self._part(column, rows.matrix[:, column], rates.get(column)) for column in range(rows.matrix.shape[1])
        ]
        design = np.hstack([part.design for part in parts])
        coefficients, base = self._solve(design, rows, parts)
        terms: list[Term] = []
        at = 0
        for part in parts:
            width = part.design.shape[1]
            terms.append(part.term(coefficients[at : at + width]))
            at += width
        return Additive(AdditiveModel(base=tuple(base.tolist()), terms=tuple(terms)))

    def refit(self, rows: Fold, before: Additive, progress: Progress) -> Additive:
        """As `fit`."""
        return self.fit(rows, progress)

    def apart(self, folds: list[Fold], progress: Progress) -> list[Additive]:
        """The model of every fold."""
        return [self.fit(fold, progress) for fold in folds]

    def crossed(self, folds: list[Fold], progress: Progress) -> tuple[Additive, list[Additive]]:
        """The model of all folds' rows together, and those of the single folds."""
        return self.fit(whole(folds), progress), self.apart(folds, progress)

    def _part(self, column: int, values: NDArray[np.float32], rate: float | None) -> _Part:
        if rate is not None:
            return _saturating(values.astype(np.float64), rate)
        return _table(values.astype(np.float64)) if column in self.tables else _slope(values.astype(np.float64))

    def _solve(self, design: Floats, rows: Fold, parts: Sequence[_Part]) -> tuple[Floats, Floats]:
        """Coefficients (columns of the design, outputs) and the mean margin of each output; the design is centred."""
        if self.loss == "squares" and rows.weights is not None and not self.saturating:
            weighted = Ridge(alpha=self.penalty).fit(design, rows.target, rows.weights)
            return np.asarray(weighted.coef_, np.float64)[:, np.newaxis], np.array([float(weighted.intercept_)])
        if self.loss == "squares":
            return self._least_squares(design, rows.target.astype(np.float64), parts)
        solver = "newton-cholesky" if design.shape[1] * self.classes < 1500 else "lbfgs"
        model = LogisticRegression(C=1 / max(self.penalty, 1e-9), solver=solver, max_iter=200)
        model.fit(design, rows.target)
        return np.asarray(model.coef_.T, np.float64), np.asarray(model.intercept_, np.float64)

    def _least_squares(self, design: Floats, target: Floats, parts: Sequence[_Part]) -> tuple[Floats, Floats]:
        mean = target.mean()
        if self.saturating:
            lowest = np.concatenate([np.full(part.design.shape[1], part.lowest) for part in parts])
            root = np.sqrt(self.penalty) * np.eye(design.shape[1])
            solved = lsq_linear(
                np.vstack([design, root]),
                np.concatenate([target - mean, np.zeros(len(root))]),
                bounds=(lowest, np.full(len(lowest), np.inf)),
            )
            return np.asarray(solved.x)[:, np.newaxis], np.array([mean])
        model = Ridge(alpha=self.penalty, fit_intercept=False).fit(design, target - mean)
        return np.asarray(model.coef_, np.float64)[:, np.newaxis], np.array([mean])

    def _rates(self, rows: Fold) -> dict[int, float]:
        """The rate of every saturating column: each in turn the one with the least squared error, the others held."""
        values = {column: np.nan_to_num(rows.matrix[:, column]) for column in sorted(self.saturating)}
        largest = {column: float(found.max(initial=0.0)) or 1.0 for column, found in values.items()}
        rates = {column: 0.4 * value for column, value in largest.items()}
        for _ in range(SWEEPS if largest else 0):
            before = dict(rates)
            for column, value in largest.items():
                tried = {share * value: self._error(rows, {**rates, column: share * value}) for share in RATES}
                rates[column] = min(tried, key=lambda rate: tried[rate])
            if rates == before:
                break
        return rates

    def _error(self, rows: Fold, rates: dict[int, float]) -> float:
        parts = [
            self._part(column, rows.matrix[:, column], rates.get(column)) for column in range(rows.matrix.shape[1])
        ]
        design = np.hstack([part.design for part in parts])
        coefficients, base = self._solve(design, rows, parts)
        residuals = rows.target - base[0] - design @ coefficients[:, 0]
        return float(residuals @ residuals)


@dataclass(frozen=True, slots=True)
class _Part:
    """One column's part of the design, centred, and the term that its coefficients (width, outputs) make."""

    design: Floats
    term: Callable[[Floats], Any]
    lowest: float = -np.inf
    """The least that a coefficient may be."""


def _slope(values: Floats) -> _Part:
    known = ~np.isnan(values)
    centre = float(values[known].mean()) if known.any() else 0.0
    scale = float(values[known].std()) if known.any() else 0.0
    scale = scale if scale > 0 else 1.0
    standard = np.where(known, (np.where(known, values, centre) - centre) / scale, 0.0)
    absent = float(1 - known.mean())

    def term(c: Floats) -> LinearTerm:
        slope, indicator = c[0] / scale, c[1] if absent else np.zeros(c.shape[1])
        offset = -slope * centre - absent * indicator
        return LinearTerm(slope=_vector(slope), offset=_vector(offset), missing=_vector((1 - absent) * indicator))

    columns = [standard, ~known - absent] if absent else [standard]
    return _Part(np.column_stack(columns), term)


def _table(values: Floats) -> _Part:
    codes = np.unique(values[~np.isnan(values)])
    indicators = np.column_stack([*(values == code for code in codes), np.isnan(values)]).astype(np.float64)
    means = indicators.mean(axis=0)

    def term(c: Floats) -> TableTerm:
        centred = c - means @ c
        return TableTerm(
            codes=_vector(codes), values=tuple(_vector(row) for row in centred[:-1]), missing=_vector(centred[-1])
        )

    return _Part(indicators - means, term)


def _saturating(values: Floats, rate: float) -> _Part:
    levelled = -np.expm1(-np.clip(np.nan_to_num(values), 0, None) / rate)
    mean = float(levelled.mean())
    return _Part(
        (levelled - mean)[:, np.newaxis],
        lambda c: SaturatingTerm(height=_vector(c[0]), rate=rate, offset=_vector(mean * c[0])),
        lowest=0.0,
    )


def _vector(values: NDArray[np.generic]) -> tuple[float, ...]:
    return tuple(np.asarray(values, np.float64).tolist())
