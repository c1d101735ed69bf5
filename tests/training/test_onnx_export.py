"""The exported model answers as the booster does."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.definition import Booster
from registry.ensemble import TreeEnsemble, read_ensemble, read_ensembles
from tests.training import small
from training.encode import Matrix, encode, fit_encoding
from training.errors import ParityError
from training.learners import Fold, Trees
from training.learners.trees import Boosted
from training.onnx_export import check_parity, export, punctured
from training.progress import silent

Fitted = tuple[TreeEnsemble, Matrix, NDArray[np.float64]]
OBJECTIVE = {"objective": "binary:logistic", "eval_metric": "logloss"}


@functools.cache
def sides() -> Fold:
    """Rows to fit on, and held-out ones."""
    table = small.table()
    encoding = fit_encoding(small.definition.schema, table.features, table.target.astype(float))
    matrix = encode(encoding, table.features)
    return Fold(matrix[:2250], table.target[:2250], matrix[2250:], table.target[2250:])


@functools.cache
def learned() -> Boosted:
    return Trees(small.definition.recipe.booster, OBJECTIVE, seed=1).fit(sides(), silent)


def ensemble_in(booster: Boosted) -> TreeEnsemble:
    return read_ensemble(bytes(booster.booster.save_raw("ubj")))


@pytest.fixture(scope="module")
def fitted() -> Fitted:
    """An ensemble, rows with missing values, and the booster's margins for them."""
    rows = np.concatenate((sides().held, punctured(sides().matrix, 1), np.full((1, 6), np.nan, np.float32)))
    return ensemble_in(learned()), rows, learned().margins(rows)


def test_margins_agree_for_rows_with_and_without_missing_values(fitted: Fitted) -> None:
    ensemble, rows, expected = fitted
    assert np.isnan(rows).any(axis=1).sum() > 1000
    assert check_parity(export([ensemble], "small"), rows, expected) <= 1e-5


def test_values_equal_to_a_threshold_go_the_same_way(fitted: Fitted) -> None:
    ensemble, _, _ = fitted
    rows = np.zeros((0, 6), np.float32)
    for tree in ensemble.trees[:20]:
        for node in np.flatnonzero(tree.left != -1):
            row = sides().held[:1].copy()
            row[0, tree.feature[node]] = tree.threshold[node]
            rows = np.concatenate((rows, row))
    check_parity(export([ensemble], "small"), rows, learned().margins(rows))


def test_hundreds_of_trees_add_up_in_the_order_of_the_booster() -> None:
    many = Booster(rounds=400, early_stopping_rounds=400, learning_rate=0.3)
    rows, labels = sides().matrix, sides().target
    booster = Trees(many, OBJECTIVE, seed=1).fit(Fold(rows, labels, rows, labels), silent)
    assert booster.booster.num_boosted_rounds() == 400
    assert check_parity(export([ensemble_in(booster)], "small"), rows, booster.margins(rows)) < 3e-6


@pytest.mark.parametrize(
    "objective",
    [
        {"objective": "multi:softprob", "num_class": 4, "eval_metric": "mlogloss"},
        {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.5, 0.9], "eval_metric": "quantile"},
    ],
    ids=["classes", "quantiles"],
)
def test_every_output_has_its_column(objective: dict[str, Any]) -> None:
    fold = sides()
    target = np.clip(np.nan_to_num(fold.matrix[:, 1]) // 5, 0, 3)
    settings = Booster(rounds=40, early_stopping_rounds=40, learning_rate=0.2)
    booster = Trees(settings, objective, seed=1).fit(Fold(fold.matrix, target, fold.matrix, target), silent)
    rows = np.concatenate((fold.held, punctured(fold.matrix, 1)))
    ensembles = read_ensembles(bytes(booster.booster.save_raw("ubj")))
    model = export(ensembles, "several")
    assert check_parity(model, rows, booster.margins(rows)) <= 1e-5
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    assert session.run(["margin"], {"rows": rows[:7]})[0].shape == (7, len(ensembles))
    with pytest.raises(ParityError):
        check_parity(export(ensembles[::-1], "turned"), rows, booster.margins(rows))


def test_an_output_without_trees_is_its_base_margin() -> None:
    ensemble = TreeEnsemble(features=2, base_margin=0.75, trees=())
    rows = np.array([[0, np.nan], [1, 2]], np.float32)
    assert check_parity(export([ensemble, ensemble], "stumps"), rows, np.full((2, 2), 0.75)) == 0


def test_large_margins_may_differ_by_a_share_of_the_largest() -> None:
    ensemble = TreeEnsemble(features=1, base_margin=1e6, trees=())
    rows = np.zeros((1, 1), np.float32)
    assert check_parity(export([ensemble], "large"), rows, np.full((1, 1), 1e6 + 5)) == pytest.approx(5e-6, rel=0.1)
    with pytest.raises(ParityError):
        check_parity(export([ensemble], "large"), rows, np.full((1, 1), 1e6 + 50))


def test_the_model_is_valid_onnx_with_the_promised_input_and_output(
    fitted: Fitted,
) -> None:
    ensemble, rows, _ = fitted
    model = export([ensemble], "small")
    onnx.checker.check_model(onnx.load_from_string(model))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer = session.run(["margin"], {"rows": rows[:7]})[0]
    assert answer.shape == (7, 1)
    assert answer.dtype == np.float32


@pytest.mark.parametrize("change", ["base", "default", "leaf"])
def test_a_model_that_answers_otherwise_is_refused(fitted: Fitted, change: str) -> None:
    ensemble, rows, expected = fitted
    first = ensemble.trees[0]
    changed = {
        "base": dataclasses.replace(ensemble, base_margin=ensemble.base_margin + 1e-3),
        "default": dataclasses.replace(
            ensemble,
            trees=tuple(dataclasses.replace(tree, default_left=~tree.default_left) for tree in ensemble.trees),
        ),
        "leaf": dataclasses.replace(
            ensemble, trees=(dataclasses.replace(first, value=first.value + np.float32(1e-3)), *ensemble.trees[1:])
        ),
    }[change]
    with pytest.raises(ParityError, match="away from the booster"):
        check_parity(export([changed], "small"), rows, expected)
