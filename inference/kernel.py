"""Programs of vector code, compiled by LLVM for this processor.

Why not numba, which compiles plain functions to code as fast: it keeps 40 to 80 MB for itself in every worker and takes
2 s to load a kernel from its cache and 5 s without. llvmlite, the part of it used here, keeps 7 MB, compiles in 0.1 s
and needs no cache. Both map LLVM itself, 70 MB that workers share.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import binding
from numpy.typing import NDArray

from inference.vector_code import ENTRY, LANES, Code


class Kernel:
    """A compiled program. Any number of threads may call it at once; a call does not hold the GIL.

    `run` is given the address of the arguments, eight bytes each, for callers who lay them out themselves: 0.3 us.
    """

    def __init__(self, program: Callable[[Code], None], lanes: int = LANES) -> None:
        code = Code(lanes)
        program(code)
        self._engine = _compiled(code.finished())
        self.run = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._engine.get_function_address(ENTRY))

    def __call__(self, *arguments: NDArray[Any] | int) -> None:
        """Runs it on integers and contiguous arrays, in the order in which the program takes them."""
        words = np.array([argument if isinstance(argument, int) else argument.ctypes.data for argument in arguments])
        self.run(words.ctypes.data)


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
