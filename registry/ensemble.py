"""A boosted tree ensemble as plain arrays: what the ONNX export, the explainer and the importance are made from."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from registry import ubjson


def _same(score: float) -> float:
    return score


def _log_odds(score: float) -> float:
    return math.log(score / (1.0 - score))


_MARGIN_OF_BASE: dict[str, Callable[[float], float]] = {
    "binary:logistic": _log_odds,
    "reg:logistic": _log_odds,
    "count:poisson": math.log,
    "reg:gamma": math.log,
    "reg:tweedie": math.log,
    "reg:squarederror": _same,
    "reg:squaredlogerror": _same,
    "reg:absoluteerror": _same,
    "reg:pseudohubererror": _same,
    "reg:quantileerror": _same,
    "multi:softprob": _same,
}
"""Objective -> the margin of its stored base score. An objective that is not here would be read with a wrong offset."""


class UnsupportedBoosterError(ValueError):
    """The file is a valid model of a sort that Tiffin does not serve."""


@dataclass(frozen=True, slots=True)
class Tree:
    """One regression tree in XGBoost's terms; node 0 is the root.

    A row goes left when `row[feature] < threshold`, right when it is not, and where `default_left` says when the
    value is NaN. Comparison is in float32. Leaves have `left == -1` and their `value` adds to the margin.

    Shapes: every array is (nodes,). `cover` is the sum of hessians of the training rows that passed the node.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    default_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    cover: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TreeEnsemble:
    """margin(row) = base_margin + the sum of the trees' leaf values. `features` is the row's width."""

    features: int
    base_margin: float
    trees: tuple[Tree, ...]


def read_ensemble(data: bytes) -> TreeEnsemble:
    """The ensemble of a booster with a single output; raises as `read_ensembles` does."""
    ensembles = read_ensembles(data)
    if len(ensembles) > 1:
        raise UnsupportedBoosterError("more than one output per row")
    return ensembles[0]


def read_ensembles(data: bytes) -> tuple[TreeEnsemble, ...]:
    """The ensembles in XGBoost's UBJ bytes, one for each output: a class, a quantile, or the only one.

    Raises MalformedUbjsonError for bytes that are not UBJSON and UnsupportedBoosterError for boosters other than
    numeric `gbtree` ones whose trees have one output each, with one of the objectives in `_MARGIN_OF_BASE`.
    """
    document = ubjson.loads(data)
    try:
        return _ensembles(document["learner"])
    except UnsupportedBoosterError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UnsupportedBoosterError(f"not an XGBoost tree model: {type(error).__name__}: {error}") from error


def _ensembles(learner: dict[str, Any]) -> tuple[TreeEnsemble, ...]:
    parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise UnsupportedBoosterError(f"a {booster['name']} booster; Tiffin serves gbtree")
    outputs = max(1, int(parameters.get("num_class", 0)), int(parameters.get("num_target", 1)))
    trees, groups = booster["model"]["trees"], booster["model"]["tree_info"]
    if len(trees) != len(groups) or not all(0 <= group < outputs for group in groups):
        raise UnsupportedBoosterError("trees that belong to no output")
    bases = _base_margins(parameters["base_score"], learner["objective"]["name"], outputs)
    return tuple(
        TreeEnsemble(
            features=int(parameters["num_feature"]),
            base_margin=base,
            trees=tuple(_tree(tree) for tree, group in zip(trees, groups, strict=True) if group == output),
        )
        for output, base in enumerate(bases)
    )


def _base_margins(text: str, objective: str, outputs: int) -> list[float]:
    """The stored base scores on the margin scale. XGBoost 3 writes them as a list, before as one number for all."""
    margin = _MARGIN_OF_BASE.get(objective)
    if margin is None:
        raise UnsupportedBoosterError(f"objective {objective}; known are {', '.join(_MARGIN_OF_BASE)}")
    scores = [margin(float(score)) for score in text.strip("[]").split(",")]
    if len(scores) not in (1, outputs):
        raise UnsupportedBoosterError(f"{len(scores)} base scores for {outputs} outputs")
    return scores if len(scores) == outputs else scores * outputs


def _tree(tree: dict[str, Any]) -> Tree:
    if len(tree.get("categories_nodes", ())) > 0:
        raise UnsupportedBoosterError("categorical splits: Tiffin encodes levels as ordered numbers")
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise UnsupportedBoosterError("leaves with several outputs: Tiffin serves trees with one output each")
    left = np.asarray(tree["left_children"], np.int32)
    conditions = np.asarray(tree["split_conditions"], np.float32)
    leaf = left == -1
    return Tree(
        left=left,
        right=np.asarray(tree["right_children"], np.int32),
        feature=np.asarray(tree["split_indices"], np.int32),
        threshold=np.where(leaf, np.float32(0), conditions),
        default_left=np.asarray(tree["default_left"], np.bool_),
        value=np.where(leaf, conditions, np.float32(0)),
        cover=np.asarray(tree["sum_hessian"], np.float32),
    )
