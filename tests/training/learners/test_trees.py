"""Boosting stops at the best round and repeats itself; what several folds learned becomes one booster."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.metrics import log_loss

from models.definition import Booster
from registry.ensemble import read_ensembles
from tests.training import small
from training.encode import Matrix, encode, fit_encoding
from training.learners import Fold, Trees
from training.learners.learned import whole
from training.learners.trees import Boosted, average
from training.onnx_export import check_parity
from training.progress import silent

SETTINGS = Booster(rounds=300, early_stopping_rounds=10, max_depth=4, learning_rate=0.3)
BINARY = {"objective": "binary:logistic", "eval_metric": "logloss"}
CLASSES = {"objective": "multi:softprob", "num_class": 3, "eval_metric": "mlogloss"}
QUANTILES = {"objective": "reg:quantileerror", "quantile_alpha": [0.1, 0.9], "eval_metric": "quantile"}
QUANTITY = {"objective": "reg:squarederror", "eval_metric": "rmse"}
OBJECTIVES: dict[str, dict[str, Any]] = {
    "binary": BINARY, "classes": CLASSES, "quantiles": QUANTILES, "quantity": QUANTITY
}  # fmt: skip


@pytest.fixture(scope="module")
def fold() -> Fold:
    """Rows of the small model: the last quarter is held out."""
    table = small.table()
    encoding = fit_encoding(small.definition.schema, table.features, table.target.astype(float))
    matrix = encode(encoding, table.features)
    return Fold(matrix[:2250], table.target[:2250], matrix[2250:], table.target[2250:])


def for_objective(fold: Fold, name: str) -> Fold:
    """The same rows with a target that suits the objective."""

    def target(matrix: Matrix, labels: np.ndarray) -> np.ndarray:
        if name == "classes":
            return labels.astype(np.int64) + (np.nan_to_num(matrix[:, 0]) > 0.5)
        return labels if name == "binary" else labels * 5 + np.nan_to_num(matrix[:, 0]).astype(np.float64)

    return Fold(fold.matrix, target(fold.matrix, fold.target), fold.held, target(fold.held, fold.held_target))


def folds_of(whole: Fold, count: int = 3) -> list[Fold]:
    numbers = np.arange(len(whole.matrix)) % count
    return [
        Fold(
            whole.matrix[numbers != number],
            whole.target[numbers != number],
            whole.matrix[numbers == number],
            whole.target[numbers == number],
        )
        for number in range(count)
    ]


def punctured(matrix: Matrix) -> Matrix:
    holes = np.random.default_rng(4).random(matrix.shape) < 0.2
    return np.where(holes, np.float32(np.nan), matrix)


def test_the_booster_ends_at_the_round_with_the_lowest_validation_loss(fold: Fold) -> None:
    booster = Trees(SETTINGS, BINARY, seed=1).fit(fold, silent).booster
    rounds = booster.num_boosted_rounds()
    assert 5 < rounds < 290

    def loss(count: int) -> float:
        odds = Boosted(booster[:count]).margins(fold.held)[:, 0]
        return float(log_loss(fold.held_target, 1 / (1 + np.exp(-odds))))

    losses = [loss(count) for count in range(1, rounds + 1)]
    assert int(np.argmin(losses)) + 1 == rounds


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(fold: Fold) -> None:
    one, same, other = (
        bytes(Trees(SETTINGS, BINARY, seed=seed).fit(fold, silent).booster.save_raw("ubj")) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_progress_counts_rounds_up_to_the_last(fold: Fold) -> None:
    heard: list[tuple[str, int, int]] = []
    short = dataclasses.replace(SETTINGS, rounds=25, early_stopping_rounds=25)
    Trees(short, BINARY, seed=1).fit(fold, lambda *told: heard.append(told))
    assert heard == [("fit", 10, 25), ("fit", 20, 25)]


@pytest.mark.parametrize("name", OBJECTIVES)
def test_margins_and_contributions_are_xgboost_s_own(fold: Fold, name: str) -> None:
    rows = for_objective(fold, name)
    learned = Trees(dataclasses.replace(SETTINGS, rounds=20), OBJECTIVES[name], seed=1).fit(rows, silent)
    matrix = punctured(rows.held)
    margins = learned.margins(matrix)
    assert margins.shape == (len(matrix), {"classes": 3, "quantiles": 2}.get(name, 1))
    for output in range(margins.shape[1]):
        parts = learned.contributions(matrix)[:, :, output]
        assert parts.shape == matrix.shape
        base = margins[:, output] - parts.sum(axis=1)
        assert np.ptp(base) < 1e-4, "what is left is the same for every row: the base value"


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("rounds", [1, 7, 20])
def test_the_average_of_boosters_gives_the_mean_of_their_margins(fold: Fold, name: str, rounds: int) -> None:
    """Also where the boosters have different numbers of rounds, and where values are missing."""
    rows = for_objective(fold, name)
    matrix = np.concatenate([rows.held, punctured(rows.held), np.full((1, rows.held.shape[1]), np.nan, np.float32)])
    boosters = [
        Trees(dataclasses.replace(SETTINGS, rounds=rounds + number), OBJECTIVES[name], seed=number)
        ._train(part, silent)
        for number, part in enumerate(folds_of(rows))
    ]  # fmt: skip
    merged = Boosted(average(boosters))
    expected = np.mean([Boosted(booster).margins(matrix) for booster in boosters], axis=0)
    np.testing.assert_allclose(merged.margins(matrix), expected, rtol=0, atol=2e-6 * max(1.0, np.abs(expected).max()))
    assert merged.trees == sum(len(booster.get_dump()) for booster in boosters)
    parts = [Boosted(booster).contributions(matrix)[:, :, 0] for booster in boosters]
    np.testing.assert_allclose(merged.contributions(matrix)[:, :, 0], np.mean(parts, axis=0), rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_an_average_is_stored_and_read_back_as_any_booster(fold: Fold, name: str) -> None:
    rows = for_objective(fold, name)
    merged, single = Trees(dataclasses.replace(SETTINGS, rounds=15), OBJECTIVES[name], seed=1).crossed(
        folds_of(rows), silent
    )
    matrix = punctured(rows.held)
    stored = merged.stored("average", [matrix])
    again = Boosted(xgboost.Booster(model_file=bytearray(stored.ubj)))
    np.testing.assert_array_equal(again.margins(matrix), merged.margins(matrix))
    assert check_parity(stored.onnx, matrix, merged.margins(matrix)) <= 1e-5
    assert sum(len(one.trees) for one in read_ensembles(stored.ubj)) == sum(one.trees for one in single)


def test_all_folds_stop_at_the_mean_of_their_best_rounds(fold: Fold) -> None:
    learner = Trees(SETTINGS, BINARY, seed=1)
    folds = folds_of(fold)
    best = [learner.fit(part, silent).booster.num_boosted_rounds() for part in folds]
    assert len(set(best)) > 1
    _, single = learner.crossed(folds, silent)
    assert {one.booster.num_boosted_rounds() for one in single} == {round(float(np.mean(best)))}


def test_refitting_takes_as_many_rounds_and_all_rows(fold: Fold) -> None:
    learner = Trees(dataclasses.replace(SETTINGS, learning_rate=0.1), BINARY, seed=1)
    before = learner.fit(fold, silent)
    whole = np.concatenate([fold.matrix, fold.held])
    labels = np.concatenate([fold.target, fold.held_target])
    after = learner.refit(Fold(whole, labels, whole[:1], labels[:1]), before, silent)
    assert after.booster.num_boosted_rounds() == before.booster.num_boosted_rounds()

    def loss(learned: Boosted) -> float:
        return float(log_loss(fold.held_target, 1 / (1 + np.exp(-learned.margins(fold.held)[:, 0]))))

    assert loss(after) < loss(before), "it has seen these rows"


def test_slower_trees_have_more_rounds_of_smaller_steps() -> None:
    slow = Trees(SETTINGS, BINARY, seed=1).slower(0.5)
    assert (slow.settings.learning_rate, slow.settings.rounds) == (0.15, 600)
    assert slow.objective == BINARY


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize("name", ["binary", "quantity"])
def test_a_monotone_column_moves_the_margin_one_way_only(fold: Fold, name: str, direction: int) -> None:
    """The truth is a valley in x: without the constraint the margin falls and rises."""
    rows = for_objective(fold, name)
    names = small.definition.schema.names
    grid = np.linspace(-4, 4, 200, dtype=np.float32)
    probes = np.repeat(rows.held[:20], len(grid), axis=0)
    probes[:, names.index("x")] = np.tile(grid, 20)

    def steps(settings: Booster) -> np.ndarray:
        learned = Trees(settings, OBJECTIVES[name], seed=1, names=names).fit(rows, silent)
        return np.diff(learned.margins(probes)[:, 0].reshape(20, len(grid)), axis=1)

    free = steps(SETTINGS)
    assert (free > 0).any() and (free < 0).any()
    bound = steps(dataclasses.replace(SETTINGS, monotone=(("x", direction),)))  # type: ignore[arg-type]
    assert (bound * direction >= 0).all()
    assert (bound != 0).any()


def test_every_column_of_a_feature_is_bound() -> None:
    """Names repeat for a feature with several columns; a name that is not there binds nothing."""
    settings = dataclasses.replace(SETTINGS, monotone=(("b", -1),))
    parameters = Trees(settings, BINARY, seed=1, names=("a", "b", "b", "c"))._parameters()
    assert parameters["monotone_constraints"] == (0, -1, -1, 0)
    assert "monotone_constraints" not in Trees(SETTINGS, BINARY, seed=1, names=("a",))._parameters()


def test_rows_count_by_their_weights(fold: Fold) -> None:
    """Of two crowds that say different things, the one that counts is believed, and it says when to stop."""
    target = np.where(np.arange(len(fold.matrix)) % 2, 1.0, 5.0)
    held = np.where(np.arange(len(fold.held)) % 2, 1.0, 5.0)
    weights, held_weights = np.where(target == 1, 1e3, 1e-3), np.where(held == 1, 1e3, 1e-3)
    learner = Trees(SETTINGS, QUANTITY, seed=1)
    weighed = Fold(fold.matrix, target, fold.held, held, weights, held_weights)
    assert np.allclose(learner.fit(weighed, silent).margins(fold.held), 1.0, atol=0.05)
    assert np.allclose(learner.refit(weighed, learner.fit(weighed, silent), silent).margins(fold.held), 1.0, atol=0.05)
    together = whole([weighed]).weights
    assert together is not None
    assert np.allclose(together, held_weights)
    assert whole([fold]).weights is None
