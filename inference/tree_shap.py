"""The SHAP values of rows under a plan of trees.

The numbers are those of path-dependent TreeSHAP (Lundberg et al. 2018, arXiv:1802.03888). For one leaf, the game over
the features of its path is a product: feature j multiplies the leaf's value by o_j if it is known (1 when the row meets
all that the path asks of j, else 0), and by z_j if it is not (the share of the training cover that meets it). The
Shapley value of a product game is an integral over the share t of features that are known,

    phi_j = value * (o_j - z_j) * integral from 0 to 1 of the product over k != j of f_k,    f_k = z_k + t (o_k - z_k),

of a polynomial of degree d - 1 for d features, which Gauss-Legendre quadrature with ceil(d / 2) points gives exactly.
At each point the products factor along the tree, as in Linear TreeSHAP (Yu et al. 2022, arXiv:2209.08192):

- A split has the edge e = [the row goes left] - share_left; it gives p = share_left + t e to its left, the rest right.
- Upwards, splits average: sum = sum_right + p gap, gap = sum_left - sum_right. A leaf's sum is its value.
- Downwards, they multiply: product_left = p product, product_right = product - product_left. A root's product is 1.
- A split earns its feature e * the sum over the points of weight * product * gap.

Where the path asked of the feature before and a share z of the cover met it, product has the factor f = z + t (1 - z)
already. A row that met it has p = share_left + (t / f) e, and what it earns is weighted by z / f^2; for a row that did
not, e is 0. What one feature earns then adds up, down each path, to the integrand above.

Every row visits the same splits in the same order, so rows are the lanes of a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from inference.kernel import Kernel
from inference.tree_plan import REPEAT, RULE, SPLIT, TREE, Plan
from inference.vector_code import LANES, Code, Record, Records, Value, Vectors


def contributions(plan: Plan, rows: NDArray[np.float32]) -> NDArray[np.float64]:
    """Rows (n, features) -> contributions (n, features). Holds the GIL only to copy rows in and out."""
    count, features = rows.shape
    blocks = -(-count // LANES)
    padded = np.zeros((blocks * LANES, features), np.float32)
    padded[:count] = rows
    lanes = np.ascontiguousarray(padded.reshape(blocks, LANES, features).transpose(0, 2, 1))
    earned = np.zeros((blocks, features, LANES))
    points = plan.rules.shape[1]
    scratch = np.empty((1 + 3 * points, plan.slots, LANES))
    trees = (plan.trees, len(plan.trees), plan.splits, plan.repeats, plan.rules, points)
    _kernel()(*trees, lanes, earned, blocks, features, scratch, plan.slots)
    return earned.transpose(0, 2, 1).reshape(blocks * LANES, features)[:count]


@cache
def _kernel() -> Kernel:
    return Kernel(_explain)


@dataclass(frozen=True, slots=True)
class _Tree:
    """One tree and one block of rows. `edges` is (splits,), `sums`, `gaps` and `products` are (splits + 1, points)."""

    code: Code
    splits: Records
    repeats: Records
    rules: Records
    low: Value
    size: Value
    points: Value
    rows: Vectors
    earned: Vectors
    edges: Vectors
    sums: Vectors
    gaps: Vectors
    products: Vectors


def _explain(code: Code) -> None:
    """Adds up in `earned` what `rows` earn their features. Both are (blocks, features) vectors."""
    trees, tree_count = code.records(TREE), code.position()
    splits, repeats = code.records(SPLIT), code.records(REPEAT)
    rules, points = code.records(RULE), code.position()
    rows, earned = code.vectors("f4"), code.vectors("f8")
    blocks, features = code.position(), code.position()
    edges, slots = code.vectors("f8"), code.position()
    sums = edges.since(slots)
    gaps = sums.since(slots * points)
    products = gaps.since(slots * points)
    with code.each(blocks) as block, code.each(tree_count) as number:
        tree = trees[number]
        at = _Tree(
            code=code,
            splits=splits.since(tree.first),
            repeats=repeats,
            rules=rules,
            low=tree.low,
            size=tree.size,
            points=points,
            rows=rows.since(block * features),
            earned=earned.since(block * features),
            edges=edges,
            sums=sums,
            gaps=gaps,
            products=products,
        )
        _find_edges(at)
        _clear_edges(at, tree.repeat, tree.repeat_end)
        _sum_leaves(at)
        _sum_up(at)
        _credit_down(at)
        _credit_leaves(at)


def _find_edges(tree: _Tree) -> None:
    nought, one = tree.code.same(0.0), tree.code.same(1.0)
    with tree.code.each(tree.size) as i:
        split = tree.splits[i]
        row = tree.rows[split.feature]
        left = (row < split.threshold) | (row.is_nan() & split.missing_left)
        tree.edges[i] = left.choose(one, nought) - split.share_left


def _clear_edges(tree: _Tree, first: Value, end: Value) -> None:
    """Edge 0 where the row failed what its path asked of the feature before."""
    nought = tree.code.same(0.0)
    with tree.code.each(end, first) as i:
        repeat = tree.repeats[i]
        split = repeat.split
        row = tree.rows[tree.splits[split].feature]
        failed = (row < repeat.lower) | (row >= repeat.upper) | (row.is_nan() & repeat.missing_fails)
        tree.edges[split] = failed.choose(nought, tree.edges[split])


def _share_left(split: Record, rule: Record, edge: Value) -> Value:
    return split.share_left + rule.step * edge


def _sum_leaves(tree: _Tree) -> None:
    """The sums of the splits from `low` on."""
    with tree.code.each(tree.size, tree.low) as i:
        split, edge = tree.splits[i], tree.edges[i]
        rules, here = tree.rules.since(split.rule * tree.points), i * tree.points
        right, gap = split.value_right, split.value_left - split.value_right
        with tree.code.each(tree.points) as point:
            tree.sums[here + point] = right + _share_left(split, rules[point], edge) * gap


def _sum_up(tree: _Tree) -> None:
    """The sums and gaps of the splits before `low`, the root last."""
    with tree.code.each(tree.points) as point:  # what stands in for children that are leaves
        tree.sums[tree.size * tree.points + point] = tree.code.same(0.0)
    with tree.code.each(tree.low) as i:
        position = tree.low - i - 1
        split, edge = tree.splits[position], tree.edges[position]
        rules, here = tree.rules.since(split.rule * tree.points), position * tree.points
        to_left, to_right = split.left * tree.points, split.right * tree.points
        value_right, value_gap = split.value_right, split.value_left - split.value_right
        with tree.code.each(tree.points) as point:
            right = tree.sums[to_right + point]
            gap = tree.sums[to_left + point] - right + value_gap
            tree.gaps[here + point] = gap
            tree.sums[here + point] = right + value_right + _share_left(split, rules[point], edge) * gap


def _credit_down(tree: _Tree) -> None:
    """What the splits before `low` earn, the root first, and the products of all splits below them."""
    with tree.code.each(tree.points) as point:
        tree.products[point] = tree.code.same(1.0)
    with tree.code.each(tree.low) as i:
        split, edge = tree.splits[i], tree.edges[i]
        rules, here = tree.rules.since(split.rule * tree.points), i * tree.points
        feature, to_left, to_right = split.feature, split.left * tree.points, split.right * tree.points
        credit = tree.code.total()
        with tree.code.each(tree.points) as point:
            product = tree.products[here + point]
            credit.add(rules[point].weight * product * tree.gaps[here + point])
            left = product * _share_left(split, rules[point], edge)
            tree.products[to_left + point] = left
            tree.products[to_right + point] = product - left
        tree.earned[feature] = tree.earned[feature] + credit.value * edge


def _credit_leaves(tree: _Tree) -> None:
    """What the splits from `low` on earn."""
    with tree.code.each(tree.size, tree.low) as i:
        split, edge = tree.splits[i], tree.edges[i]
        rules, here = tree.rules.since(split.rule * tree.points), i * tree.points
        feature, gap = split.feature, split.value_left - split.value_right
        product = tree.code.total()
        with tree.code.each(tree.points) as point:
            product.add(rules[point].weight * tree.products[here + point])
        tree.earned[feature] = tree.earned[feature] + product.value * gap * edge
