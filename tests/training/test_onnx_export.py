"""The exported model answers as the booster does."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnxruntime
import pytest

from models.definition import Booster
from registry.ensemble import TreeEnsemble, read_ensemble
from tests.training import small
from training.encode import Matrix
from training.errors import ParityError
from training.fit import fit, margins
from training.onnx_export import check_parity, export, punctured
from training.prepare import prepare
from training.progress import silent


@pytest.fixture(scope="module")
def fitted() -> tuple[TreeEnsemble, Matrix, Matrix]:
    """An ensemble, rows with missing values, and the booster's margins for them."""
    sides = prepare(small.definition, small.table())
    booster = fit(small.definition.recipe.booster, sides.train, sides.validation, seed=1, progress=silent)
    rows = np.concatenate((sides.test.matrix, punctured(sides.train.matrix, 1), np.full((1, 6), np.nan, np.float32)))
    return read_ensemble(bytes(booster.save_raw("ubj"))), rows, margins(booster, rows)


def test_margins_agree_for_rows_with_and_without_missing_values(fitted: tuple[TreeEnsemble, Matrix, Matrix]) -> None:
    ensemble, rows, expected = fitted
    assert np.isnan(rows).any(axis=1).sum() > 1000
    assert check_parity(export(ensemble, "small"), rows, expected) <= 1e-5


def test_values_equal_to_a_threshold_go_the_same_way(fitted: tuple[TreeEnsemble, Matrix, Matrix]) -> None:
    ensemble, _, _ = fitted
    sides = prepare(small.definition, small.table())
    booster = fit(small.definition.recipe.booster, sides.train, sides.validation, seed=1, progress=silent)
    rows = np.zeros((0, 6), np.float32)
    for tree in ensemble.trees[:20]:
        for node in np.flatnonzero(tree.left != -1):
            row = sides.test.matrix[:1].copy()
            row[0, tree.feature[node]] = tree.threshold[node]
            rows = np.concatenate((rows, row))
    check_parity(export(ensemble, "small"), rows, margins(booster, rows))


def test_hundreds_of_trees_add_up_in_the_order_of_the_booster() -> None:
    sides = prepare(small.definition, small.table())
    many = Booster(rounds=400, early_stopping_rounds=400, learning_rate=0.3)
    rows = sides.train.matrix
    booster = fit(many, sides.train, sides.train, seed=1, progress=silent)
    assert booster.num_boosted_rounds() == 400
    ensemble = read_ensemble(bytes(booster.save_raw("ubj")))
    assert check_parity(export(ensemble, "small"), rows, margins(booster, rows)) < 3e-6


def test_the_model_is_valid_onnx_with_the_promised_input_and_output(
    fitted: tuple[TreeEnsemble, Matrix, Matrix],
) -> None:
    ensemble, rows, _ = fitted
    model = export(ensemble, "small")
    onnx.checker.check_model(onnx.load_from_string(model))
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    answer = session.run(["margin"], {"rows": rows[:7]})[0]
    assert answer.shape == (7, 1)
    assert answer.dtype == np.float32


@pytest.mark.parametrize("change", ["base", "default", "leaf"])
def test_a_model_that_answers_otherwise_is_refused(fitted: tuple[TreeEnsemble, Matrix, Matrix], change: str) -> None:
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
        check_parity(export(changed, "small"), rows, expected)
