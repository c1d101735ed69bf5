"""Two numbers whose difference or sum states the class, though neither does."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from training.suspicion.column import Column, Floats
from training.suspicion.goal import Goal, areas
from training.suspicion.trap import Trap

SAMPLE = 600
MOST_COLUMNS = 40
"""780 pairs of 600 rows: 0.08 s. Of more columns the first ones are searched."""
TOO_GOOD = 0.995
WEAK = 0.9
"""A column that reaches this ROC AUC alone needs no partner to be suspected."""


def pairs(columns: list[Column], goal: Goal) -> list[Trap]:
    """Two traps, one per column, for each pair that states the class. Two classes only, and columns without gaps."""
    if not goal.discrete or goal.truth.shape[1] != 2:
        return []
    rows = goal.sample(SAMPLE)
    numbers = [column for column in columns if column.kind == "number" and not np.isnan(column.values).any()]
    values = (
        np.column_stack([column.values[rows] for column in numbers[:MOST_COLUMNS]]) if numbers else np.empty((0, 0))
    )
    positive = goal.truth[rows, 1] == 1
    weak = [int(at) for at in np.flatnonzero(_areas(values, positive) < WEAK)] if values.size else []
    together = list(combinations(weak, 2))
    if not together:
        return []
    first, second = np.array(together).T
    found: dict[str, Trap] = {}
    for sign, word in ((-1, "less"), (1, "plus")):
        combined = values[:, first] + sign * values[:, second]
        for at in np.flatnonzero(_areas(combined, positive) > TOO_GOOD):
            one, other = numbers[first[at]], numbers[second[at]]
            area = _areas((one.values + sign * other.values)[:, None], goal.truth[:, 1] == 1)[0]
            if area > TOO_GOOD:
                words = (
                    f"{one.name!r} {word} {other.name!r} ranks the target with ROC AUC {area:.4f}, neither alone does"
                )
                for column in (one, other):
                    found.setdefault(column.name, Trap("states_target", column.name, words, "leave_out"))
    return list(found.values())


def _areas(values: Floats, positive: NDArray[np.bool_]) -> Floats:
    """The ROC AUC of each column in its better direction, shape (columns,)."""
    found = areas(values, positive[:, None].astype(np.float64))
    return np.maximum(found, 1 - found)
