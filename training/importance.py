"""How much each feature moves the margin, on average."""

from __future__ import annotations

import numpy as np
import xgboost

from models.definition import Schema
from registry.details import Importance
from training.encode import Matrix

SAMPLE_ROWS = 2_000


def importance(booster: xgboost.Booster, schema: Schema, matrix: Matrix, seed: int) -> tuple[Importance, ...]:
    """Features by their mean absolute SHAP contribution over some rows of `matrix` (rows, features), largest first."""
    random = np.random.default_rng(seed)
    sample = random.choice(len(matrix), min(SAMPLE_ROWS, len(matrix)), replace=False)
    contributions = booster.predict(xgboost.DMatrix(matrix[sample]), pred_contribs=True)
    means = np.abs(contributions[:, :-1]).mean(axis=0)  # the last column is the bias
    ranked = sorted(zip(schema.names, means.tolist(), strict=True), key=lambda pair: -pair[1])
    return tuple(Importance(feature=name, mean_absolute_contribution=mean) for name, mean in ranked)
