"""The explainer against XGBoost, against `shap`, and against the definition of the Shapley value."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import shap
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference import explainer, tree_shap
from inference.explainer import Explainer
from registry.ensemble import Tree, TreeEnsemble, read_ensemble

Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Trained:
    booster: Any
    rows: Rows

    @property
    def explainer(self) -> Explainer:
        return Explainer(read_ensemble(bytes(self.booster.save_raw("ubj"))))

    def xgboost_contributions(self) -> NDArray[np.float64]:
        """Shape (n, features + 1), the base value last."""
        predicted = self.booster.predict(xgboost.DMatrix(self.rows), pred_contribs=True)
        return np.asarray(predicted, np.float64)

    def margins(self) -> NDArray[np.float64]:
        return np.asarray(self.booster.predict(xgboost.DMatrix(self.rows), output_margin=True), np.float64)


def train(seed: int = 0, features: int = 8, trees: int = 12, **parameters: Any) -> Trained:
    """A small model of noisy data, a tenth of it missing; values repeat, so that some meet thresholds exactly."""
    random = np.random.default_rng(seed)
    rows = random.normal(size=(400, features)).round(1).astype(np.float32)
    rows[random.random(rows.shape) < 0.1] = np.nan
    known = np.nan_to_num(rows, nan=-1.0)
    label = known[:, 0] * known[:, -1] + known[:, features // 2] + random.normal(size=len(rows)) > 0
    options = {"objective": "binary:logistic", "nthread": 1, "seed": seed, "min_child_weight": 0.1, **parameters}
    return Trained(xgboost.train(options, xgboost.DMatrix(rows, label), trees), rows[:100])


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(max_depth=5)


def tree_of(nodes: list[tuple[Any, ...]]) -> Tree:
    """Nodes as (left, right, feature, threshold, default_left, cover) or (value, cover)."""
    splits = [node if len(node) == 6 else (-1, -1, 0, 0.0, False, node[1]) for node in nodes]
    left, right, feature, threshold, default_left, cover = zip(*splits, strict=True)
    return Tree(
        left=np.array(left, np.int32),
        right=np.array(right, np.int32),
        feature=np.array(feature, np.int32),
        threshold=np.array(threshold, np.float32),
        default_left=np.array(default_left, np.bool_),
        value=np.array([node[0] if len(node) == 2 else 0.0 for node in nodes], np.float32),
        cover=np.array(cover, np.float32),
    )


def ensemble_of(*trees: Tree, features: int, base_margin: float = 0.0) -> TreeEnsemble:
    return TreeEnsemble(features=features, base_margin=base_margin, trees=trees)


def goes_left(tree: Tree, node: int, row: Rows) -> bool:
    x = row[tree.feature[node]]
    return bool(tree.default_left[node]) if math.isnan(x) else bool(x < tree.threshold[node])


def expected(tree: Tree, row: Rows, known: frozenset[int], node: int = 0) -> float:
    """The tree's value for `row` when only `known` features are: other splits average (Lundberg 2018, algorithm 1)."""
    if tree.left[node] < 0:
        return float(tree.value[node])
    left, right = int(tree.left[node]), int(tree.right[node])
    if int(tree.feature[node]) in known:
        return expected(tree, row, known, left if goes_left(tree, node, row) else right)
    total = float(tree.cover[left]) + float(tree.cover[right])
    share = float(tree.cover[left]) / total if total > 0 else 0.5
    return share * expected(tree, row, known, left) + (1 - share) * expected(tree, row, known, right)


def shapley_values(ensemble: TreeEnsemble, row: Rows) -> list[float]:
    """By definition: a feature's marginal value averaged over all orders in which features become known."""

    def value(known: tuple[int, ...]) -> float:
        return sum(expected(tree, row, frozenset(known)) for tree in ensemble.trees)

    count = ensemble.features
    values = []
    for feature in range(count):
        others = [other for other in range(count) if other != feature]
        values.append(
            sum(
                (value((*known, feature)) - value(known)) / (count * math.comb(count - 1, size))
                for size in range(count)
                for known in combinations(others, size)
            )
        )
    return values


@st.composite
def trees(draw: st.DrawFn, features: int) -> Tree:
    """Any tree of up to seven levels: repeated features, infinite thresholds, covers down to zero."""
    nodes: list[tuple[Any, ...]] = []

    def grow(depth: int) -> tuple[int, float]:
        at = len(nodes)
        nodes.append(())
        if depth == 0 or (len(nodes) > 1 and draw(st.integers(0, 3)) == 0):
            nodes[at] = (draw(st.floats(-3, 3, width=16)), draw(st.sampled_from([0.0, 0.5, 1.0, 7.0])))
            return at, nodes[at][1]
        (left, cover_left), (right, cover_right) = grow(depth - 1), grow(depth - 1)
        threshold = draw(st.sampled_from([-1.0, 0.0, 0.5, 1.0, math.inf, -math.inf]))
        feature = draw(st.integers(0, features - 1))
        nodes[at] = (left, right, feature, threshold, draw(st.booleans()), cover_left + cover_right)
        return at, cover_left + cover_right

    grow(draw(st.integers(0, 7)))
    return tree_of(nodes)


@st.composite
def ensembles_with_a_row(draw: st.DrawFn) -> tuple[TreeEnsemble, Rows]:
    features = draw(st.integers(1, 4))
    grown = draw(st.lists(trees(features), max_size=3))
    values = st.sampled_from([-2.0, -1.0, 0.0, 0.3, 0.5, 2.0, math.nan, math.inf, -math.inf])
    row = draw(st.lists(values, min_size=features, max_size=features))
    return ensemble_of(*grown, features=features, base_margin=0.25), np.array(row, np.float32)


@settings(max_examples=150, deadline=None)
@given(case=ensembles_with_a_row())
def test_contributions_are_the_shapley_values_by_definition(case: tuple[TreeEnsemble, Rows]) -> None:
    ensemble, row = case
    subject = Explainer(ensemble)
    base_value = 0.25 + sum(expected(tree, row, frozenset()) for tree in ensemble.trees)
    assert subject.base_value == pytest.approx(base_value, abs=1e-9)
    assert subject.contributions(row[None])[0].tolist() == pytest.approx(shapley_values(ensemble, row), abs=1e-9)


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 9])
def test_contributions_equal_those_of_xgboost_and_shap(depth: int) -> None:
    trained = train(max_depth=depth)
    ours = trained.explainer.contributions(trained.rows)
    theirs = trained.xgboost_contributions()
    library = shap.TreeExplainer(trained.booster)
    np.testing.assert_allclose(ours, theirs[:, :-1], atol=1e-5, rtol=0)
    np.testing.assert_allclose(ours, library.shap_values(trained.rows), atol=1e-5, rtol=0)
    assert trained.explainer.base_value == pytest.approx(theirs[0, -1], abs=1e-5)
    assert trained.explainer.base_value == pytest.approx(float(library.expected_value), abs=1e-5)


@settings(max_examples=15, deadline=None)
@given(
    seed=st.integers(0, 1000),
    depth=st.integers(1, 8),
    features=st.integers(1, 12),
    objective=st.sampled_from(["binary:logistic", "reg:squarederror"]),
)
def test_any_small_model_is_explained_as_xgboost_does(seed: int, depth: int, features: int, objective: str) -> None:
    trained = train(seed, features, trees=5, max_depth=depth, objective=objective)
    ours = trained.explainer.contributions(trained.rows)
    np.testing.assert_allclose(ours, trained.xgboost_contributions()[:, :-1], atol=1e-5, rtol=0)
    np.testing.assert_allclose(ours.sum(axis=1) + trained.explainer.base_value, trained.margins(), atol=1e-5, rtol=0)


def test_deep_unbalanced_trees_equal_xgboost() -> None:
    trained = train(features=25, max_depth=0, max_leaves=60, grow_policy="lossguide", reg_lambda=0.0)
    ours = trained.explainer.contributions(trained.rows)
    np.testing.assert_allclose(ours, trained.xgboost_contributions()[:, :-1], atol=1e-5, rtol=0)


def test_pruned_trees_equal_xgboost() -> None:
    trained = train(max_depth=6, gamma=3.0)
    ours = trained.explainer.contributions(trained.rows)
    np.testing.assert_allclose(ours, trained.xgboost_contributions()[:, :-1], atol=1e-5, rtol=0)


def test_base_value_and_contributions_add_up_to_the_margin(trained: Trained) -> None:
    total = trained.explainer.base_value + trained.explainer.contributions(trained.rows).sum(axis=1)
    np.testing.assert_allclose(total, trained.margins(), atol=1e-5, rtol=0)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 99])
def test_a_row_gets_the_same_result_to_the_last_bit_in_any_batch(trained: Trained, count: int) -> None:
    subject = trained.explainer
    single = np.vstack([subject.contributions(trained.rows[i : i + 1]) for i in range(count)])
    assert np.array_equal(subject.contributions(trained.rows[:count]), single)
    assert np.array_equal(subject.contributions(trained.rows[:count][::-1])[::-1], single)


def test_threads_that_explain_at_once_do_not_disturb_each_other(trained: Trained) -> None:
    subject = trained.explainer
    alone = subject.contributions(trained.rows)
    with ThreadPoolExecutor(4) as threads:
        for result in threads.map(subject.contributions, [trained.rows] * 40):
            assert np.array_equal(result, alone)


def test_many_rows_take_no_more_stack_than_few() -> None:
    stump = tree_of([(1, 2, 0, 0.5, True, 4.0), (1.0, 1.0), (3.0, 3.0)])
    subject = Explainer(ensemble_of(*[stump] * 20, features=1))
    assert (subject.contributions(np.zeros((100_000, 1), np.float32)) == -30.0).all()


def test_the_callers_rows_are_left_alone(trained: Trained) -> None:
    rows = trained.rows.copy()
    rows.flags.writeable = False
    trained.explainer.contributions(rows)
    assert np.array_equal(rows, trained.rows, equal_nan=True)


def test_features_that_no_tree_asks_about_get_exactly_zero() -> None:
    tree = tree_of([(1, 2, 2, 0.5, True, 4.0), (1.0, 1.0), (3.0, 3.0)])
    contributions = Explainer(ensemble_of(tree, features=5)).contributions(np.ones((3, 5), np.float32))
    assert contributions.tolist() == [[0.0, 0.0, 0.5, 0.0, 0.0]] * 3


def test_trees_of_a_single_leaf_move_only_the_base_value() -> None:
    subject = Explainer(ensemble_of(tree_of([(0.5, 9.0)]), tree_of([(0.25, 9.0)]), features=2, base_margin=1.0))
    assert subject.base_value == 1.75
    assert subject.contributions(np.ones((2, 2), np.float32)).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_single_leaf_between_other_trees_changes_nothing_else() -> None:
    stump = tree_of([(1, 2, 0, 0.5, True, 4.0), (1.0, 1.0), (3.0, 3.0)])
    subject = Explainer(ensemble_of(stump, tree_of([(10.0, 4.0)]), stump, features=1))
    assert subject.base_value == 15.0
    assert subject.contributions(np.zeros((1, 1), np.float32)).tolist() == [[-3.0]]


def test_missing_values_follow_each_splits_default() -> None:
    stumps = [tree_of([(1, 2, 0, 0.5, left, 4.0), (1.0, 1.0), (3.0, 3.0)]) for left in (True, False)]
    missing = np.full((1, 1), np.nan, np.float32)
    assert [float(Explainer(ensemble_of(s, features=1)).contributions(missing)[0, 0]) for s in stumps] == [-1.5, 0.5]


def test_splits_that_no_training_weight_reached_divide_evenly_and_stay_finite() -> None:
    nodes = [(1, 2, 0, 0.0, True, 4.0), (3, 4, 1, 0.0, True, 0.0), (3.0, 4.0), (1.0, 0.0), (2.0, 0.0)]
    subject = Explainer(ensemble_of(tree_of(nodes), features=2))
    contributions = subject.contributions(np.array([[-1, -1], [-1, 1], [1, 0]], np.float32))
    assert subject.base_value == 3.0
    np.testing.assert_allclose(contributions, [[-1.75, -0.25], [-1.25, 0.25], [0.0, 0.0]], atol=1e-12)


def test_no_rows_give_no_contributions(trained: Trained) -> None:
    assert trained.explainer.contributions(np.empty((0, 8), np.float32)).shape == (0, 8)


@pytest.mark.parametrize("shape", [(3, 7), (3, 9), (8,), (1, 1, 8)])
def test_rows_of_another_shape_are_refused(trained: Trained, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="this model takes"):
        trained.explainer.contributions(np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda tree: replace(tree, feature=tree.feature + 2), "a split on feature 2: the model has 2"),
        (lambda tree: replace(tree, feature=tree.feature - 1), "a split on feature"),
        (lambda tree: replace(tree, left=tree.left * 7), "do not make a tree"),
        (lambda tree: replace(tree, right=tree.left), "do not make a tree"),
        (lambda tree: replace(tree, right=np.zeros_like(tree.right)), "do not make a tree"),
    ],
)
def test_damaged_trees_are_refused_before_they_reach_the_kernel(damage: Callable[[Tree], Tree], message: str) -> None:
    tree = tree_of([(1, 2, 0, 0.5, True, 4.0), (1.0, 1.0), (3.0, 3.0)])
    with pytest.raises(ValueError, match=message):
        Explainer(ensemble_of(damage(tree), features=2))


def test_the_compiler_is_not_imported_before_the_first_explanation() -> None:
    program = "import sys, inference.explainer; sys.exit('llvmlite' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_warming_explains_a_row(monkeypatch: pytest.MonkeyPatch, trained: Trained) -> None:
    asked = []
    monkeypatch.setattr(tree_shap, "contributions", lambda plan, rows: asked.append(rows.shape))
    trained.explainer.warm()
    assert asked == [(1, 8)]


def test_the_example_in_the_docstring_runs() -> None:
    results = doctest.testmod(explainer)
    assert results.attempted > 0
    assert results.failed == 0
