"""The margin kernel against XGBoost, against ONNX Runtime, and against a walk in Python."""

from __future__ import annotations

import doctest
import math
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from inference import tree_margins
from inference.predictor import Predictor
from inference.tree_margins import ROWS, MarginKernel
from registry.ensemble import Tree, TreeEnsemble, read_ensemble
from tests.inference.test_explainer import ensemble_of, goes_left, tree_of, trees
from training.onnx_export import export

Rows = NDArray[np.float32]
FEATURES = 6
SPECIAL = [-2.0, -1.0, -1e-45, -0.0, 0.0, 1e-45, 0.3, 0.5, 1.0, 3e38, math.nan, -math.nan, math.inf, -math.inf]
STUMP = tree_of([(1, 2, 0, 0.5, True, 4.0), (1.0, 1.0), (3.0, 3.0)])


def train(trees: int = 40, **parameters: Any) -> xgboost.Booster:
    """A model of noisy data, some of it missing."""
    random = np.random.default_rng(3)
    rows = random.normal(size=(600, FEATURES)).round(2).astype(np.float32)
    rows[random.random(rows.shape) < 0.15] = np.nan
    label = np.nan_to_num(rows[:, 0]) * np.nan_to_num(rows[:, 1], nan=1.0) + rows[:, 2] > 0
    options = {"objective": "binary:logistic", "nthread": 1, "seed": 3, "min_child_weight": 0.1, **parameters}
    return xgboost.train(options, xgboost.DMatrix(rows, label.astype(int)), trees)


def ensemble_in(booster: xgboost.Booster) -> TreeEnsemble:
    return read_ensemble(bytes(booster.save_raw("ubj")))


def rows_for(ensemble: TreeEnsemble, count: int, seed: int = 0) -> Rows:
    """A third of the values exactly thresholds of their feature, a third special ones, the others any."""
    random = np.random.default_rng(seed)
    rows = random.normal(0, 2, (count, ensemble.features)).astype(np.float32)
    special = np.array(SPECIAL, np.float32)
    for feature in range(ensemble.features):
        asked = [tree.threshold[(tree.left >= 0) & (tree.feature == feature)] for tree in ensemble.trees]
        kind = random.integers(0, 3, count)
        rows[kind == 0, feature] = random.choice(np.concatenate([*asked, [0.0]]), int((kind == 0).sum()))
        rows[kind == 1, feature] = random.choice(special, int((kind == 1).sum()))
    return rows


def walked(ensemble: TreeEnsemble, row: Rows) -> float:
    """The margin by definition, summed up in float32 in the order of the trees."""
    margin = np.float32(ensemble.base_margin)
    for tree in ensemble.trees:
        node = 0
        while tree.left[node] >= 0:
            node = int(tree.left[node] if goes_left(tree, node, row) else tree.right[node])
        margin = np.float32(margin + tree.value[node])
    return float(margin)


@pytest.fixture(scope="module")
def ensemble() -> TreeEnsemble:
    return ensemble_in(train(max_depth=5))


@pytest.fixture(scope="module")
def kernel(ensemble: TreeEnsemble) -> MarginKernel:
    return MarginKernel(ensemble)


@st.composite
def forests_with_rows(draw: st.DrawFn) -> tuple[TreeEnsemble, Rows]:
    features = draw(st.integers(1, 4))
    grown = draw(st.lists(trees(features), max_size=12))
    values = st.lists(st.sampled_from(SPECIAL), min_size=features, max_size=features)
    rows = draw(st.lists(values, min_size=1, max_size=5))
    return ensemble_of(*grown, features=features, base_margin=0.25), np.array(rows, np.float32)


@settings(max_examples=150, deadline=None)
@given(case=forests_with_rows())
def test_any_forest_is_walked_by_definition(case: tuple[TreeEnsemble, Rows]) -> None:
    ensemble, rows = case
    assert MarginKernel(ensemble).margins(rows).tolist() == [walked(ensemble, row) for row in rows]


@pytest.mark.parametrize("objective", ["binary:logistic", "reg:squarederror"])
@pytest.mark.parametrize(
    "shape",
    [{"max_depth": depth} for depth in (1, 2, 5, 8)]
    + [{"max_depth": 0, "max_leaves": 60, "grow_policy": "lossguide"}, {"max_depth": 6, "gamma": 3.0}],
)
def test_margins_equal_those_of_xgboost_and_onnx_runtime(objective: str, shape: dict[str, Any]) -> None:
    booster = train(objective=objective, **shape)
    ensemble = ensemble_in(booster)
    rows = rows_for(ensemble, 300)
    margins = MarginKernel(ensemble).margins(rows)
    assert margins.shape == (300,)
    assert margins.dtype == np.float32
    np.testing.assert_allclose(margins, Predictor(export([ensemble], "test")).margins(rows)[:, 0], rtol=0, atol=1e-6)
    finite = np.where(np.isinf(rows), np.copysign(np.float32(3e38), rows), rows)  # XGBoost refuses infinity
    theirs = booster.inplace_predict(finite, predict_type="margin")
    np.testing.assert_allclose(margins, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("count", [*range(1, ROWS + 2), 1000])
def test_a_row_gets_the_same_margin_to_the_last_bit_in_any_batch(
    ensemble: TreeEnsemble, kernel: MarginKernel, count: int
) -> None:
    rows = rows_for(ensemble, count, seed=count)
    alone = np.concatenate([kernel.margins(rows[row : row + 1]) for row in range(count)])
    assert kernel.margins(rows).tolist() == alone.tolist()
    assert kernel.margins(rows[::-1]).tolist() == alone[::-1].tolist()


def test_no_rows_give_no_margins(kernel: MarginKernel) -> None:
    margins = kernel.margins(np.empty((0, FEATURES), np.float32))
    assert margins.shape == (0,)
    assert margins.dtype == np.float32


def test_views_are_read_in_their_own_order(ensemble: TreeEnsemble, kernel: MarginKernel) -> None:
    rows = rows_for(ensemble, 40)
    expected = kernel.margins(rows).tolist()
    wide = np.zeros((80, 2 * FEATURES), np.float32)
    wide[::2, ::2] = rows
    assert kernel.margins(wide[::2, ::2]).tolist() == expected
    assert kernel.margins(np.asfortranarray(rows)).tolist() == expected
    unaligned = np.frombuffer(b"\0" + rows.tobytes(), np.uint8)[1:].view(np.float32).reshape(rows.shape)
    assert kernel.margins(unaligned).tolist() == expected


@pytest.mark.parametrize(
    "rows",
    [
        np.zeros((2, FEATURES)),
        np.zeros((2, FEATURES), ">f4"),
        np.zeros((2, FEATURES), np.int32),
        np.zeros((2, FEATURES - 1), np.float32),
        np.zeros((2, FEATURES + 1), np.float32),
        np.zeros(FEATURES, np.float32),
    ],
)
def test_rows_of_another_type_or_width_are_refused(kernel: MarginKernel, rows: Any) -> None:
    with pytest.raises(ValueError, match=r"rows of shape .*: the kernel takes float32 \(n, 6\)"):
        kernel.margins(rows)


def test_the_callers_rows_are_left_alone(ensemble: TreeEnsemble, kernel: MarginKernel) -> None:
    rows = rows_for(ensemble, 50)
    before = rows.copy()
    rows.flags.writeable = False
    margins = kernel.margins(rows)
    assert np.array_equal(rows.view(np.uint32), before.view(np.uint32))
    kept = margins.copy()
    kernel.margins(rows[::-1])
    assert np.array_equal(margins, kept), "answers are not written over"
    margins += 1.0  # and belong to the caller


def test_threads_that_ask_at_once_do_not_disturb_each_other(ensemble: TreeEnsemble, kernel: MarginKernel) -> None:
    batches = [rows_for(ensemble, count, seed=count) for count in (1, 2, 31, 32, 33, 500)]
    expected = [kernel.margins(batch).tolist() for batch in batches]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda batch: kernel.margins(batch).tolist(), batches * 50))
    assert found == expected * 50


def test_missing_values_follow_each_splits_default() -> None:
    stumps = [replace(STUMP, default_left=np.array([left, False, False])) for left in (True, False)]
    for missing in (math.nan, -math.nan):
        rows = np.full((1, 1), missing, np.float32)
        assert [float(MarginKernel(ensemble_of(s, features=1)).margins(rows)[0]) for s in stumps] == [1.0, 3.0]


def test_trees_of_a_single_leaf_add_their_value() -> None:
    leaves = [tree_of([(value, 1.0)]) for value in (0.5, 0.25)]
    rows = np.zeros((3, 1), np.float32)
    assert MarginKernel(ensemble_of(*leaves, STUMP, features=1, base_margin=8.0)).margins(rows).tolist() == [9.75] * 3
    assert MarginKernel(ensemble_of(features=1, base_margin=-0.5)).margins(rows).tolist() == [-0.5] * 3


@pytest.mark.parametrize("count", range(6, 18))
def test_any_number_of_trees_is_added_up(count: int) -> None:
    rows = np.array([[0.0], [1.0]], np.float32)
    assert MarginKernel(ensemble_of(*[STUMP] * count, features=1)).margins(rows).tolist() == [count, 3 * count]


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda tree: replace(tree, left=np.array([3, -1, -1], np.int32)), "do not make a tree"),
        (lambda tree: replace(tree, right=np.array([0, -1, -1], np.int32)), "do not make a tree"),
        (lambda tree: replace(tree, right=np.array([1, -1, -1], np.int32)), "do not make a tree"),
        (lambda tree: replace(tree, feature=np.array([2, 0, 0], np.int32)), "feature 2: the model has 2"),
        (lambda tree: replace(tree, feature=np.array([-1, 0, 0], np.int32)), "feature -1"),
        (lambda tree: replace(tree, threshold=np.array([np.nan, 0, 0], np.float32)), "NaN for its threshold"),
    ],
)
def test_damaged_trees_are_refused_before_they_reach_the_kernel(damage: Callable[[Tree], Tree], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MarginKernel(ensemble_of(STUMP, damage(STUMP), features=2))


def test_the_widest_rows_are_read_and_wider_ones_refused() -> None:
    def asking(feature: int) -> TreeEnsemble:
        tree = replace(STUMP, feature=np.array([feature, 0, 0], np.int32), default_left=np.zeros(3, np.bool_))
        return ensemble_of(tree, features=40_000)

    rows = np.full((2, 40_000), math.nan, np.float32)
    rows[1, 32_766] = 0.0
    assert MarginKernel(asking(32_766)).margins(rows).tolist() == [3.0, 1.0]
    with pytest.raises(ValueError, match="too many features"):
        MarginKernel(asking(32_767))


def complete_tree(depth: int) -> Tree:
    """Every path goes right until it ends."""
    nodes = np.arange(2 ** (depth + 1) - 1, dtype=np.int32)
    split = nodes < 2**depth - 1
    return Tree(
        left=np.where(split, 2 * nodes + 1, -1),
        right=np.where(split, 2 * nodes + 2, -1),
        feature=np.zeros(len(nodes), np.int32),
        threshold=np.full(len(nodes), -math.inf, np.float32),
        default_left=np.zeros(len(nodes), np.bool_),
        value=np.where(nodes == nodes[-1], 5.0, 0.0).astype(np.float32),
        cover=np.ones(len(nodes), np.float32),
    )


def test_the_largest_trees_are_walked_and_larger_ones_refused() -> None:
    rows = np.zeros((1, 1), np.float32)
    assert MarginKernel(ensemble_of(complete_tree(16), features=1)).margins(rows).tolist() == [5.0]
    with pytest.raises(ValueError, match="too many nodes"):
        MarginKernel(ensemble_of(complete_tree(17), features=1))


def test_the_compiler_is_not_imported_before_the_first_call() -> None:
    program = "import sys, inference.tree_margins; sys.exit('llvmlite' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)


def test_warming_compiles_the_kernel(ensemble: TreeEnsemble) -> None:
    tree_margins._kernel.cache_clear()
    MarginKernel(ensemble).warm()
    assert tree_margins._kernel.cache_info().currsize == 1


def test_the_example_in_the_docstring_runs() -> None:
    results = doctest.testmod(tree_margins)
    assert results.attempted > 0
    assert results.failed == 0
