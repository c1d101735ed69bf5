"""Isolation forests, rewritten as boosted trees so that everything that serves trees serves them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import IsolationForest

from models.definition import Isolation
from training.encode import Matrix
from training.learners.trees import Boosted

EULER = 0.5772156649015329
Nodes = NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Forest:
    """An isolation forest with these settings (Liu, Ting and Zhou 2008)."""

    settings: Isolation
    seed: int

    @property
    def words(self) -> str:
        return f"an isolation forest of {self.settings.trees} trees, each grown from {self.settings.sample} rows"

    def fit(self, matrix: Matrix) -> Boosted:
        """Grown on `matrix` (rows, columns); a missing value counts as the column's median, as it is no anomaly."""
        known = ~np.isnan(matrix)
        medians = [
            float(np.median(column[there])) if there.any() else 0.0
            for column, there in zip(matrix.T, known.T, strict=True)
        ]
        filled = np.where(known, matrix, np.asarray(medians, np.float32))
        sample = min(self.settings.sample, len(matrix))
        forest = IsolationForest(n_estimators=self.settings.trees, max_samples=sample, random_state=self.seed)
        forest.fit(filled)
        expected = _path_length(np.array([sample]))[0] * len(forest.estimators_)
        trees = [
            _tree(number, estimator.tree_, np.asarray(medians), expected)
            for number, estimator in enumerate(forest.estimators_)
        ]
        return Boosted(_booster(trees, matrix.shape[1]))


def _path_length(rows: NDArray[np.integer]) -> NDArray[np.float64]:
    """The mean path length of an unsuccessful search in a binary tree of so many rows."""
    n = np.maximum(rows.astype(np.float64), 1.0)
    lengths = 2.0 * (np.log(np.maximum(n - 1.0, 1.0)) + EULER) - 2.0 * (n - 1.0) / n
    return np.where(n > 2, lengths, np.where(n == 2, 1.0, 0.0))


def _tree(number: int, tree: Any, medians: NDArray[np.float64], expected: float) -> dict[str, Any]:
    """One tree in XGBoost's terms; its leaves hold minus their path length over the forest's expectation."""
    order, left, right, depth = _level_order(tree.children_left, tree.children_right)
    leaf = left < 0
    parents = np.full(len(left), 2**31 - 1)
    parents[left[~leaf]] = parents[right[~leaf]] = np.flatnonzero(~leaf)
    rows = tree.n_node_samples[order]
    value = -(depth + _path_length(rows)) / expected
    feature = np.where(leaf, 0, tree.feature[order])
    # scikit-learn goes left for float32(x) <= threshold, XGBoost for x < threshold: the next float32 is the same split
    exact = tree.threshold[order]
    rounded = exact.astype(np.float32)
    below = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
    threshold = np.nextafter(below, np.float32(np.inf))
    zeros = np.zeros(len(left), int).tolist()
    return {
        "id": number,
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(len(medians)),
            "num_nodes": str(len(left)),
            "size_leaf_vector": "1",
        },
        "left_children": left.tolist(),
        "right_children": right.tolist(),
        "parents": parents.tolist(),
        "split_indices": feature.tolist(),
        "split_conditions": np.where(leaf, value, threshold.astype(np.float64)).tolist(),
        "split_type": zeros,
        "default_left": (medians[feature] < threshold).astype(int).tolist(),
        "sum_hessian": rows.astype(float).tolist(),
        "loss_changes": np.where(leaf, 0.0, 1.0).tolist(),
        "base_weights": np.where(leaf, value, 0.0).tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
    }


def _level_order(left: Nodes, right: Nodes) -> tuple[Nodes, Nodes, Nodes, Nodes]:
    """The nodes level by level, so that a right child follows its left one as XGBoost demands: for each its old number,
    its children's new numbers (-1 for none) and its depth."""
    order, depths = [0], [0]
    lefts, rights = [], []
    for node, depth in zip(order, depths, strict=True):  # both grow while they are walked through
        if left[node] < 0:
            lefts.append(-1)
            rights.append(-1)
            continue
        lefts.append(len(order))
        rights.append(len(order) + 1)
        order += [int(left[node]), int(right[node])]
        depths += [depth + 1, depth + 1]
    return np.array(order), np.array(lefts), np.array(rights), np.array(depths)


def _booster(trees: list[dict[str, Any]], columns: int) -> xgboost.Booster:
    """A booster of these trees; its shell is that of a real one of as many columns."""
    shell = xgboost.train(
        {"objective": "reg:squarederror", "base_score": 0.0},
        xgboost.DMatrix(np.zeros((1, columns), np.float32), np.zeros(1)),
        num_boost_round=1,
    )
    document = json.loads(bytes(shell.save_raw("json")))
    model = document["learner"]["gradient_booster"]["model"]
    model["trees"], model["tree_info"] = trees, [0] * len(trees)
    model["gbtree_model_param"]["num_trees"] = str(len(trees))
    model["iteration_indptr"] = list(range(len(trees) + 1))
    booster = xgboost.Booster()
    booster.load_model(bytearray(json.dumps(document), "utf-8"))
    return booster
