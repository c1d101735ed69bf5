"""The forest is scikit-learn's, served as boosted trees are, and its score adds up over the features."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from inference.explainer import Explainer
from models.definition import Isolation
from registry.calibration import IsolationCalibration
from registry.ensemble import read_ensemble
from training.encode import Matrix
from training.learners import Forest
from training.learners.trees import Boosted

SEED = 5


def rows(count: int = 700, seed: int = 0) -> Matrix:
    """Numbers, codes that repeat, a constant; some far away."""
    random = np.random.default_rng(seed)
    matrix = np.column_stack(
        [random.normal(0, 1, count), random.integers(0, 4, count), random.lognormal(0, 2, count), np.full(count, 3.0)]
    ).astype(np.float32)
    matrix[::50, :3] *= 8
    return matrix


def oracle(matrix: Matrix, settings: Isolation) -> IsolationForest:
    samples = min(settings.sample, len(matrix))
    return IsolationForest(n_estimators=settings.trees, max_samples=samples, random_state=SEED).fit(matrix)


def scores(forest: Boosted, matrix: Matrix) -> NDArray[np.float64]:
    return IsolationCalibration().score(forest.margins(matrix))[:, 0]


@pytest.mark.parametrize(
    "settings",
    [Isolation(trees=60, sample=64), Isolation(trees=100, sample=256), Isolation(trees=5, sample=2)],
    ids=str,
)
def test_scores_are_scikit_learn_s(settings: Isolation) -> None:
    matrix = rows()
    forest = Forest(settings, SEED).fit(matrix)
    fresh = np.concatenate([matrix, rows(300, seed=9), np.array([[1e6] * 4, [-1e6] * 4, [0] * 4], np.float32)])
    np.testing.assert_allclose(scores(forest, fresh), -oracle(matrix, settings).score_samples(fresh), rtol=0, atol=1e-5)
    assert forest.trees == settings.trees


def test_values_equal_to_a_threshold_go_scikit_learn_s_way() -> None:
    """Codes and whole numbers stand on thresholds all the time."""
    matrix = np.random.default_rng(2).integers(0, 5, (400, 3)).astype(np.float32)
    settings = Isolation(trees=40, sample=128)
    forest, theirs = Forest(settings, SEED).fit(matrix), oracle(matrix, settings)
    asked = np.concatenate([tree.tree_.threshold[tree.tree_.children_left >= 0] for tree in theirs.estimators_])
    on = np.repeat(asked[:500, np.newaxis], 3, axis=1).astype(np.float32)
    around = np.concatenate([on, np.nextafter(on, np.float32(np.inf)), np.nextafter(on, np.float32(-np.inf))])
    np.testing.assert_allclose(scores(forest, around), -theirs.score_samples(around), rtol=0, atol=1e-5)


def test_fewer_rows_than_the_sample_are_all_taken() -> None:
    matrix, settings = rows(90), Isolation(trees=30, sample=256)
    forest = Forest(settings, SEED).fit(matrix)
    np.testing.assert_allclose(
        scores(forest, matrix), -oracle(matrix, settings).score_samples(matrix), rtol=0, atol=1e-5
    )


def test_a_missing_value_counts_as_the_column_s_median() -> None:
    matrix = rows()
    matrix[np.random.default_rng(1).random(matrix.shape) < 0.1] = np.nan
    matrix = np.column_stack([matrix, np.full(len(matrix), np.nan, np.float32)])
    medians = np.array([*np.nanmedian(matrix[:, :4], axis=0), 0], np.float32)
    filled = np.where(np.isnan(matrix), medians, matrix)
    settings = Isolation(trees=40, sample=128)
    forest = Forest(settings, SEED).fit(matrix)
    np.testing.assert_allclose(scores(forest, matrix), scores(forest, filled), rtol=0, atol=0)
    np.testing.assert_allclose(
        scores(forest, matrix), -oracle(filled, settings).score_samples(filled), rtol=0, atol=1e-5
    )


@pytest.fixture(scope="module")
def forest() -> Boosted:
    return Forest(Isolation(trees=50, sample=128), SEED).fit(rows())


def test_contributions_add_up_and_are_those_of_xgboost_and_of_the_explainer(forest: Boosted) -> None:
    matrix = rows(200, seed=3)
    matrix[::7, 1] = np.nan
    *_, base = (theirs := forest.booster.predict(xgboost.DMatrix(matrix), pred_contribs=True)).T
    parts = forest.contributions(matrix)[:, :, 0]
    np.testing.assert_array_equal(parts, theirs[:, :-1])
    np.testing.assert_allclose(parts.sum(axis=1) + base, forest.margins(matrix)[:, 0], rtol=0, atol=1e-5)
    explainer = Explainer(read_ensemble(bytes(forest.booster.save_raw("ubj"))))
    np.testing.assert_allclose(explainer.contributions(matrix), parts, rtol=0, atol=1e-5)
    assert explainer.base_value == pytest.approx(base[0], abs=1e-5)
    assert not parts[:, 3].any(), "a constant isolates nothing"


def test_the_base_value_is_the_mean_margin_of_the_sampled_rows(forest: Boosted) -> None:
    """Leaves count the rows of the tree's sample: the expectation of the paper's normalisation is near -1."""
    explainer = Explainer(read_ensemble(bytes(forest.booster.save_raw("ubj"))))
    assert explainer.base_value == pytest.approx(forest.margins(rows())[:, 0].mean(), abs=0.05)


def test_the_feature_that_stands_out_is_the_one_that_is_named(forest: Boosted) -> None:
    ordinary = np.median(rows(), axis=0).astype(np.float32)
    for column, value in ((0, 9.0), (1, 30.0)):
        row = ordinary.copy()
        row[column] = value
        parts = forest.contributions(row[np.newaxis])[0, :, 0]
        assert int(np.argmax(parts)) == column
        assert parts[column] > 0


def test_it_is_stored_as_trees_that_onnx_runtime_answers_alike(forest: Boosted) -> None:
    matrix = rows(300, seed=4)
    matrix[::5] = np.nan
    stored = forest.stored("forest", [matrix])
    again = Boosted(xgboost.Booster(model_file=bytearray(stored.ubj)))
    np.testing.assert_array_equal(again.margins(matrix), forest.margins(matrix))


def test_the_same_seed_grows_the_same_forest_and_another_seed_another() -> None:
    settings = Isolation(trees=10, sample=64)
    one, same, other = (bytes(Forest(settings, seed).fit(rows()).booster.save_raw("ubj")) for seed in (1, 1, 2))
    assert one == same
    assert one != other
