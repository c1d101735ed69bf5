"""One model call whose failure stays with the rows that cause it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

Output = NDArray[np.float64]
ModelCall = Callable[[NDArray[np.float32]], Output]
"""Rows (n, features) -> outputs (n, k). May raise; must not keep the rows."""
MOST_CALLS = 256
"""How many calls isolation may spend before it gives the remaining rows up."""


def run_isolated(call: ModelCall, rows: NDArray[np.float32]) -> tuple[Output, dict[int, Exception], float]:
    """Outputs, the errors of failed rows by index, and the seconds it took. Never raises."""
    started = perf_counter()
    failures: dict[int, Exception] = {}
    try:
        outputs = _checked(call, rows)
    except Exception as error:  # a model's own failure, of whatever sort, belongs to the rows that cause it
        outputs = _isolate(call, rows, error, failures)
    finite = np.isfinite(outputs)
    if not finite.all():
        for row in np.flatnonzero(~finite.all(axis=1)).tolist():
            failures.setdefault(row, ArithmeticError("the model's output is not a finite number"))
    return outputs, failures, perf_counter() - started


def _checked(call: ModelCall, rows: NDArray[np.float32]) -> Output:
    outputs = call(rows)
    if outputs.ndim != 2 or len(outputs) != len(rows) or outputs.dtype.kind != "f":
        raise RuntimeError(f"the model answered {outputs.dtype} of shape {outputs.shape} for {len(rows)} rows")
    return outputs


def _isolate(call: ModelCall, rows: NDArray[np.float32], error: Exception, failures: dict[int, Exception]) -> Output:
    """Halve the rows until the failing ones stand alone; all others keep their outputs.

    Gives up after `MOST_CALLS` calls: a model that fails on everything fails the rest at once.
    """
    outputs: Output | None = None
    pieces = deque([(0, len(rows), error)])
    calls = 0
    while pieces:
        start, stop, cause = pieces.popleft()
        if stop - start == 1 or calls >= MOST_CALLS:
            failures.update(dict.fromkeys(range(start, stop), cause))
            continue
        middle = (start + stop) // 2
        for low, high in ((start, middle), (middle, stop)):
            calls += 1
            try:
                answer = _checked(call, rows[low:high])
                if outputs is None:
                    outputs = np.full((len(rows), answer.shape[1]), np.nan)
                outputs[low:high] = answer
            except Exception as piece_error:
                pieces.append((low, high, piece_error))
    return np.full((len(rows), 0), np.nan) if outputs is None else outputs
