"""Loops over rows in vector lanes, written down in Python and compiled by LLVM when asked.

A program is a function that is given a `Code` and the arguments of the kernel to be, and uses them as numbers and arrays.
Running it computes nothing: it writes down what to compute. Positions are integers; everything else is a vector
with one double, or one truth, for each of `LANES` rows. What is stored once for all rows is loaded into every lane.

Why not numba, which compiles ordinary functions to code as fast: it keeps 40 to 80 MB for itself in every worker and
takes 2 s to load a kernel from its cache, 5 s without. llvmlite, the part of it that is used here, keeps 7 MB, compiles
within 0.2 s and needs no cache. (Both map 70 MB of LLVM, which workers share.)
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import llvmlite.binding as llvm  # type: ignore[import-untyped]
import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]
from numpy.typing import NDArray

LANES = 4
"""Rows in a vector: as many doubles as a 256-bit register holds. LLVM makes do with smaller registers."""

_POSITION = ir.IntType(64)
_BYTE = ir.IntType(8)
_KINDS = {"f8": ir.DoubleType(), "f4": ir.FloatType(), "i8": _POSITION, "i4": ir.IntType(32), "b1": _BYTE}


class Value:
    """A position, or a number or a truth in each lane. On the right of an operator there may be a plain number."""

    def __init__(self, builder: Any, of: Any) -> None:
        self._builder = builder
        self.of = of

    def __add__(self, other: Value | float) -> Value:
        return self._arithmetic("add", other)

    def __sub__(self, other: Value | float) -> Value:
        return self._arithmetic("sub", other)

    def __mul__(self, other: Value | float) -> Value:
        return self._arithmetic("mul", other)

    def __lt__(self, other: Value) -> Value:
        return Value(self._builder, self._builder.fcmp_ordered("<", self.of, other.of))

    def __ge__(self, other: Value) -> Value:
        return Value(self._builder, self._builder.fcmp_ordered(">=", self.of, other.of))

    def __or__(self, other: Value) -> Value:
        return Value(self._builder, self._builder.or_(self.of, other.of))

    def __and__(self, other: Value) -> Value:
        return Value(self._builder, self._builder.and_(self.of, other.of))

    def is_missing(self) -> Value:
        """Where it is NaN."""
        return Value(self._builder, self._builder.fcmp_unordered("uno", self.of, self.of))

    def choose(self, then: Value, otherwise: Value) -> Value:
        """`then` in the lanes where this is true."""
        return Value(self._builder, self._builder.select(self.of, then.of, otherwise.of))

    def _arithmetic(self, operation: str, other: Value | float) -> Value:
        positions = isinstance(self.of.type, ir.IntType)
        if not isinstance(other, Value):
            other = Value(self._builder, ir.Constant(_POSITION, other) if positions else _same(other))
        instruction = getattr(self._builder, operation if positions else f"f{operation}")
        return Value(self._builder, instruction(self.of, other.of))


def _same(number: float) -> Any:
    return ir.Constant(ir.VectorType(ir.DoubleType(), LANES), [number] * LANES)
