"""How much each feature moves the margin, and how its contribution follows its value."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Flag, Moment
from registry.details import Dependence, Importance
from registry.encoding import Encoding
from training.encode import Matrix
from training.learners import Learned

SAMPLE_ROWS = 2_000
_SECONDS = 5.0
"""What all explanations together may take of one core."""
SHOWN_ROWS = 400
"""Points of a dependence plot: more only cover each other."""
SHOWN_FEATURES = 8

Floats = NDArray[np.float64]


def contributions(model: Learned, encoding: Encoding, matrix: Matrix) -> Floats:
    """Every feature's contribution to every output, (rows, features, outputs)."""
    parts = model.contributions(matrix)
    return np.stack([encoding.by_feature(parts[:, :, output]) for output in range(parts.shape[2])], axis=2)


def sample(rows: int, row_seconds: float, seed: int) -> NDArray[np.intp]:
    """Row numbers, ascending: fewer than `SAMPLE_ROWS` where explaining one takes long."""
    most = int(np.clip(_SECONDS / max(row_seconds, 1e-6), SHOWN_ROWS, SAMPLE_ROWS))
    return np.sort(np.random.default_rng(seed).choice(rows, min(most, rows), replace=False))


def importance(parts: Floats, names: tuple[str, ...]) -> tuple[Importance, ...]:
    """Features by their mean absolute SHAP contribution (rows, features, outputs), largest first."""
    means = np.abs(parts).mean(axis=(0, 2))
    ranked = sorted(zip(names, means.tolist(), strict=True), key=lambda pair: -pair[1])
    return tuple(Importance(feature=name, mean_absolute_contribution=mean) for name, mean in ranked)


def dependence(
    parts: Floats, features: pd.DataFrame, encoding: Encoding, ranked: tuple[Importance, ...]
) -> tuple[Dependence, ...]:
    """Value and contribution to the first output (rows, features, outputs) of the features that matter most."""
    rows = np.arange(min(SHOWN_ROWS, len(features)))
    schema = encoding.schema
    shown = []
    for feature in (schema[one.feature] for one in ranked[:SHOWN_FEATURES] if one.mean_absolute_contribution > 0):
        column = features[feature.name].iloc[rows]
        match feature:
            case Category() | Moment():
                values: list[float | str | None] = [None if pd.isna(value) else str(value) for value in column]
            case Flag():
                values = [None if pd.isna(value) else "true" if value else "false" for value in column]
            case _:
                values = [None if pd.isna(value) else float(value) for value in column]
        amounts = parts[rows, schema.names.index(feature.name), 0]
        shown.append(Dependence(feature=feature.name, values=tuple(values), contributions=tuple(amounts.tolist())))
    return tuple(shown)
