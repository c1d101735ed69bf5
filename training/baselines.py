"""What a version must be better than: the prior, and a logistic regression made with ordinary care."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from models.definition import Category, Schema
from training.table import Table

PRIOR = "prior"
LOGISTIC_REGRESSION = "logistic_regression"

Floats = NDArray[np.float64]


def baselines(schema: Schema, train: Table, validation: Table, test: Table) -> dict[str, tuple[Floats, Floats]]:
    """Baseline name -> its probabilities for the validation and the test rows, having seen the training rows alone."""
    regression = _logistic_regression(schema).fit(train.features, train.labels)
    return {
        PRIOR: (np.full(len(validation), train.positive_rate), np.full(len(test), train.positive_rate)),
        LOGISTIC_REGRESSION: (_probabilities(regression, validation), _probabilities(regression, test)),
    }


def _logistic_regression(schema: Schema) -> Pipeline:
    """Median-imputed, scaled numbers with missing indicators, one-hot categories, an L2 penalty of 1."""
    categories = [feature.name for feature in schema.features if isinstance(feature, Category)]
    numbers = [feature.name for feature in schema.features if not isinstance(feature, Category)]
    columns = make_column_transformer(
        (
            make_pipeline(
                SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True), StandardScaler()
            ),
            numbers,
        ),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), categories),
    )
    return make_pipeline(columns, LogisticRegression(solver="newton-cholesky", max_iter=100))


def _probabilities(model: Pipeline, table: Table) -> Floats:
    return np.asarray(model.predict_proba(table.features)[:, 1], np.float64)
