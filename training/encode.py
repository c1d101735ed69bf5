"""Category codes learned from training rows, and whole tables encoded at once."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Moment, Part, Schema
from registry.encoding import Encoding
from training.table import Indices

Matrix = NDArray[np.float32]
"""Encoded rows, shape (rows, columns)."""
Floats = NDArray[np.float64]

PRIOR_ROWS = 20.0
"""A level's mean is that of its rows and of this many more at the overall mean: rare levels do not rank by luck."""
WIDE = 24
"""Categories with more levels are coded by the mean itself, and training rows by the mean of other rows."""
RARE = 4
"""Levels of wide categories with fewer rows count as missing: so the trees also learn what to do with unseen ones."""
FOLDS = 5


def ranking(target: NDArray[np.generic], classes: int) -> Floats:
    """What levels are ranked by, shape (rows,): the target, or for several classes the scores of their first principal
    component (Coppersmith, Hong and Hosking 1999)."""
    values = target.astype(np.float64)
    if classes <= 2:
        return values
    shares = np.bincount(target.astype(np.int64), minlength=classes) / len(target)
    # Without levels at hand the classes' own covariance stands in: it separates the most frequent from the others.
    covariance = np.diag(shares) - np.outer(shares, shares)
    direction = np.linalg.eigh(covariance)[1][:, -1]
    return np.asarray(direction[target.astype(np.int64)])


def fit_encoding(schema: Schema, features: pd.DataFrame, ranked_by: Floats) -> Encoding:
    """Codes for the levels of every category, ascending by the smoothed mean of `ranked_by` (rows,) over `features`.

    Narrow categories get 0, 1, 2, ...; levels of the schema without a row rank where the overall mean does, ties keep
    the schema's order. Wide ones get the mean itself; their rare levels get no code and count as missing.
    """
    codes: dict[str, dict[str, float]] = {}
    for feature in schema.features:
        if isinstance(feature, Category):
            known = features[feature.name].cat.codes.to_numpy()
            means, rows = _smoothed_means(known, ranked_by, len(feature.levels))
            codes[feature.name] = _wide(feature, means, rows) if is_wide(feature) else _narrow(feature, means)
    return Encoding(schema, codes)


def is_wide(feature: Category) -> bool:
    return len(feature.levels) > WIDE


def encode(encoding: Encoding, features: pd.DataFrame) -> Matrix:
    """The encoded rows of a Table's features, shape (rows, columns): exactly what `encoding.matrix` gives for them."""
    matrix = np.empty((len(features), encoding.width), np.float32)
    for start, feature in zip(encoding.starts, encoding.schema.features, strict=True):
        column = features[feature.name]
        match feature:
            case Category():
                matrix[:, start] = _coded(column, feature, encoding.codes[feature.name])
            case Moment(parts=parts):
                matrix[:, start : start + len(parts)] = _moments(column, parts)
            case _:
                matrix[:, start] = column.to_numpy(np.float64)
    return matrix


def cross_fitted(encoding: Encoding, features: pd.DataFrame, ranked_by: Floats, seed: int) -> Matrix:
    """As `encode` for the rows that `encoding` was learned from, but wide categories are coded by the means of other
    rows: a row's own target must not come back to it as a feature (Micci-Barreca 2001; Prokhorenkova et al. 2018)."""
    matrix = encode(encoding, features)
    wide = [
        (start, feature)
        for start, feature in zip(encoding.starts, encoding.schema.features, strict=True)
        if isinstance(feature, Category) and is_wide(feature)
    ]
    folds = np.random.default_rng(seed).integers(0, FOLDS, len(features)) if wide else np.empty(0)
    for start, feature in wide:
        codes = features[feature.name].cat.codes.to_numpy()
        for fold in range(FOLDS):
            own: Indices = np.flatnonzero(folds == fold)
            others = folds != fold
            means, _ = _smoothed_means(codes[others], ranked_by[others], len(feature.levels))
            column = means[codes[own]]
            column[np.isnan(matrix[own, start])] = np.nan
            matrix[own, start] = column
    return matrix


def _narrow(feature: Category, means: Floats) -> dict[str, float]:
    return {feature.levels[level]: float(rank) for rank, level in enumerate(np.argsort(means, kind="stable"))}


def _wide(feature: Category, means: Floats, rows: NDArray[np.int64]) -> dict[str, float]:
    kept = np.flatnonzero(rows >= RARE)
    return {feature.levels[level]: float(np.float32(means[level])) for level in kept}


def _coded(column: pd.Series, feature: Category, codes: Mapping[str, float]) -> Floats:
    table = np.array([codes.get(level, np.nan) for level in feature.levels] + [np.nan])
    return table[column.cat.codes.to_numpy()]  # code -1, missing, is the last entry


def _moments(column: pd.Series, parts: tuple[Part, ...]) -> Floats:
    """The parts of UTC moments, shape (rows, parts)."""
    seconds = column.astype("datetime64[s]").astype("int64").to_numpy() if len(column) else np.empty(0)
    hour = column.dt.hour + column.dt.minute / 60 + column.dt.second / 3600
    known: dict[Part, NDArray[np.generic]] = {
        "days": np.asarray(seconds / 86_400),
        "day_of_year": column.dt.day_of_year.to_numpy(),
        "weekday": column.dt.day_of_week.to_numpy(),
        "hour": hour.to_numpy(),
    }
    columns = np.column_stack([known[part].astype(np.float64) for part in parts])
    columns[column.isna().to_numpy()] = np.nan
    return columns


def _smoothed_means(known: NDArray[np.integer], values: Floats, levels: int) -> tuple[Floats, NDArray[np.int64]]:
    """The mean of every level, smoothed, and its rows; `known` (rows,) are level numbers, -1 where missing."""
    present = known >= 0
    rows = np.bincount(known[present], minlength=levels)
    sums = np.bincount(known[present], weights=values[present], minlength=levels)
    overall = float(values.mean()) if len(values) else 0.0
    return (sums + PRIOR_ROWS * overall) / (rows + PRIOR_ROWS), rows
