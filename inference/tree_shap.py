"""The SHAP values of rows, compiled with numba. Importing this module compiles it, see `_compiled`.

The numbers are those of path-dependent TreeSHAP (Lundberg et al. 2018, arXiv:1802.03888). For one leaf, the game over the
features of its path is a product: feature j multiplies the leaf's value by o_j if it is known (1 when the row meets all that
the path asks of j, else 0) and by z_j if it is not (the share of the training cover that does). The Shapley value
of a product game is an integral over the share t of features that are known,

    phi_j = value * (o_j - z_j) * integral from 0 to 1 of the product over k != j of f_k(t),  f_k = z_k + t (o_k - z_k),

of a polynomial of degree d - 1 for d features, which Gauss-Legendre quadrature with ceil(d / 2) points gives exactly. At each
point the products factor along the tree, as in Linear TreeSHAP (Yu et al. 2022, arXiv:2209.08192):

- A split has the edge e = [the row goes left] - share_left, and gives p = share_left + t e of what it gets to its left,
  the rest to its right.
- Upwards, splits sum: S = S_right + p (S_left - S_right). A leaf's S is its value.
- Downwards, they multiply: P_left = P p, P_right = P - P_left. A root's P is 1.
- The split earns its feature the sum over the points of weight * P (S_left - S_right) e.

If the path has asked of the feature before, and a share z of the cover met it, then f = z + t (1 - z) is already in P. A row
that met it has p = share_left + (t / f) e and its credit is weighted with z / f^2; for a row that did not, e = 0. Down a
path the credits of one feature then add up to the integrand above. Every row visits the same splits in the same order, so
the lanes of a vector are rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numba.core import config
from numpy.typing import NDArray

from inference.tree_plan import LANES, REPEAT, SPLIT, TREE, Plan

U1, U2, U3 = np.uint64(1), np.uint64(2), np.uint64(3)
Lanes = tuple[float, float, float, float]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def _inner(function: Kernel) -> Kernel:
    """The function compiled into those that call it."""
    return cast(
        Kernel, numba.njit(nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, forceinline=True, error_model="numpy")(function)
    )


@_inner
def _load(source: Any, at: int) -> Lanes:
    i = np.uint64(at)
    return source[i], source[i + U1], source[i + U2], source[i + U3]


@_inner
def _store(target: Any, at: int, a: Lanes) -> None:
    i = np.uint64(at)
    target[i], target[i + U1], target[i + U2], target[i + U3] = a


@_inner
def _every(number: float) -> Lanes:
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
def _goes_left(x: float, threshold: float, missing: bool) -> float:
    return 1.0 if (x < threshold) | (missing & (x != x)) else 0.0


@_inner
def _met(x: float, lower: float, upper: float, missing: bool) -> float:
    return 0.0 if (x < lower) | (x >= upper) | ((not missing) & (x != x)) else 1.0


@_inner
def _edges(x, splits, repeats, tree, edge):
    first = tree.first
    for i in range(first, tree.end):
        split = splits[np.uint64(i)]
        row = _load(x, split.feature * LANES)
        c = split.threshold
        m = split.missing_left
        left = (_goes_left(row[0], c, m), _goes_left(row[1], c, m), _goes_left(row[2], c, m), _goes_left(row[3], c, m))
        _store(edge, (i - first) * LANES, _minus(left, _every(split.share_left)))
    for i in range(tree.repeat, tree.repeat_end):
        r = repeats[np.uint64(i)]
        row = _load(x, splits[np.uint64(r.split)].feature * LANES)
        lo = r.lower
        hi = r.upper
        m = r.missing
        at = (r.split - first) * LANES
        met = (_met(row[0], lo, hi, m), _met(row[1], lo, hi, m), _met(row[2], lo, hi, m), _met(row[3], lo, hi, m))
        _store(edge, at, _times(met, _load(edge, at)))


@_inner
def _at(source, at):
    return _every(source[np.uint64(at)])


@_inner
def _up(splits, first, low, count, step, points, edge, S, D):
    width = points * LANES
    for k in range(count * width, (count + 1) * width):
        S[np.uint64(k)] = 0.0
    for v in range(low, count):
        s = splits[np.uint64(first + v)]
        share = _every(s.share_left)
        right = _every(s.value_right)
        diff = _every(s.value_left - s.value_right)
        e = _load(edge, v * LANES)
        rule = s.rule * points
        here = v * width
        for q in range(points):
            p = _plus(share, _times(_at(step, rule + q), e))
            _store(S, here + q * LANES, _plus(right, _times(p, diff)))
    for v in range(low - 1, -1, -1):
        s = splits[np.uint64(first + v)]
        share = _every(s.share_left)
        right = _every(s.value_right)
        diff = _every(s.value_left - s.value_right)
        e = _load(edge, v * LANES)
        rule = s.rule * points
        here = v * width
        to_left = s.left * width
        to_right = s.right * width
        for q in range(points):
            p = _plus(share, _times(_at(step, rule + q), e))
            r = _load(S, to_right + q * LANES)
            d = _plus(_minus(_load(S, to_left + q * LANES), r), diff)
            _store(D, here + q * LANES, d)
            _store(S, here + q * LANES, _plus(_plus(r, right), _times(p, d)))


@_inner
def _down(splits, first, low, count, step, weight, points, edge, P, D, credit):
    width = points * LANES
    for k in range(width):
        P[np.uint64(k)] = 1.0
    for v in range(low):
        s = splits[np.uint64(first + v)]
        share = _every(s.share_left)
        e = _load(edge, v * LANES)
        acc = _every(0.0)
        rule = s.rule * points
        here = v * width
        to_left = s.left * width
        to_right = s.right * width
        at = s.feature * LANES
        for q in range(points):
            p = _plus(share, _times(_at(step, rule + q), e))
            g = _load(P, here + q * LANES)
            acc = _plus(acc, _times(_times(_at(weight, rule + q), g), _load(D, here + q * LANES)))
            l = _times(g, p)
            _store(P, to_left + q * LANES, l)
            _store(P, to_right + q * LANES, _minus(g, l))
        _store(credit, at, _plus(_load(credit, at), _times(acc, e)))
    for v in range(low, count):
        s = splits[np.uint64(first + v)]
        acc = _every(0.0)
        rule = s.rule * points
        here = v * width
        at = s.feature * LANES
        for q in range(points):
            acc = _plus(acc, _times(_at(weight, rule + q), _load(P, here + q * LANES)))
        e = _load(edge, v * LANES)
        _store(credit, at, _plus(_load(credit, at), _times(_times(acc, _every(s.value_left - s.value_right)), e)))


def _kernel(trees, splits, repeats, step, weight, points, x, credit):
    n = 1
    for t in range(trees.size):
        n = max(n, trees[t].end - trees[t].first + 1)
    S = np.empty(n * points * LANES)
    D = np.empty(n * points * LANES)
    P = np.empty(n * points * LANES)
    edge = np.empty(n * LANES)
    for b in range(x.shape[0]):
        for t in range(trees.size):
            tree = trees[t]
            first = tree.first
            low = tree.low - first
            count = tree.end - first
            _edges(x[b], splits, repeats, tree, edge)
            _up(splits, first, low, count, step, points, edge, S, D)
            _down(splits, first, low, count, step, weight, points, edge, P, D, credit[b])


import time


def rec(d):
    return numba.from_dtype(d)


R = lambda d: numba.types.Array(rec(d), 1, "C", readonly=False)
f8 = numba.float64
sig = numba.void(R(TREE), R(SPLIT), R(REPEAT), f8[::1], f8[::1], numba.int64, numba.float32[:, ::1], f8[:, ::1])
config.SLP_VECTORIZE = 1
s = time.process_time()
_k = numba.njit(sig, nogil=True)(_kernel)
print("compile", time.process_time() - s)


def add_credits(plan, x, credits):
    n = x.shape[0]
    _k(
        plan.trees,
        plan.splits,
        plan.repeats,
        plan.step.ravel(),
        plan.weight.ravel(),
        plan.step.shape[1],
        x.reshape(n, -1),
        credits.reshape(n, -1),
    )
