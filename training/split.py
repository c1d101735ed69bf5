"""Which rows are for training, which for validation and which for the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.definition import Recipe
from training.dealing import LEFT_OUT, Dealt, Times, deal
from training.errors import SplitError
from training.table import Indices, Table, Target

MIN_PER_CLASS = 4
"""Fewer rows of a class on one side measure nothing."""
AS_OF = "as_of"
"""The time of rows that come from observations, as words about them call it."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers of each side, ascending and without overlap. `words` say how they were chosen."""

    train: Indices
    validation: Indices
    test: Indices
    words: str


def split(table: Table, recipe: Recipe) -> Split:
    """By time when the recipe has a time column, otherwise at random with equal shares of every class, or of small and
    large targets.

    All rows of one group, and all copies of one row, stand on one side. Rows that cannot be placed without breaking
    this (a group that goes on past a boundary in time) are left out; see `training.dealing`.

    Raises SplitError when a side ends up with too few rows of a class.
    """
    if table.times is not None:
        parts = _by_time(table, table.times, recipe)
    else:
        units, words = _units(table, recipe)
        borders = (recipe.test_fraction, recipe.test_fraction + recipe.validation_fraction)
        side = 2 - _dealt(units, table.target, borders, recipe.seed)
        parts = _parts(side, words)
    check_sides(parts, table.target)
    return parts


def folds_of(table: Table, recipe: Recipe, folds: int, seed: int) -> tuple[NDArray[np.int64], str]:
    """The fold of every row, 0 to `folds` - 1, and how rows were dealt, in words: as `split` does at random."""
    units, words = _units(table, recipe)
    return _dealt(units, table.target, tuple((np.arange(1, folds) / folds).tolist()), seed), words


def _units(table: Table, recipe: Recipe) -> tuple[NDArray[np.int64], str]:
    """What must stay together, as a number for every row."""
    if table.groups is not None and recipe.group_column is None:
        return table.groups, "by groups that were found in the rows: none stands on two sides"
    if table.groups is not None:
        return table.groups, f"by group: no {recipe.group_column} stands on two sides"
    if table.copies_are_chance:
        return np.arange(len(table)), _stratified(table.target)
    copies = np.unique(table.row_hashes(), return_inverse=True)[1]
    return copies, f"{_stratified(table.target)}; copies of a row stay together"


def _stratified(target: Target) -> str:
    """How rows are dealt at random, in words."""
    if not is_discrete(target):
        return "at random, with equal shares of small and large targets"
    return "stratified by the target" if len(np.unique(target)) > 1 else "at random"


def _by_time(table: Table, times: Times, recipe: Recipe) -> Split:
    """Equal times stay together: a boundary is a time, and what happened at it belongs to the later side."""
    dealt = table.dealt or deal(times, table.groups, recipe)
    starts, tests = _moment(dealt.validation_from), _moment(dealt.test_from)
    words = f"by time: {recipe.time_column or AS_OF} up to {starts} trains, from {tests} on tests"
    if table.groups is not None:
        words += f"; {_kept_apart(dealt, recipe.group_column or 'entity')}"
    return _parts(dealt.side, words)


def _kept_apart(dealt: Dealt, group: str) -> str:
    """How groups were kept on one side, in words."""
    left_out = int((dealt.side == LEFT_OUT).sum())
    if dealt.by_lot:
        words = f"each {group} is seen in one period only, drawn by lot"
        return f"{words}; {left_out:,} rows in others are left out" if left_out else words
    if left_out:
        return f"{left_out:,} later rows of a {group} seen before are left out"
    return f"no {group} stands on two sides"


def _moment(time: np.float64 | np.datetime64) -> str:
    return str(np.datetime_as_string(time, unit="s")) if isinstance(time, np.datetime64) else f"{time:.10g}"


def _dealt(units: NDArray[np.int64], target: Target, borders: tuple[float, ...], seed: int) -> NDArray[np.int64]:
    """Whole units, shuffled within each stratum, are dealt by shares of its rows; `borders` between the sides ascend.

    A unit belongs to the highest stratum of its rows: the rarer class of a binary target.
    """
    random = np.random.default_rng(seed)
    sizes = np.bincount(units)
    stratum = np.zeros(len(sizes), np.int64)
    np.maximum.at(stratum, units, _strata(target))
    side = np.empty(len(sizes), np.int64)
    for number in range(int(stratum.max(initial=0)), -1, -1):
        shuffled = random.permutation(np.flatnonzero(stratum == number))
        dealt = (np.cumsum(sizes[shuffled]) - sizes[shuffled] / 2) / max(1, sizes[shuffled].sum())
        side[shuffled] = np.searchsorted(borders, dealt, side="right")
    return side[units]


def _strata(target: Target) -> NDArray[np.int64]:
    """Classes as they are, quantities by tenths."""
    if is_discrete(target):
        return target.astype(np.int64)
    tenths = np.unique(np.quantile(target, np.arange(1, 10) / 10))
    return np.searchsorted(tenths, target).astype(np.int64)


def is_discrete(target: Target) -> bool:
    """Whether a target holds labels or class numbers rather than quantities."""
    return bool(np.issubdtype(target.dtype, np.integer))


def _parts(side: NDArray[np.int64], words: str) -> Split:
    train, validation, test = (np.flatnonzero(side == number) for number in range(3))
    return Split(train, validation, test, words)


def check_sides(parts: Split, target: Target) -> None:
    """Raises SplitError when a side has too few rows, or too few of a class, to measure anything."""
    counts = np.bincount(target) if is_discrete(target) else np.array([len(target)])
    for name, rows in (("training", parts.train), ("validation", parts.validation), ("test", parts.test)):
        here = np.bincount(target[rows], minlength=len(counts)) if is_discrete(target) else np.array([len(rows)])
        fewest = int(here[counts > 0].min(initial=len(rows)))
        if fewest < MIN_PER_CLASS:
            what = f"{fewest} rows of a class" if is_discrete(target) else f"{fewest} rows"
            raise SplitError(
                f"the {name} side of the split has {what}, at least {MIN_PER_CLASS} are needed ({parts.words})"
            )
