"""Ids of what several rows are about, whose rows share one target: no row may be learned from and tested on another."""

from __future__ import annotations

import re

import numpy as np

from training.suspicion.column import Column
from training.suspicion.goal import Goal
from training.suspicion.trap import Trap

MIN_ENTITIES = 30
MOST_ROWS_EACH = 20.0
"""Rows per value on average. A branch or a region has more, and is an honest feature."""
TOGETHER = 0.4
"""Cohen's kappa of the targets of two rows with one value: 0 by chance, 1 when they always agree. Persons, job adverts
and artists of the sets tried reach 0.41 to 0.79, the medium of a painting 0.32."""

_IDS = re.compile(r"(^|[^a-z])(id[a-z]{0,4}|uuid|guid|key|no|nr|number|code)($|[^a-z])")


def shares_target(columns: list[Column], goal: Goal) -> list[Trap]:
    """A note per text, or whole number named as an id, whose few rows each agree in the target."""
    found = []
    for column in columns:
        if not _is_entity(column):
            continue
        kappa, rows_each = _together(column, goal)
        if kappa >= TOGETHER:
            words = (
                f"{column.name!r} has {rows_each:.1f} rows for each of its values, and they share their target "
                f"(kappa {kappa:.2f}, 0 by chance): a model knows the others of a row; split by it as the group"
            )
            found.append(Trap("copies", column.name, words, "note"))
    return found


def _is_entity(column: Column) -> bool:
    known = column.known
    if column.kind == "moment" or (known[:100] % 1).any():
        return False
    spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", column.name).lower()
    if column.kind == "number" and not _IDS.search(spaced):
        return False
    different = len(np.unique(known))
    return different >= MIN_ENTITIES and 1.2 <= len(known) / different <= MOST_ROWS_EACH


def _together(column: Column, goal: Goal) -> tuple[float, float]:
    """The kappa (of quantities, the correlation of ranks) of neighbours in an order by value, and rows per value."""
    rows = np.flatnonzero(~np.isnan(column.values))
    order = rows[np.random.default_rng(17).permutation(len(rows))]
    order = order[np.argsort(column.values[order], kind="stable")]
    same = np.flatnonzero(np.diff(column.values[order]) == 0)
    rows_each = len(rows) / len(np.unique(column.values[rows]))
    first, second = goal.truth[order[same]], goal.truth[order[same + 1]]
    if goal.discrete:
        chance = float((goal.truth[rows].mean(axis=0) ** 2).sum())
        return (float((first * second).sum(axis=1).mean()) - chance) / (1 - chance), rows_each
    centre = goal.truth[rows].mean()
    spread = float(((goal.truth[rows] - centre) ** 2).mean())
    return float(((first - centre) * (second - centre)).mean()) / spread, rows_each
