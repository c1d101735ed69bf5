"""Loops over rows in vector lanes, written down in Python and compiled by LLVM when asked.

A program is a function that is given a `Code`, takes from it the arguments of the kernel to be, and uses them as
numbers and arrays. Running it computes nothing: it writes down what to compute. Positions are integers; all else are
vectors of `LANES` numbers or truths, one for each row. What is stored once for all rows is loaded into every lane.

Why not numba, which compiles plain functions to code as fast: it keeps 40 to 80 MB for itself in every worker and takes
2 s to load a kernel from its cache and 5 s without. llvmlite, the part of it used here, keeps 7 MB, compiles in 0.1 s
and needs no cache. Both map LLVM itself, 70 MB that workers share.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import binding, ir  # type: ignore[import-untyped]
from numpy.typing import NDArray

LANES = 4
"""Rows in a vector: as many doubles as a 256-bit register holds. LLVM makes do with smaller registers."""

ENTRY = "kernel"
_POSITION = ir.IntType(64)
_BYTE = ir.IntType(8)
_KINDS = {"f8": ir.DoubleType(), "f4": ir.FloatType(), "i4": ir.IntType(32), "b1": _BYTE}
_VECTOR = ir.VectorType(ir.DoubleType(), LANES)


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

    def __lt__(self, other: Value) -> Value:
        return self._made("fcmp_ordered", "<", self, other)

    def __ge__(self, other: Value) -> Value:
        return self._made("fcmp_ordered", ">=", self, other)

    def __or__(self, other: Value) -> Value:
        return self._made("or_", self, other)

    def __and__(self, other: Value) -> Value:
        return self._made("and_", self, other)

    def is_nan(self) -> Value:
        """Truths."""
        return self._made("fcmp_unordered", "uno", self, self)

    def choose(self, then: Value, otherwise: Value) -> Value:
        """`then` in the lanes where this is true, `otherwise` in the others."""
        return self._made("select", self, then, otherwise)

    def _arithmetic(self, operation: str, other: Value | float) -> Value:
        kind = self.llvm_value.type
        if not isinstance(other, Value):
            other = Value(self._builder, _constant(kind, other))
        return self._made(operation if kind == _POSITION else f"f{operation}", self, other)

    def _made(self, instruction: str, *operands: Value | str) -> Value:
        plain = [operand.llvm_value if isinstance(operand, Value) else operand for operand in operands]
        return Value(self._builder, getattr(self._builder, instruction)(*plain))


class Vectors:
    """An array of vectors of "f4" or "f8"."""

    def __init__(self, builder: Any, address: Any, item: str) -> None:
        self._builder = builder
        self._address = address
        self._item = item

    def __getitem__(self, position: Value) -> Value:
        return Value(self._builder, self._builder.load(self._at(position), align=4))

    def __setitem__(self, position: Value, value: Value) -> None:
        self._builder.store(value.llvm_value, self._at(position), align=4)

    def since(self, position: Value) -> Vectors:
        """The rest from `position` on."""
        return Vectors(self._builder, self._at(position), self._item)

    def _at(self, position: Value) -> Any:
        size = LANES * np.dtype(self._item).itemsize
        return _place(self._builder, self._address, position * size, ir.VectorType(_KINDS[self._item], LANES))


class Records:
    """An array of numpy records."""

    def __init__(self, builder: Any, address: Any, kind: np.dtype[Any]) -> None:
        self._builder = builder
        self._address = address
        self._kind = kind

    def __getitem__(self, position: Value) -> Record:
        return Record(self._builder, self._at(position), self._kind)

    def since(self, position: Value) -> Records:
        """The rest from `position` on."""
        return Records(self._builder, self._at(position), self._kind)

    def _at(self, position: Value) -> Any:
        return _place(self._builder, self._address, position * self._kind.itemsize, _BYTE)


class Record:
    """Its integers are positions, its other fields the same in every lane. Each use of a field loads it anew."""

    def __init__(self, builder: Any, address: Any, kind: np.dtype[Any]) -> None:
        self._builder = builder
        self._address = address
        self._kind = kind

    def __getattr__(self, name: str) -> Value:
        assert self._kind.fields is not None
        field, offset = self._kind.fields[name][:2]
        item, build = field.str[1:], self._builder
        at = _place(build, self._address, Value(build, _POSITION(offset)), _KINDS[item])
        loaded = build.load(at, align=1)
        if item == "b1":
            loaded = build.icmp_unsigned("!=", loaded, _BYTE(0))
        if item == "i4":
            return Value(build, build.sext(loaded, _POSITION))
        return Value(build, _in_every_lane(build, loaded))


class Total:
    """A vector of sums that loops add to."""

    def __init__(self, builder: Any) -> None:
        self._builder = builder
        with builder.goto_entry_block():
            self._memory = builder.alloca(_VECTOR)
        builder.store(_constant(_VECTOR, 0.0), self._memory)

    @property
    def value(self) -> Value:
        return Value(self._builder, self._builder.load(self._memory))

    def add(self, value: Value) -> None:
        self._builder.store((self.value + value).llvm_value, self._memory)


class Code:
    """What a program is written with. It takes the kernel's arguments in the order in which they will be given."""

    def __init__(self) -> None:
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
        """The next argument, an array with `LANES` numbers innermost."""
        return Vectors(self._builder, self._array(), item)

    def records(self, kind: np.dtype[Any]) -> Records:
        """The next argument, an array of records."""
        return Records(self._builder, self._array(), kind)

    def same(self, number: float) -> Value:
        """`number` in every lane."""
        return Value(self._builder, _constant(_VECTOR, number))

    def total(self) -> Total:
        """A vector of zeros for loops to add to."""
        return Total(self._builder)

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


class Kernel:
    """A compiled program. Any number of threads may call it at once; a call does not hold the GIL."""

    def __init__(self, program: Callable[[Code], None]) -> None:
        code = Code()
        program(code)
        self._engine = _compiled(code.finished())
        self._function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._engine.get_function_address(ENTRY))

    def __call__(self, *arguments: NDArray[Any] | int) -> None:
        """Runs it on integers and contiguous arrays, in the order in which the program takes them."""
        words = np.array([argument if isinstance(argument, int) else argument.ctypes.data for argument in arguments])
        self._function(words.ctypes.data)


def _compiled(source: str) -> Any:
    """An engine that holds the machine code for this processor."""
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    machine = binding.Target.from_default_triple().create_target_machine(
        cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten(), opt=2
    )
    module = binding.parse_assembly(source)
    module.verify()
    tuning = binding.create_pipeline_tuning_options(speed_level=1)
    tuning.loop_unrolling = False  # loops over three quadrature points are 15 % slower unrolled
    passes = binding.create_pass_builder(machine, tuning)
    passes.getModulePassManager().run(module, passes)
    engine = binding.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def _constant(kind: Any, number: float) -> Any:
    return ir.Constant(kind, [number] * LANES if isinstance(kind, ir.VectorType) else number)


def _place(builder: Any, address: Any, offset: Value, kind: Any) -> Any:
    """Where an item of some kind is, `offset` bytes from an address."""
    base = builder.bitcast(address, _BYTE.as_pointer())
    return builder.bitcast(builder.gep(base, [offset.llvm_value]), kind.as_pointer())


def _in_every_lane(builder: Any, scalar: Any) -> Any:
    kind = ir.VectorType(scalar.type, LANES)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.IntType(32)(0))
    return builder.shuffle_vector(first, first, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))
