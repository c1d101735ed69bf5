"""Two numbers of which one is a fixed multiple of the other in one class alone."""

from __future__ import annotations

import warnings
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from training.suspicion.column import Column, Floats
from training.suspicion.goal import Goal
from training.suspicion.pair import MOST_COLUMNS, SAMPLE
from training.suspicion.trap import Trap

CLOSE = 1e-5
"""How far, as a share of it, a multiple may lie from the usual one: columns are rounded."""
TOLD = 0.99
"""The share of a class that holds the multiple, less that of the other class."""

Truths = NDArray[np.bool_]


def proportions(columns: list[Column], goal: Goal) -> list[Trap]:
    """Two traps, one per column, for each pair whose ratio states the class, as where a total is one of its parts.

    Two classes only, and columns without gaps.
    """
    if not goal.discrete or goal.truth.shape[1] != 2:
        return []
    numbers = [column for column in columns if column.kind == "number" and not np.isnan(column.values).any()]
    rows, positive = goal.sample(SAMPLE), goal.truth[:, 1] == 1
    found: dict[str, Trap] = {}
    for one, other in combinations(numbers[:MOST_COLUMNS], 2):
        if _told(one.values[rows], other.values[rows], positive[rows]) is None:
            continue
        multiple = _told(one.values, other.values, positive)
        if multiple is not None:
            words = f"{one.name!r} is {multiple:.6g} times {other.name!r} in one class and hardly ever in the other"
            for column in (one, other):
                found.setdefault(column.name, Trap("states_target", column.name, words, "leave_out"))
    return list(found.values())


def _told(one: Floats, other: Floats, positive: Truths) -> float | None:
    """The multiple that one class holds, where that tells the classes apart."""
    with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        ratio = one / other
        for side in (positive, ~positive):
            multiple = float(np.nanmedian(ratio[side]))
            if multiple == 0 or not np.isfinite(multiple):
                continue
            holds = np.abs(ratio - multiple) <= CLOSE * abs(multiple)
            if holds[side].mean() - holds[~side].mean() > TOLD:
                return multiple
    return None
