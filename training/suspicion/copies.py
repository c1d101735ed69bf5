"""Rows that stand in the file more than once."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.suspicion.column import Column
from training.suspicion.goal import Goal
from training.suspicion.trap import Trap

Hashes = NDArray[np.uint64]
Truths = NDArray[np.bool_]

WORTH_SAYING = 0.01
"""The share of rows with a copy from which a random split is visibly flattered."""
MOSTLY_UNIQUE = 0.9
"""The share of different values from which a column is taken for one that only tells copies apart."""
MOSTLY_ALIKE = 0.5
"""The share of rows that must have their like for a file to seem to hold several of each customer, and of the way from
chance to certainty that their targets must agree."""
OWN_GROWTH = 1.1
"""A column without which so many times as many rows agree differs within customers."""
ROWS_PER_VALUE = 20
"""Columns with fewer rows to a value tell even the rows of one customer apart."""
HONEST_GROWTH = 1.5
"""Where rows agree by chance, far more of them agree in all columns but one. Copies agree in all or in few."""


def copies(columns: list[Column], ignored: list[Column], goal: Goal) -> list[Trap]:
    """A note where rows have copies in `columns`, and one where they have apart from one nearly unique column.

    `ignored` are columns that name rows; they are left out of both.
    """
    if not columns:
        return []
    hashes = _hashes(columns)
    total = hashes.sum(axis=0, dtype=np.uint64)
    twins = _twins(total)
    found = []
    if twins.mean() >= WORTH_SAYING:
        apart = f" apart from {', '.join(repr(column.name) for column in ignored)}" if ignored else ""
        chance = _by_chance(columns, hashes, total, twins)
        words = f"{_counted(twins)} have a copy{apart}, {chance}; {_agreement(total, goal)}"
        found.append(Trap("copies", None, words, "note"))
    for column, own in zip(columns, hashes, strict=True):
        if len(np.unique(column.known)) < MOSTLY_UNIQUE * len(goal):
            continue
        near = _twins(total - own)
        rest = [other for other in columns if other is not column]
        if near.mean() < max(WORTH_SAYING, 2 * twins.mean()):
            continue
        if near.mean() > 2 * _expected(rest):
            words = (
                f"{_counted(near)} have a copy that differs only in {column.name!r}; {_agreement(total - own, goal)}"
            )
            found.append(Trap("copies", column.name, words, "note"))
    return found if twins.mean() >= WORTH_SAYING else [*found, *_alike(columns, hashes, goal)]


def _alike(columns: list[Column], hashes: Hashes, goal: Goal) -> list[Trap]:
    """Where most rows agree with another in all columns of few values by no chance, and then in the target too, as rows
    of one customer do."""
    few = [at for at, column in enumerate(columns) if len(np.unique(column.known)) * ROWS_PER_VALUE <= len(goal)]
    if not few or len(few) == len(columns):
        return []
    whole = hashes[few].sum(axis=0, dtype=np.uint64)
    most = OWN_GROWTH * _twins(whole).mean()
    few = [at for at in few if _twins(whole - hashes[at]).mean() <= most]
    if not few:
        return []
    kept = [columns[at] for at in few]
    total = hashes[few].sum(axis=0, dtype=np.uint64)
    twins = _twins(total)
    growth = max(float(_twins(total - hashes[at]).mean()) for at in few) / max(twins.mean(), 1e-9)
    if twins.mean() < MOSTLY_ALIKE or growth > HONEST_GROWTH or _expected(kept) > 0.1 * twins.mean():
        return []
    agree, by_chance = _agreeing(total, goal)
    if not goal.discrete or agree - by_chance < MOSTLY_ALIKE * (1 - by_chance):
        return []
    words = (
        f"{_counted(twins)} agree with another in all of {', '.join(repr(column.name) for column in kept)}, more than "
        f"chance has, as rows of one customer do; {_agreement(total, goal)}"
    )
    return [Trap("copies", None, words, "keep_together", tuple(column.name for column in kept))]


def _hashes(columns: list[Column]) -> Hashes:
    """Shape (columns, rows). The sum over columns (modulo 2^64) is a row's hash, less one column's the rest's."""
    random = np.random.default_rng(3)
    multipliers = random.integers(0, 2**63, len(columns), dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    values = [pd.util.hash_array(column.values + 0.0) for column in columns]
    return np.stack([value * multiplier for value, multiplier in zip(values, multipliers, strict=True)])


def _twins(hashes: Hashes) -> Truths:
    """Which rows equal another one."""
    _, row, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    return np.asarray(counts[row] > 1)


def _by_chance(columns: list[Column], hashes: Hashes, total: Hashes, twins: Truths) -> str:
    """Whether the columns' few values explain the copies, in words."""
    growth = [
        float(_twins(total - own).mean() / twins.mean())
        for column, own in zip(columns, hashes, strict=True)
        if len(np.unique(column.known)) < MOSTLY_UNIQUE * len(total)
    ]
    most = max(growth, default=1.0)
    if most > HONEST_GROWTH or _expected(columns) > 0.5 * twins.mean():
        return "as rows of few different values have by chance"
    return f"more than chance has: without any one column it would be at most {most:.2f} times as many"


def _expected(columns: list[Column]) -> float:
    """The share of rows that would have a copy if every column's values were drawn freely."""
    likelihood = np.ones(len(columns[0].values)) if columns else np.ones(1)
    for column in columns:
        _, value, counts = np.unique(column.values, return_inverse=True, return_counts=True)
        likelihood *= counts[value] / len(column.values)
    return float(-np.expm1(-len(likelihood) * likelihood).mean())


def _counted(twins: Truths) -> str:
    return f"{int(twins.sum()):,} of {len(twins):,} rows ({twins.mean():.1%})"


def _agreement(hashes: Hashes, goal: Goal) -> str:
    """How often neighbours among copies have one target, against how often any two rows do, in words."""
    agree, by_chance = _agreeing(hashes, goal)
    return f"copies have the same target in {agree:.0%} of pairs, any two rows in {by_chance:.0%}"


def _agreeing(hashes: Hashes, goal: Goal) -> tuple[float, float]:
    order = np.argsort(hashes, kind="stable")
    equal = hashes[order][1:] == hashes[order][:-1]
    codes = goal.codes[order]
    agree = float((codes[1:] == codes[:-1])[equal].mean())
    shares = np.bincount(goal.codes) / len(goal)
    return agree, float((shares**2).sum())
