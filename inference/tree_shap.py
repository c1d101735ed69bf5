"""The SHAP values of rows under a plan of trees. Importing this module loads or compiles the kernel, see `_compiled`.

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

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config
from numpy.typing import NDArray

from inference.tree_plan import REPEAT, SPLIT, TREE, Plan

LANES = 4
"""Rows in a vector: as many doubles as a 256-bit register holds."""

_log = logging.getLogger(__name__)
_ONE, _TWO, _THREE = np.uint64(1), np.uint64(2), np.uint64(3)

Floats = NDArray[np.float64]
Lanes = tuple[float, float, float, float]
Function = TypeVar("Function", bound=Callable[..., Any])


def contributions(plan: Plan, rows: NDArray[np.float32]) -> Floats:
    """Rows (n, features) -> contributions (n, features). Holds the GIL only to copy rows in and out."""
    count, features = rows.shape
    blocks = -(-count // LANES)
    padded = np.zeros((blocks * LANES, features), np.float32)
    padded[:count] = rows
    lanes = np.ascontiguousarray(padded.reshape(blocks, LANES, features).transpose(0, 2, 1))
    earned = np.zeros((blocks, features * LANES))
    _add_credits(plan.trees, plan.splits, plan.repeats, plan.step, plan.weight, lanes.reshape(earned.shape), earned)
    by_row = earned.reshape(blocks, features, LANES).transpose(0, 2, 1)
    return by_row.reshape(blocks * LANES, features)[:count]


def _inner(function: Function) -> Function:
    """The function for use in the kernel, compiled along with it."""
    return cast(Function, numba.njit(nogil=True)(function))


def _compiled(*signature: Any) -> Callable[[Function], Function]:
    """Has numba compile a kernel for these argument types: 3 s, or 0.5 s from its cache.

    The cache is beside this file, or in the user's cache folder, or in NUMBA_CACHE_DIR. Where none can be written (a
    read-only image without a home) or the cached code is damaged, every process compiles for itself.
    """

    def compile_(function: Function) -> Function:
        with _straight_line_vectors():
            try:
                return cast(Function, numba.njit(signature, nogil=True, cache=True)(function))
            except Exception as error:  # damaged files raise anything; an error of the kernel's is raised again below
                _log.warning("compiling without numba's cache: %s: %s", type(error).__name__, error)
                return cast(Function, numba.njit(signature, nogil=True)(function))

    return compile_


@contextmanager
def _straight_line_vectors() -> Iterator[None]:
    """Has LLVM turn four equal operations in a row into one on a vector; numba leaves that off. Three times as fast."""
    options = vars(config)
    before = options["SLP_VECTORIZE"]
    options["SLP_VECTORIZE"] = 1
    try:
        yield
    finally:
        options["SLP_VECTORIZE"] = before


def _array(item: Any, dimensions: int) -> Any:
    return numba.types.Array(numba.from_dtype(np.dtype(item)), dimensions, "C")


# Lanes. Unsigned positions, because numba lets negative ones count from the end, and the test for it breaks up vectors.


@_inner
def _load(source: NDArray[Any], position: int) -> Lanes:
    at = np.uint64(position)
    return source[at], source[at + _ONE], source[at + _TWO], source[at + _THREE]


@_inner
def _store(target: Floats, position: int, a: Lanes) -> None:
    at = np.uint64(position)
    target[at], target[at + _ONE], target[at + _TWO], target[at + _THREE] = a


@_inner
def _all(number: float) -> Lanes:
    return number, number, number, number


@_inner
def _plus(a: Lanes, b: Lanes) -> Lanes:
    return a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3]


@_inner
def _minus(a: Lanes, b: Lanes) -> Lanes:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2], a[3] - b[3]


@_inner
def _times(a: Lanes, b: Lanes) -> Lanes:
    return a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]


@_inner
def _add(target: Floats, position: int, a: Lanes) -> None:
    _store(target, position, _plus(_load(target, position), a))


# Scalars of the plan.


@_inner
def _record(records: NDArray[np.void], position: int) -> Any:
    return records[np.uint64(position)]


@_inner
def _entry(table: Floats, rule: int, point: int) -> Lanes:
    return _all(table[np.uint64(rule), np.uint64(point)])


# One tree, one block of rows. `edges` has LANES numbers a split; `sums`, `gaps` and `products` LANES a point a split.


@_inner
def _left(x: float, threshold: float, missing_left: bool) -> float:
    return 1.0 if (x < threshold) | (missing_left & np.isnan(x)) else 0.0


@_inner
def _met(x: float, lower: float, upper: float, missing: bool) -> float:
    return 0.0 if (x < lower) | (x >= upper) | (np.isnan(x) & (not missing)) else 1.0


@_inner
def _find_edges(rows: NDArray[np.float32], splits: NDArray[np.void], edges: Floats) -> None:
    for i in range(splits.size):
        split = _record(splits, i)
        a, b, c, d = _load(rows, split.feature * LANES)
        limit, missing = split.threshold, split.missing_left
        left = _left(a, limit, missing), _left(b, limit, missing), _left(c, limit, missing), _left(d, limit, missing)
        _store(edges, i * LANES, _minus(left, _all(split.share_left)))


@_inner
def _clear_edges(rows: NDArray[np.float32], splits: NDArray[np.void], repeats: NDArray[np.void], edges: Floats) -> None:
    """Edge 0 where the row failed what its path asked of the feature before."""
    for i in range(repeats.size):
        repeat = _record(repeats, i)
        a, b, c, d = _load(rows, _record(splits, repeat.split).feature * LANES)
        lower, upper, missing = repeat.lower, repeat.upper, repeat.missing
        met = (
            _met(a, lower, upper, missing),
            _met(b, lower, upper, missing),
            _met(c, lower, upper, missing),
            _met(d, lower, upper, missing),
        )
        at = repeat.split * LANES
        _store(edges, at, _times(met, _load(edges, at)))


@_inner
def _share_left(split: Any, step: Lanes, edge: Lanes) -> Lanes:
    return _plus(_all(split.share_left), _times(step, edge))


@_inner
def _sum_leaves(splits: NDArray[np.void], low: int, step: Floats, edges: Floats, sums: Floats) -> None:
    """The sums of the splits from `low` on."""
    points = step.shape[1]
    for i in range(low, splits.size):
        split, edge = _record(splits, i), _load(edges, i * LANES)
        rule, right, gap = split.rule, _all(split.value_right), _all(split.value_left - split.value_right)
        for point in range(points):
            share = _share_left(split, _entry(step, rule, point), edge)
            _store(sums, (i * points + point) * LANES, _plus(right, _times(share, gap)))


@_inner
def _sum_up(splits: NDArray[np.void], low: int, step: Floats, edges: Floats, sums: Floats, gaps: Floats) -> None:
    """The sums and gaps of the splits before `low`, the root last."""
    points = step.shape[1]
    for point in range(points):  # what stands in for children that are leaves
        _store(sums, (splits.size * points + point) * LANES, _all(0.0))
    for i in range(low - 1, -1, -1):
        split, edge = _record(splits, i), _load(edges, i * LANES)
        rule, to_left, to_right = split.rule, split.left * points, split.right * points
        value_right, value_gap = _all(split.value_right), _all(split.value_left - split.value_right)
        for point in range(points):
            share = _share_left(split, _entry(step, rule, point), edge)
            right = _load(sums, (to_right + point) * LANES)
            gap = _plus(_minus(_load(sums, (to_left + point) * LANES), right), value_gap)
            _store(gaps, (i * points + point) * LANES, gap)
            _store(sums, (i * points + point) * LANES, _plus(_plus(right, value_right), _times(share, gap)))


@_inner
def _credit_down(
    splits: NDArray[np.void],
    low: int,
    step: Floats,
    weight: Floats,
    edges: Floats,
    gaps: Floats,
    products: Floats,
    earned: Floats,
) -> None:
    """What the splits before `low` earn, the root first, and the products of all splits below them."""
    points = step.shape[1]
    for point in range(points):
        _store(products, point * LANES, _all(1.0))
    for i in range(low):
        split, edge = _record(splits, i), _load(edges, i * LANES)
        feature, rule, to_left, to_right = split.feature, split.rule, split.left * points, split.right * points
        credit = _all(0.0)
        for point in range(points):
            product = _load(products, (i * points + point) * LANES)
            weighted = _times(_entry(weight, rule, point), product)
            credit = _plus(credit, _times(weighted, _load(gaps, (i * points + point) * LANES)))
            left = _times(product, _share_left(split, _entry(step, rule, point), edge))
            _store(products, (to_left + point) * LANES, left)
            _store(products, (to_right + point) * LANES, _minus(product, left))
        _add(earned, feature * LANES, _times(credit, edge))


@_inner
def _credit_leaves(
    splits: NDArray[np.void], low: int, weight: Floats, edges: Floats, products: Floats, earned: Floats
) -> None:
    """What the splits from `low` on earn."""
    points = weight.shape[1]
    for i in range(low, splits.size):
        split, edge = _record(splits, i), _load(edges, i * LANES)
        feature, rule, gap = split.feature, split.rule, _all(split.value_left - split.value_right)
        product = _all(0.0)
        for point in range(points):
            weighted = _times(_entry(weight, rule, point), _load(products, (i * points + point) * LANES))
            product = _plus(product, weighted)
        _add(earned, feature * LANES, _times(_times(product, gap), edge))


@_compiled(
    _array(TREE, 1),
    _array(SPLIT, 1),
    _array(REPEAT, 1),
    _array("f8", 2),
    _array("f8", 2),
    _array("f4", 2),
    _array("f8", 2),
)
def _add_credits(
    trees: NDArray[np.void],
    splits: NDArray[np.void],
    repeats: NDArray[np.void],
    step: Floats,
    weight: Floats,
    rows: NDArray[np.float32],
    earned: Floats,
) -> None:
    """Adds up in `earned` what `rows` earn their features. Both are (blocks, features * LANES), the lanes innermost."""
    slots = 1
    for tree in trees:
        slots = max(slots, tree.end - tree.first + 1)
    edges = np.empty(slots * LANES)
    size = slots * step.shape[1] * LANES
    sums, gaps, products = np.empty(size), np.empty(size), np.empty(size)
    for block in range(rows.shape[0]):
        for tree in trees:
            own, low = splits[tree.first : tree.end], tree.low
            _find_edges(rows[block], own, edges)
            _clear_edges(rows[block], own, repeats[tree.repeat : tree.repeat_end], edges)
            _sum_leaves(own, low, step, edges, sums)
            _sum_up(own, low, step, edges, sums, gaps)
            _credit_down(own, low, step, weight, edges, gaps, products, earned[block])
            _credit_leaves(own, low, weight, edges, products, earned[block])
