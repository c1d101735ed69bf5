"""Loops over rows in vector lanes, written down in Python for LLVM.

A program is a function that is given a `Code`, takes from it the arguments of the kernel to be, and uses them as
numbers and arrays. Running it computes nothing: it writes down what to compute. Positions are integers, the same for
all rows; all else are vectors of numbers or truths, one in each lane. What is stored once for all rows is loaded into
every lane. A program may also take its rows one by one, in a single lane.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir

LANES = 4
"""Rows in a vector, if not told otherwise: as many doubles as a 256-bit register holds. LLVM makes do with less."""

ENTRY = "kernel"
_POSITION = ir.IntType(64)
_BYTE = ir.IntType(8)
_INTEGERS = {"u2": ir.IntType(16), "u4": ir.IntType(32), "i4": ir.IntType(32)}
_KINDS = {"f8": ir.DoubleType(), "f4": ir.FloatType(), "b1": _BYTE, **_INTEGERS}


class Value:
    """A position, or a number or truth in each lane. Plain numbers may stand to the right of an operator."""

    def __init__(self, builder: Any, llvm_value: Any) -> None:
        self._builder = builder
        self.llvm_value = llvm_value

    def __add__(self, other: Value | float) -> Value:
        return self._arithmetic("add", other)

    def __sub__(self, other: Value | float) -> Value:
        return self._arithmetic("sub", other)

    def __mul__(self, other: Value | float) -> Value:
        return self._arithmetic("mul", other)

    def __lt__(self, other: Value | float) -> Value:
        return self._compared("<", other)

    def __gt__(self, other: Value | float) -> Value:
        return self._compared(">", other)

    def __ge__(self, other: Value | float) -> Value:
        return self._compared(">=", other)

    def __or__(self, other: Value) -> Value:
        return self._made("or_", self, other)

    def __and__(self, other: Value | float) -> Value:
        return self._made("and_", self, self._like(other))

    def is_nan(self) -> Value:
        """Truths."""
        return self._made("fcmp_unordered", "uno", self, self)

    def choose(self, then: Value, otherwise: Value) -> Value:
        """`then` in the lanes where this is true, `otherwise` in the others."""
        return self._made("select", self, then, otherwise)

    def as_number(self) -> Value:
        """1 if this truth about positions holds, else 0."""
        return Value(self._builder, self._builder.zext(self.llvm_value, _POSITION))

    def _arithmetic(self, operation: str, other: Value | float) -> Value:
        return self._made(operation if self._is_position else f"f{operation}", self, self._like(other))

    def _compared(self, how: str, other: Value | float) -> Value:
        return self._made("icmp_signed" if self._is_position else "fcmp_ordered", how, self, self._like(other))

    @property
    def _is_position(self) -> bool:
        return bool(self.llvm_value.type == _POSITION)

    def _like(self, other: Value | float) -> Value:
        """A plain number as a value of this one's kind."""
        return other if isinstance(other, Value) else Value(self._builder, _constant(self.llvm_value.type, other))

    def _made(self, instruction: str, *operands: Value | str) -> Value:
        plain = [operand.llvm_value if isinstance(operand, Value) else operand for operand in operands]
        return Value(self._builder, getattr(self._builder, instruction)(*plain))


class Vectors:
    """An array of vectors of "f4" or "f8"."""

    def __init__(self, builder: Any, address: Any, item: str, lanes: int) -> None:
        self._builder = builder
        self._address = address
        self._item = item
        self._lanes = lanes

    def __getitem__(self, position: Value) -> Value:
        return Value(self._builder, self._builder.load(self._at(position), align=4))

    def __setitem__(self, position: Value, value: Value) -> None:
        self._builder.store(value.llvm_value, self._at(position), align=4)

    def since(self, position: Value) -> Vectors:
        """The rest from `position` on."""
        return Vectors(self._builder, self._at(position), self._item, self._lanes)

    def _at(self, position: Value) -> Any:
        size = self._lanes * np.dtype(self._item).itemsize
        return _place(self._builder, self._address, position * size, ir.VectorType(_KINDS[self._item], self._lanes))


class Integers:
    """An array of "u2", "u4" or "i4", each of them a position."""

    def __init__(self, builder: Any, address: Any, item: str) -> None:
        self._builder = builder
        self._address = address
        self._item = item

    def __getitem__(self, position: Value) -> Value:
        loaded = self._builder.load(self._at(position), align=1)
        return Value(self._builder, _widened(self._builder, loaded, self._item))

    def __setitem__(self, position: Value, value: Value) -> None:
        narrow = self._builder.trunc(value.llvm_value, _KINDS[self._item])
        self._builder.store(narrow, self._at(position), align=1)

    def since(self, position: Value) -> Integers:
        """The rest from `position` on."""
        return Integers(self._builder, self._at(position), self._item)

    def _at(self, position: Value) -> Any:
        size = np.dtype(self._item).itemsize
        return _place(self._builder, self._address, position * size, _KINDS[self._item])


class Records:
    """An array of numpy records."""

    def __init__(self, builder: Any, address: Any, kind: np.dtype[Any], lanes: int) -> None:
        self._builder = builder
        self._address = address
        self._kind = kind
        self._lanes = lanes

    def __getitem__(self, position: Value) -> Record:
        return Record(self._builder, self._at(position), self._kind, self._lanes)

    def since(self, position: Value) -> Records:
        """The rest from `position` on."""
        return Records(self._builder, self._at(position), self._kind, self._lanes)

    def _at(self, position: Value) -> Any:
        return _place(self._builder, self._address, position * self._kind.itemsize, _BYTE)


class Record:
    """Its integers are positions, its other fields the same in every lane. Each use of a field loads it anew."""

    def __init__(self, builder: Any, address: Any, kind: np.dtype[Any], lanes: int) -> None:
        self._builder = builder
        self._address = address
        self._kind = kind
        self._lanes = lanes

    def __getattr__(self, name: str) -> Value:
        assert self._kind.fields is not None
        field, offset = self._kind.fields[name][:2]
        item, build = field.str[1:], self._builder
        at = _place(build, self._address, Value(build, _POSITION(offset)), _KINDS[item])
        loaded = build.load(at, align=1)
        if item == "b1":
            loaded = build.icmp_unsigned("!=", loaded, _BYTE(0))
        if item in _INTEGERS:
            return Value(build, _widened(build, loaded, item))
        return Value(build, _in_every_lane(build, loaded, self._lanes))


class Variable:
    """A value that loops change. LLVM keeps it in a register."""

    def __init__(self, builder: Any, first: Value) -> None:
        self._builder = builder
        with builder.goto_entry_block():
            self._memory = builder.alloca(first.llvm_value.type)
        self.become(first)

    @property
    def value(self) -> Value:
        return Value(self._builder, self._builder.load(self._memory))

    def become(self, value: Value) -> None:
        self._builder.store(value.llvm_value, self._memory)

    def add(self, value: Value) -> None:
        self.become(self.value + value)


class Code:
    """What a program is written with. It takes the kernel's arguments in the order in which they will be given."""

    def __init__(self, lanes: int = LANES) -> None:
        self._lanes = lanes
        self._module = ir.Module()
        self._function = ir.Function(self._module, ir.FunctionType(ir.VoidType(), [_POSITION.as_pointer()]), ENTRY)
        self._builder = ir.IRBuilder(self._function.append_basic_block())
        self._taken = 0

    def position(self) -> Value:
        """The next argument, an integer."""
        slot = self._builder.gep(self._function.args[0], [_POSITION(self._taken)])
        self._taken += 1
        return Value(self._builder, self._builder.load(slot))

    def vectors(self, item: str) -> Vectors:
        """The next argument, an array with a number for each lane innermost."""
        return Vectors(self._builder, self._array(), item, self._lanes)

    def integers(self, item: str) -> Integers:
        """The next argument, an array of integers."""
        return Integers(self._builder, self._array(), item)

    def records(self, kind: np.dtype[Any]) -> Records:
        """The next argument, an array of records."""
        return Records(self._builder, self._array(), kind, self._lanes)

    def same(self, number: float, item: str = "f8") -> Value:
        """`number` in every lane."""
        return Value(self._builder, _constant(ir.VectorType(_KINDS[item], self._lanes), number))

    def fixed(self, number: int) -> Value:
        """`number` as a position."""
        return Value(self._builder, _POSITION(number))

    def variable(self, first: Value) -> Variable:
        """A variable, `first` for now."""
        return Variable(self._builder, first)

    def total(self) -> Variable:
        """A vector of zeros for loops to add to."""
        return self.variable(self.same(0.0))

    @contextmanager
    def each(self, end: Value, first: Value | None = None) -> Iterator[Value]:
        """A loop over the positions from `first`, or 0, to before `end`."""
        build, before = self._builder, self._builder.block
        head, body, after = (self._function.append_basic_block() for _ in range(3))
        build.branch(head)
        build.position_at_end(head)
        position = build.phi(_POSITION)
        position.add_incoming(first.llvm_value if first else _POSITION(0), before)
        build.cbranch(build.icmp_signed("<", position, end.llvm_value), body, after)
        build.position_at_end(body)
        yield Value(build, position)
        position.add_incoming(build.add(position, _POSITION(1)), build.block)
        build.branch(head)
        build.position_at_end(after)

    def finished(self) -> str:
        """The program in LLVM's language."""
        self._builder.ret_void()
        return str(self._module)

    def _array(self) -> Any:
        return self._builder.inttoptr(self.position().llvm_value, _BYTE.as_pointer())


def _constant(kind: Any, number: float) -> Any:
    return ir.Constant(kind, [number] * kind.count if isinstance(kind, ir.VectorType) else number)


def _place(builder: Any, address: Any, offset: Value, kind: Any) -> Any:
    """Where an item of some kind is, `offset` bytes from an address."""
    base = builder.bitcast(address, _BYTE.as_pointer())
    return builder.bitcast(builder.gep(base, [offset.llvm_value]), kind.as_pointer())


def _widened(builder: Any, integer: Any, item: str) -> Any:
    return builder.sext(integer, _POSITION) if item[0] == "i" else builder.zext(integer, _POSITION)


def _in_every_lane(builder: Any, scalar: Any, lanes: int) -> Any:
    kind = ir.VectorType(scalar.type, lanes)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), lanes), [0] * lanes))
