"""Category codes learned from training rows, and whole tables encoded at once."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Schema
from registry.encoding import Encoding
from training.table import Labels, Table

Matrix = NDArray[np.float32]
"""Encoded rows, shape (rows, features)."""

PRIOR_ROWS = 20.0
"""A level's mean is that of its rows and of this many more at the overall mean: rare levels do not rank by luck."""


def fit_encoding(schema: Schema, train: Table) -> Encoding:
    """Codes 0, 1, 2, ... for the levels of every category, ascending by smoothed target mean over `train` alone.

    Levels of the schema without a training row rank where the overall mean does. Ties keep the schema's order.
    """
    codes: dict[str, dict[str, float]] = {}
    for feature in schema.features:
        if isinstance(feature, Category):
            means = _smoothed_means(train.features[feature.name], train.labels, len(feature.levels))
            order = np.argsort(means, kind="stable")
            codes[feature.name] = {feature.levels[level]: float(rank) for rank, level in enumerate(order)}
    return Encoding(schema, codes)


def encode(encoding: Encoding, features: pd.DataFrame) -> Matrix:
    """The encoded rows of a Table's features, shape (rows, features): exactly what `encoding.matrix` gives for them."""
    matrix = np.empty((len(features), len(encoding.schema)), np.float32)
    for position, feature in enumerate(encoding.schema.features):
        column = features[feature.name]
        if isinstance(feature, Category):
            table = np.array([encoding.codes[feature.name].get(level, np.nan) for level in feature.levels] + [np.nan])
            matrix[:, position] = table[column.cat.codes.to_numpy()]  # code -1, missing, is the last entry
        else:
            matrix[:, position] = column.to_numpy()
    return matrix


def _smoothed_means(column: pd.Series, labels: Labels, levels: int) -> NDArray[np.float64]:
    known = column.cat.codes.to_numpy()
    present = known >= 0
    rows = np.bincount(known[present], minlength=levels)
    positives = np.bincount(known[present], weights=labels[present], minlength=levels)
    return np.asarray((positives + PRIOR_ROWS * labels.mean()) / (rows + PRIOR_ROWS))
