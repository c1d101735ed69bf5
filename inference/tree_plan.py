"""A tree ensemble laid out for the SHAP kernel: flat arrays of records that are read front to back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from inference.tree_nodes import Nodes, nodes_of
from registry.ensemble import TreeEnsemble

TREE = np.dtype([("first", "i4"), ("low", "i4"), ("size", "i4"), ("repeat", "i4"), ("repeat_end", "i4")])
"""A tree has `size` splits from `first` on, of which the first `low` have other splits below them, and its repeats."""

SPLIT = np.dtype(
    [
        ("share_left", "f8"),
        ("value_left", "f8"),
        ("value_right", "f8"),
        ("feature", "i4"),
        ("threshold", "f4"),
        ("left", "i4"),
        ("right", "i4"),
        ("rule", "i4"),
        ("missing_left", "b1"),
    ],
    align=True,
)
"""A split. `left` and `right` are the children's positions in the tree; a leaf's is one past the last split, and its
value is `value_left` or `value_right`, which are 0 otherwise. `rule` is its row of the rules."""

REPEAT = np.dtype([("split", "i4"), ("lower", "f4"), ("upper", "f4"), ("missing_fails", "b1")], align=True)
"""What the path to `split`, a position in the tree, has asked of its feature before: a value fails if `x < lower` or
`x >= upper`, NaN being no bound; a missing value if `missing_fails`."""

RULE = np.dtype([("step", "f8"), ("weight", "f8")])
"""What a split does at one quadrature point, see `inference.tree_shap`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """An ensemble as the kernel reads it.

    Shapes: trees (trees that split,) of TREE; splits (splits,) of SPLIT, parents before children; repeats (repeats,)
    of REPEAT; rules (1 + repeats, quadrature points) of RULE, row 0 for all splits that repeat no feature.
    `slots` is one more than the largest tree has splits.
    """

    trees: NDArray[np.void]
    splits: NDArray[np.void]
    repeats: NDArray[np.void]
    rules: NDArray[np.void]
    slots: int
    base_value: float


@dataclass(frozen=True, slots=True)
class _Paths:
    """How the roots lead to the nodes. Shapes are (nodes,).

    `parent` is -1 in roots, `level` is -1 in nodes that no root leads to, `reach` is the share of the cover that comes.
    """

    parent: NDArray[np.int64]
    level: NDArray[np.int64]
    reach: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the path to each split has asked of the split's feature before. Shapes are (splits,).

    `share` is the share of the cover that met it, 1 where nothing was asked. The others are those of REPEAT.
    """

    before: NDArray[np.bool_]
    share: NDArray[np.float64]
    lower: NDArray[np.float32]
    upper: NDArray[np.float32]
    missing_fails: NDArray[np.bool_]


def plan(ensemble: TreeEnsemble) -> Plan:
    """The plan of an ensemble. 300 trees of depth 6 with 16 000 splits take 10 ms and 1 MB.

    Raises ValueError for trees that refer to nodes or features that are not there: the kernel checks no bounds.
    """
    trees = [tree for tree in ensemble.trees if tree.left[0] >= 0]
    constant = sum(float(tree.value[0]) for tree in ensemble.trees if tree.left[0] < 0)
    if not trees:
        return _empty_plan(ensemble.base_margin + constant)
    nodes = nodes_of(trees, ensemble.features)
    paths = _paths(nodes, np.flatnonzero(np.diff(nodes.tree, prepend=-1)))
    order = _order(nodes, paths)
    asked = _asked(nodes, paths, order)
    repeated = np.flatnonzero(asked.before)
    records = _tree_records(nodes, order, repeated)
    return Plan(
        trees=records,
        splits=_split_records(nodes, order, repeated),
        repeats=_repeat_records(asked, _positions(nodes, order), repeated),
        rules=_rules(_points(nodes, paths, order), np.append(1.0, asked.share[repeated])),
        slots=1 + int(records["size"].max()),
        base_value=ensemble.base_margin + constant + float(paths.reach @ nodes.value),
    )


def _empty_plan(base_value: float) -> Plan:
    return Plan(
        trees=np.empty(0, TREE),
        splits=np.empty(0, SPLIT),
        repeats=np.empty(0, REPEAT),
        rules=np.empty((1, 1), RULE),
        slots=1,
        base_value=base_value,
    )


def _paths(nodes: Nodes, roots: NDArray[np.int64]) -> _Paths:
    parent, level = np.full(len(nodes.tree), -1), np.full(len(nodes.tree), -1)
    reach = np.zeros(len(nodes.tree))
    reach[roots] = 1.0
    front, depth = roots, 0
    while len(front):
        level[front] = depth
        split = front[nodes.left[front] >= 0]
        left, right = nodes.left[split], nodes.right[split]
        parent[left] = parent[right] = split
        reach[left] = reach[split] * nodes.share_left[split]
        reach[right] = reach[split] - reach[left]
        front, depth = np.concatenate([left, right]), depth + 1
    return _Paths(parent, level, reach)


def _order(nodes: Nodes, paths: _Paths) -> NDArray[np.int64]:
    """The splits as the kernel reads them: tree by tree, those with splits below first, and parents before children."""
    split = np.flatnonzero((nodes.left >= 0) & (paths.level >= 0))
    return split[np.lexsort((paths.level[split], _low(nodes, split), nodes.tree[split]))]


def _low(nodes: Nodes, split: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether both children are leaves."""
    return (nodes.left[nodes.left[split]] < 0) & (nodes.left[nodes.right[split]] < 0)


def _asked(nodes: Nodes, paths: _Paths, order: NDArray[np.int64]) -> _Asked:
    """Climbs from all splits at once, one level a turn, and merges what ancestors asked of the same feature."""
    asked = _Asked(
        before=np.zeros(len(order), np.bool_),
        share=np.ones(len(order)),
        lower=np.full(len(order), np.nan, np.float32),
        upper=np.full(len(order), np.nan, np.float32),
        missing_fails=np.zeros(len(order), np.bool_),
    )
    below, above = order, paths.parent[order]
    while (above >= 0).any():
        at = np.flatnonzero((above >= 0) & (nodes.feature[above] == nodes.feature[order]))
        split = above[at]
        left = nodes.left[split] == below[at]
        threshold = nodes.threshold[split]
        asked.before[at] = True
        asked.share[at] *= np.where(left, nodes.share_left[split], 1.0 - nodes.share_left[split])
        asked.lower[at] = np.fmax(asked.lower[at], np.where(left, np.float32(np.nan), threshold))
        asked.upper[at] = np.fmin(asked.upper[at], np.where(left, threshold, np.float32(np.nan)))
        asked.missing_fails[at] |= nodes.missing_left[split] != left
        below, above = above, np.where(above >= 0, paths.parent[above], -1)
    return asked


def _points(nodes: Nodes, paths: _Paths, order: NDArray[np.int64]) -> int:
    """Quadrature points enough for the most features that a path can have."""
    most = min(int(paths.level.max()), len(np.unique(nodes.feature[order])))
    return -(-most // 2)


def _rules(points: int, share: NDArray[np.float64]) -> NDArray[np.void]:
    """The rules of splits whose feature was asked before of `share` of the cover, (n,) -> (n, points).

    With t and w the Gauss-Legendre points and weights on [0, 1] and f = share + t (1 - share): t / f and w share / f^2.
    """
    roots, weights = np.polynomial.legendre.leggauss(points)
    point = (roots + 1.0) / 2.0
    factor = share[:, None] + point * (1.0 - share[:, None])
    rules = np.empty(factor.shape, RULE)
    rules["step"], rules["weight"] = point / factor, weights / 2.0 * share[:, None] / factor**2
    return rules


def _tree_records(nodes: Nodes, order: NDArray[np.int64], repeated: NDArray[np.int64]) -> NDArray[np.void]:
    tree = nodes.tree[order]
    numbers = np.arange(tree[-1] + 1)
    records = np.empty(len(numbers), TREE)
    records["first"], records["size"] = np.searchsorted(tree, numbers), np.bincount(tree)
    records["low"] = np.bincount(tree, ~_low(nodes, order))
    records["repeat"] = np.searchsorted(repeated, records["first"])
    records["repeat_end"] = np.searchsorted(repeated, records["first"] + records["size"])
    return records


def _positions(nodes: Nodes, order: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in their trees the splits are."""
    tree = nodes.tree[order]
    return np.arange(len(order)) - np.searchsorted(tree, tree)


def _split_records(nodes: Nodes, order: NDArray[np.int64], repeated: NDArray[np.int64]) -> NDArray[np.void]:
    count = np.bincount(nodes.tree[order])[nodes.tree[order]]
    position = np.full(len(nodes.tree), -1)
    position[order] = _positions(nodes, order)
    records = np.zeros(len(order), SPLIT)
    for side, child in (("left", nodes.left[order]), ("right", nodes.right[order])):
        records[side] = np.where(position[child] < 0, count, position[child])
        records[f"value_{side}"] = nodes.value[child]
    records["share_left"] = nodes.share_left[order]
    records["feature"] = nodes.feature[order]
    records["threshold"] = nodes.threshold[order]
    records["missing_left"] = nodes.missing_left[order]
    records["rule"][repeated] = np.arange(1, 1 + len(repeated))
    return records


def _repeat_records(asked: _Asked, positions: NDArray[np.int64], repeated: NDArray[np.int64]) -> NDArray[np.void]:
    records = np.empty(len(repeated), REPEAT)
    records["split"] = positions[repeated]
    records["lower"] = asked.lower[repeated]
    records["upper"] = asked.upper[repeated]
    records["missing_fails"] = asked.missing_fails[repeated]
    return records
