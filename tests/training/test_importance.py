"""What moves the margin, and how, from the model's own contributions."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from models.definition import Booster, Category, Flag, Moment, Number, Schema
from tests.training import kinds, small
from training.check import check
from training.encode import encode, fit_encoding
from training.importance import (
    SAMPLE_ROWS,
    SHOWN_FEATURES,
    SHOWN_ROWS,
    Floats,
    contributions,
    dependence,
    importance,
    sample,
)
from training.learners import Fold, Learned, Trees
from training.progress import silent
from training.table import Table

SETTINGS = Booster(rounds=60, early_stopping_rounds=10, max_depth=4, learning_rate=0.3)


@pytest.fixture(scope="module")
def learned() -> tuple[Learned, Table, Floats]:
    table = small.table()
    encoding = fit_encoding(small.definition.schema, table.features, table.target.astype(float))
    matrix = encode(encoding, table.features)
    fold = Fold(matrix, table.target, matrix[2250:], table.target[2250:])
    booster = Trees(SETTINGS, {"objective": "binary:logistic", "eval_metric": "logloss"}, seed=1).fit(fold, silent)
    return booster, table, contributions(booster, encoding, matrix)


def test_importance_ranks_what_decides_before_what_does_not(learned: tuple[Learned, Table, Floats]) -> None:
    _, _, parts = learned
    found = importance(parts, small.definition.schema.names)
    values = [entry.mean_absolute_contribution for entry in found]
    assert values == sorted(values, reverse=True)
    assert {entry.feature for entry in found} == set(small.definition.schema.names)
    assert found[0].feature == "x"
    assert found[-1].feature in {"n", "amount"}


def test_importance_is_the_mean_size_over_rows_and_outputs() -> None:
    parts = np.array([[[1.0, -3.0], [0, 0]], [[-2.0, 2.0], [0.5, 0]]])
    found = {one.feature: one.mean_absolute_contribution for one in importance(parts, ("a", "b"))}
    assert found == {"a": 2.0, "b": 0.125}


def test_a_feature_of_several_columns_counts_as_one_and_classes_have_contributions_of_their_own() -> None:
    table = check(kinds.several_rows(800), kinds.several, "rows")
    encoding = fit_encoding(kinds.several.schema, table.features, table.target.astype(float))
    matrix = encode(encoding, table.features)
    objective = {"objective": "multi:softprob", "num_class": 3, "eval_metric": "mlogloss"}
    booster = Trees(SETTINGS, objective, seed=1).fit(Fold(matrix, table.target, matrix, table.target), silent)
    parts = contributions(booster, encoding, matrix)
    assert parts.shape == (800, len(kinds.several.schema), 3)
    assert encoding.width == len(kinds.several.schema) + 2
    for output in range(3):
        columns = booster.contributions(matrix)[:, :, output]
        np.testing.assert_allclose(parts[:, :, output].sum(axis=1), columns.sum(axis=1), rtol=0, atol=1e-9)


def test_a_sample_is_some_rows_in_order_always_the_same() -> None:
    assert sample(30, 0.001, 1).tolist() == list(range(30))
    found = sample(10 * SAMPLE_ROWS, 0.001, 1)
    assert len(found) == SAMPLE_ROWS == len(set(found.tolist()))
    assert (np.diff(found) > 0).all()
    assert np.array_equal(found, sample(10 * SAMPLE_ROWS, 0.001, 1))
    assert not np.array_equal(found, sample(10 * SAMPLE_ROWS, 0.001, 2))


def test_many_trees_are_explained_on_fewer_rows_but_on_enough_to_show() -> None:
    sizes = [len(sample(10 * SAMPLE_ROWS, seconds, 1)) for seconds in (0, 0.003, 0.005, 10)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == SAMPLE_ROWS > sizes[2] > sizes[3] == SHOWN_ROWS


def test_dependence_shows_values_beside_contributions(learned: tuple[Learned, Table, Floats]) -> None:
    _, table, parts = learned
    schema = small.definition.schema
    encoding = fit_encoding(schema, table.features, table.target.astype(float))
    ranked = importance(parts, schema.names)
    shown = dependence(parts, table.features, encoding, ranked)
    assert [one.feature for one in shown] == [one.feature for one in ranked]
    for one in shown:
        assert len(one.values) == len(one.contributions) == SHOWN_ROWS
        assert one.contributions == tuple(parts[:SHOWN_ROWS, schema.names.index(one.feature), 0].tolist())
        kinds_of_values = {type(value) for value in one.values} - {type(None)}
        assert kinds_of_values == ({float} if isinstance(schema[one.feature], Number) else {str})
        assert (None in one.values) == bool(table.features[one.feature].head(SHOWN_ROWS).isna().any())
    flags = next(one for one in shown if isinstance(schema[one.feature], Flag))
    assert set(flags.values) - {None} == {"true", "false"}
    levels = next(one for one in shown if one.feature == "d")
    assert set(levels.values) == {"low", "mid", "high"}


def test_only_features_that_matter_are_shown_and_not_too_many() -> None:
    features = tuple(
        Number(name=f"n{i}", description="", unit="", minimum=0, maximum=1, example=0)
        for i in range(SHOWN_FEATURES + 4)
    )
    schema = Schema(features)
    columns = pd.DataFrame(0.5, index=range(50), columns=list(schema.names))
    parts = np.random.default_rng(0).normal(0, 1, (50, len(features), 1))
    encoding = fit_encoding(schema, columns, np.zeros(50))
    shown = dependence(parts, columns, encoding, importance(parts, schema.names))
    assert len(shown) == SHOWN_FEATURES
    parts[:, 3:] = 0
    shown = dependence(parts, columns, encoding, importance(parts, schema.names))
    assert {one.feature for one in shown} == {"n0", "n1", "n2"}


def test_moments_and_levels_are_shown_as_text() -> None:
    table = check(kinds.several_rows(100), kinds.several, "rows")
    encoding = fit_encoding(kinds.several.schema, table.features, table.target.astype(float))
    names = kinds.several.schema.names
    parts = np.ones((100, len(names), 3))
    shown = {one.feature: one for one in dependence(parts, table.features, encoding, importance(parts, names))}
    (moment,) = (f.name for f in kinds.several.schema.features if isinstance(f, Moment))
    (city,) = (f.name for f in kinds.several.schema.features if isinstance(f, Category) and len(f.levels) > 3)
    assert {type(value) for value in shown[moment].values} == {str, type(None)}
    assert set(shown[city].values) <= set(kinds.CITIES)
