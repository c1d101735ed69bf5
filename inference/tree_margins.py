"""The margins of rows, by a compiled walk down the trees.

A row walks `AT_ONCE` trees at a time, one step in each in turn, so that the processor need not wait for the memory that
one of them leads to. A step has no branch to guess wrongly:

    node += step(node) + (key(row, node) > limit(node))

A node's left child lies `step` nodes on, its right child one further. Keys are whole numbers in place of the row's
values, in the same order, see `inference.margin_plan`. A leaf has step 0 and reads a key that is over no limit: there a
walk stays until the deepest of the trees ends.

The margin is summed up in float32, the base margin first, then the trees in their order, as ONNX Runtime does it. A
row's time grows with the trees' depth; with rows as the lanes of a vector that visits every split, it would grow with
the number of splits.
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from inference.margin_plan import AT_ONCE, HIGHEST, INFINITE, LOWEST, MAGNITUDE, NODE, ZERO, MarginPlan, plan
from registry.ensemble import TreeEnsemble

if TYPE_CHECKING:
    from inference.kernel import Kernel
    from inference.vector_code import Code, Integers, Records, Value

ROWS = 32
"""Rows that walk before the next trees are read: their keys and those trees fit into the first cache."""


class MarginKernel:
    """Margins of encoded rows: what `Predictor` gives, several times faster once the kernel is compiled.

    302 trees of depth 5 take 4.5 us for one row, the call included, and 1.2 us a row in batches. Any number of threads
    may ask at once; a call holds the GIL only to copy rows in.

    Making one takes some 10 ms. The first call of a process imports llvmlite and compiles the kernel: 0.2 s. Raises
    ValueError for ensembles that the kernel cannot read, see `inference.margin_plan.plan`.

    >>> import numpy as np
    >>> from registry.ensemble import Tree, TreeEnsemble
    >>> stump = Tree(
    ...     left=np.array([1, -1, -1], np.int32), right=np.array([2, -1, -1], np.int32),
    ...     feature=np.zeros(3, np.int32), threshold=np.array([0.5, 0, 0], np.float32),
    ...     default_left=np.zeros(3, np.bool_), value=np.array([0, 1, 3], np.float32),
    ...     cover=np.array([4, 1, 3], np.float32),
    ... )
    >>> kernel = MarginKernel(TreeEnsemble(features=1, base_margin=0.25, trees=(stump,)))
    >>> kernel.margins(np.array([[0.0], [0.5], [np.nan]], np.float32)).tolist()
    [1.25, 3.25, 3.25]
    """

    def __init__(self, ensemble: TreeEnsemble) -> None:
        self._plan = plan(ensemble)
        self._features = ensemble.features
        self._spare: list[_Call] = []

    def margins(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Uncalibrated scores on the margin scale: rows (n, features) float32, NaN for missing -> (n,) float32.

        Rows may be a view, in any order. A row's margin does not depend on the rows beside it, to the last bit. Raises
        ValueError for rows of another width or type.
        """
        if rows.ndim != 2 or rows.shape[1] != self._features or rows.dtype != np.float32:
            raise ValueError(f"{rows.dtype} rows of shape {rows.shape}: the kernel takes float32 (n, {self._features})")
        count = len(rows)
        margins = np.empty(count, np.float32)
        if count == 0:
            return margins
        try:
            call = self._spare.pop()
        except IndexError:
            call = _Call(self._plan)
        call.rows = rows.tobytes()
        call.count = count
        call.blocks = -(-count // ROWS)
        call.margins = ctypes.addressof(ctypes.c_char.from_buffer(margins.data))  # `margins.ctypes` takes 1 us more
        _kernel().run(ctypes.addressof(call))
        call.rows = None
        self._spare.append(call)
        return margins

    def warm(self) -> None:
        """Compiles the kernel, if the process has not yet, and asks for one row: the next call is as fast as any."""
        self.margins(np.full((1, self._features), np.nan, np.float32))


class _Call(ctypes.Structure):
    """The kernel's arguments. One call at a time has it; the next need not make what it holds again."""

    _fields_ = (
        ("nodes", ctypes.c_void_p),
        ("roots", ctypes.c_void_p),
        ("depths", ctypes.c_void_p),
        ("groups", ctypes.c_int64),
        ("features", ctypes.c_int64),
        ("keys", ctypes.c_void_p),
        ("rows", ctypes.c_char_p),
        ("count", ctypes.c_int64),
        ("blocks", ctypes.c_int64),
        ("margins", ctypes.c_void_p),
    )

    def __init__(self, plan: MarginPlan) -> None:
        keys = np.empty((ROWS, plan.width), np.uint32)
        self.arrays = plan, keys
        super().__init__(
            nodes=plan.nodes.ctypes.data,
            roots=plan.roots.ctypes.data,
            depths=plan.depths.ctypes.data,
            groups=len(plan.roots),
            features=plan.features,
            keys=keys.ctypes.data,
        )


@cache
def _kernel() -> Kernel:
    from inference.kernel import Kernel

    return Kernel(_walk, lanes=1)


def _walk(code: Code) -> None:
    """Writes `margins` (count,) for `rows` (count, features); `keys` (ROWS, width) is room for one block of them."""
    nodes, roots, depths, groups = code.records(NODE), code.integers("i4"), code.integers("i4"), code.position()
    features, keys = code.position(), code.integers("u4")
    rows, count, blocks, margins = code.integers("u4"), code.position(), code.position(), code.vectors("f4")
    width = features * 2 + 1
    with code.each(blocks) as block:
        first = block * ROWS
        left = count - first
        size = (left < ROWS).choose(left, code.fixed(ROWS))
        with code.each(size) as row:
            _find_keys(code, rows.since((first + row) * features), features, keys.since(row * width))
            margins[first + row] = code.same(0.0, "f4")
        with code.each(groups) as group:
            starts = [roots[group * AT_ONCE + tree] for tree in range(AT_ONCE)]
            depth = depths[group]
            with code.each(size) as row:
                margin = margins[first + row]
                for value in _leaves(code, nodes, starts, depth, keys.since(row * width)):
                    margin = margin + value
                margins[first + row] = margin


def _find_keys(code: Code, row: Integers, features: Value, keys: Integers) -> None:
    """The keys of one row, from the bits of its values."""
    keys[code.fixed(0)] = code.fixed(LOWEST)
    with code.each(features) as feature:
        bits = row[feature]
        magnitude = bits & MAGNITUDE
        missing = magnitude > INFINITE
        key = (bits > MAGNITUDE).choose(code.fixed(ZERO) - magnitude, magnitude + ZERO)
        keys[feature * 2 + 1] = missing.choose(code.fixed(LOWEST), key)
        keys[feature * 2 + 2] = missing.choose(code.fixed(HIGHEST), key)


def _leaves(code: Code, nodes: Records, starts: list[Value], depth: Value, keys: Integers) -> list[Value]:
    """The values of the leaves where one row ends."""
    walks = [code.variable(start) for start in starts]
    with code.each(depth):
        for walk in walks:
            node = nodes[walk.value]
            walk.add(node.step + (keys[node.key] > node.limit).as_number())
    return [nodes[walk.value].value for walk in walks]
