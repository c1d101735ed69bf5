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
    """The ensemble in XGBoost's UBJ bytes.

    Raises MalformedUbjsonError for bytes that are not UBJSON and UnsupportedBoosterError for boosters other than
    numeric `gbtree` ones with a single output and one of the objectives in `_MARGIN_OF_BASE`.
    """
    document = ubjson.loads(data)
    try:
        return _ensemble(document["learner"])
    except UnsupportedBoosterError:
        raise
    except (KeyError, IndexError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise UnsupportedBoosterError(f"not an XGBoost tree model: {type(error).__name__}: {error}") from error


def _ensemble(learner: dict[str, Any]) -> TreeEnsemble:
    parameters, booster = learner["learner_model_param"], learner["gradient_booster"]
    if booster["name"] != "gbtree":
        raise UnsupportedBoosterError(f"a {booster['name']} booster; Tiffin serves gbtree")
    if int(parameters.get("num_class", 0)) > 1 or int(parameters.get("num_target", 1)) > 1:
        raise UnsupportedBoosterError("more than one output per row")
    return TreeEnsemble(
        features=int(parameters["num_feature"]),
        base_margin=_base_margin(parameters["base_score"], learner["objective"]["name"]),
        trees=tuple(_tree(tree) for tree in booster["model"]["trees"]),
    )


def _base_margin(text: str, objective: str) -> float:
    """The stored base score on the margin scale. XGBoost 3 writes it as a one-element list, before as a number."""
    margin = _MARGIN_OF_BASE.get(objective)
    if margin is None:
        raise UnsupportedBoosterError(f"objective {objective}; known are {', '.join(_MARGIN_OF_BASE)}")
    return margin(float(text.strip("[]")))


def _tree(tree: dict[str, Any]) -> Tree:
    if len(tree.get("categories_nodes", ())) > 0:
        raise UnsupportedBoosterError("categorical splits: Tiffin encodes levels as ordered numbers")
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
