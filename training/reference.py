"""What the training rows looked like, binned once, for drift."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Feature, Moment, Number, Schema
from registry.details import FeatureReference, Reference

BINS = 20
SCORE_EDGES = tuple(round(0.05 * i, 2) for i in range(1, 20))

Floats = NDArray[np.float64]


def reference(schema: Schema, features: pd.DataFrame, scores: Floats) -> Reference:
    """Distributions of a Table's features (rows, features), and of scores (any number,); a moment counts in days.

    Bin i holds the values from edge i-1 (inclusive) up to edge i (exclusive), as `numpy.searchsorted(edges, value,
    side="right")` numbers them. Edges are the 5 %, 10 %, ... 95 % quantiles without doublets.
    """
    return Reference(
        features=tuple(_feature(feature, features[feature.name]) for feature in schema.features),
        score=_binned("score", scores, _score_edges(scores)),
    )


def _feature(feature: Feature, column: pd.Series) -> FeatureReference:
    if isinstance(feature, Number | Moment):
        values = _days(column) if isinstance(feature, Moment) else column.to_numpy(np.float64)
        return _binned(feature.name, values, _edges(values[~np.isnan(values)]))
    missing = int(column.isna().sum())
    if isinstance(column.dtype, pd.CategoricalDtype):
        levels, codes = tuple(column.cat.categories), column.cat.codes.to_numpy()
    else:
        levels, codes = ("false", "true"), column.fillna(-1).to_numpy().astype(np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(levels))
    return FeatureReference(name=feature.name, levels=levels, counts=tuple(counts.tolist()), missing=missing)


def _days(column: pd.Series) -> Floats:
    days = column.astype("datetime64[s]").astype("int64").to_numpy() / 86_400
    return np.where(column.isna(), np.nan, days)


def _score_edges(scores: Floats) -> Floats:
    """Of probabilities fixed ones, 0.05 apart; of quantities quantiles."""
    if len(scores) and 0 <= scores.min() <= scores.max() <= 1:
        return np.array(SCORE_EDGES)
    return _edges(scores)


def _edges(values: Floats) -> Floats:
    """Inner edges at the quantiles; the smallest value is no edge, as nothing would lie below it."""
    if len(values) == 0:
        return values
    edges = np.unique(np.quantile(values, np.arange(1, BINS) / BINS))
    return np.asarray(edges[edges > values.min()])


def _binned(name: str, values: Floats, edges: Floats) -> FeatureReference:
    known = values[~np.isnan(values)]
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return FeatureReference(
        name=name,
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        missing=len(values) - len(known),
        minimum=float(known.min()) if len(known) else None,
        maximum=float(known.max()) if len(known) else None,
        mean=float(known.mean()) if len(known) else None,
    )
