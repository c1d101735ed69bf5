"""A tree ensemble as an ONNX model that answers exactly as the booster does."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper

from registry.ensemble import Tree, TreeEnsemble
from training.encode import Matrix
from training.errors import ParityError

IR_VERSION = 9
OPSETS = (("", 17), ("ai.onnx.ml", 3))
"""Old enough for every ONNX Runtime since 1.14."""
TOLERANCE = 1e-5
BATCH = 50_000
_STUMP = Tree(
    left=np.array([-1], np.int32),
    right=np.array([-1], np.int32),
    feature=np.zeros(1, np.int32),
    threshold=np.zeros(1, np.float32),
    default_left=np.zeros(1, np.bool_),
    value=np.zeros(1, np.float32),
    cover=np.ones(1, np.float32),
)
"""Stands for an ensemble without trees: ONNX has nowhere else to put its base margin."""


def export(ensembles: Sequence[TreeEnsemble], name: str) -> bytes:
    """An ONNX model with the input `rows` float32 (n, columns) and the output `margin` float32 (n, ensembles)."""
    trees = [(output, tree) for output, ensemble in enumerate(ensembles) for tree in _with_base(ensemble)]
    columns = [_nodes(number, tree, output) for number, (output, tree) in enumerate(trees)]
    attributes: dict[str, Any] = {key: [value for column in columns for value in column[key]] for key in columns[0]}
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["rows"],
        ["margin"],
        domain="ai.onnx.ml",
        n_targets=len(ensembles),
        aggregate_function="SUM",
        post_transform="NONE",
        **attributes,
    )
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, [None, ensembles[0].features])
    margin = helper.make_tensor_value_info("margin", TensorProto.FLOAT, [None, len(ensembles)])
    graph = helper.make_graph([node], name, [rows], [margin])
    opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="tiffin")
    return bytes(model.SerializeToString())


def check_parity(model: bytes, matrix: Matrix, margins: NDArray[np.floating]) -> float:
    """The largest difference between the ONNX model's margins for `matrix` (rows, columns) and `margins`
    (rows, outputs); for margins beyond 1 as a share of the largest.

    In one thread, as serving runs it: more would add up parts of the ensemble apart, in another order.

    Raises ParityError when it is above 1e-5.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    worst = 0.0
    scale = max(1.0, float(np.abs(margins).max(initial=0.0)))
    for start in range(0, len(matrix), BATCH):
        answer = session.run(["margin"], {"rows": matrix[start : start + BATCH]})[0]
        worst = max(worst, float(np.abs(answer - margins[start : start + BATCH]).max()) / scale)
    if not worst <= TOLERANCE:
        raise ParityError(worst, TOLERANCE)
    return worst


def punctured(matrix: Matrix, seed: int) -> Matrix:
    """Up to 2 000 rows of `matrix` with a fifth of the values missing: paths that no training row may take."""
    random = np.random.default_rng(seed)
    rows = matrix[random.choice(len(matrix), min(2_000, len(matrix)), replace=False)]
    return np.where(random.random(rows.shape) < 0.2, np.float32(np.nan), rows)


def _with_base(ensemble: TreeEnsemble) -> tuple[Tree, ...]:
    """The trees, with the base margin added to every leaf of the first one.

    XGBoost starts from the base and adds the trees in order. ONNX Runtime adds `base_values` last, and in float32 the
    order counts: over 400 trees it was 7e-6 to 1.1e-5 away from the booster, this way 1e-6.
    """
    first, *others = ensemble.trees or (_STUMP,)
    based = np.where(first.left == -1, first.value + np.float32(ensemble.base_margin), np.float32(0))
    return (dataclasses.replace(first, value=based), *others)


def _nodes(number: int, tree: Tree, output: int) -> dict[str, list[Any]]:
    """One tree's part of every attribute of TreeEnsembleRegressor."""
    nodes = len(tree.left)
    leaf = tree.left == -1
    leaves = np.flatnonzero(leaf)
    return {
        "nodes_treeids": [number] * nodes,
        "nodes_nodeids": list(range(nodes)),
        "nodes_featureids": np.where(leaf, 0, tree.feature).tolist(),
        "nodes_values": tree.threshold.tolist(),
        "nodes_modes": ["LEAF" if is_leaf else "BRANCH_LT" for is_leaf in leaf],
        "nodes_truenodeids": np.where(leaf, 0, tree.left).tolist(),
        "nodes_falsenodeids": np.where(leaf, 0, tree.right).tolist(),
        "nodes_missing_value_tracks_true": np.where(leaf, 0, tree.default_left).astype(int).tolist(),
        "target_treeids": [number] * len(leaves),
        "target_nodeids": leaves.tolist(),
        "target_ids": [output] * len(leaves),
        "target_weights": tree.value[leaves].tolist(),
    }
