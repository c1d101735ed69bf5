"""The nodes of all trees of an ensemble end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from registry.ensemble import Tree

NO_TREE = "the nodes do not make a tree"


@dataclass(frozen=True, slots=True)
class Nodes:
    """Shapes are (nodes,). The first node of each tree is its root.

    `left` and `right` are positions in these arrays, -1 in leaves.
    """

    tree: NDArray[np.int64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float32]
    share_left: NDArray[np.float64]


def nodes_of(trees: Sequence[Tree], features: int) -> Nodes:
    """The nodes of at least one tree.

    Raises ValueError for trees that refer to nodes or features that are not there: kernels check no bounds.
    """
    sizes = np.array([len(tree.left) for tree in trees])
    first = np.cumsum(sizes) - sizes
    number = np.repeat(np.arange(len(trees)), sizes)
    left = np.concatenate([tree.left for tree in trees]).astype(np.int64)
    right = np.concatenate([tree.right for tree in trees]).astype(np.int64)
    feature = np.concatenate([tree.feature for tree in trees])
    leaf = left < 0
    for children in (left, right):
        _check_children(children[~leaf], sizes[number[~leaf]])
    _check_features(feature[~leaf], features)
    left, right = np.where(leaf, -1, left + first[number]), np.where(leaf, -1, right + first[number])
    if np.bincount(np.concatenate([left[~leaf], right[~leaf]]), minlength=1).max() > 1:
        raise ValueError(NO_TREE)
    cover = np.concatenate([tree.cover for tree in trees]).astype(np.float64)
    return Nodes(
        tree=number,
        left=left,
        right=right,
        feature=feature,
        threshold=np.concatenate([tree.threshold for tree in trees]),
        missing_left=np.concatenate([tree.default_left for tree in trees]),
        value=np.where(leaf, np.concatenate([tree.value for tree in trees]), np.float32(0)),
        share_left=_share(cover[left], cover[right]),
    )


def _check_children(children: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
    """Numbers within their trees, and the sizes of these. A root is nobody's child."""
    if ((children < 1) | (children >= sizes)).any():
        raise ValueError(NO_TREE)


def _check_features(asked: NDArray[np.int32], features: int) -> None:
    wrong = asked[(asked < 0) | (asked >= features)]
    if len(wrong):
        raise ValueError(f"a split on feature {wrong[0]}: the model has {features}")


def _share(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """The left child's share of the cover. Half where no training weight came, which tells nothing of either side."""
    share = np.full(len(left), 0.5)
    np.divide(left, left + right, out=share, where=left + right > 0)
    return share.clip(0.0, 1.0)  # objectives of one's own may have negative hessians
