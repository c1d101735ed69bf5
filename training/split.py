"""Which rows are for training, which for validation and which for the test."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.definition import Recipe
from training.errors import SplitError
from training.table import Indices, Labels, Table, Times

MIN_PER_CLASS = 4
"""Fewer positives or negatives on one side measure nothing."""


@dataclass(frozen=True, slots=True)
class Split:
    """Row numbers of each side, ascending and without overlap. `words` say how they were chosen."""

    train: Indices
    validation: Indices
    test: Indices
    words: str


def split(table: Table, recipe: Recipe) -> Split:
    """By time when the recipe has a time column, otherwise at random with equal shares of positives.

    All rows of one group, and all copies of one row, stand on one side. Rows that cannot be placed without breaking
    this (a group that goes on past a boundary in time) are left out of the later sides.

    Raises SplitError when a side ends up with too few positives or negatives.
    """
    if table.times is not None:
        parts = _by_time(table, table.times, recipe)
    elif table.groups is not None:
        words = f"by group: no {recipe.group_column} stands on two sides"
        parts = _at_random(table.groups, table.labels, recipe, words)
    else:
        copies = np.unique(table.row_hashes(), return_inverse=True)[1]
        parts = _at_random(copies, table.labels, recipe, "stratified by the target; copies of a row stay together")
    check_sides(parts, table.labels)
    return parts


def _by_time(table: Table, times: Times, recipe: Recipe) -> Split:
    """Equal times stay together: a boundary is a time, and what happened at it belongs to the later side."""
    ordered = np.sort(times)
    test_from = ordered[int(len(ordered) * (1 - recipe.test_fraction))]
    validation_from = ordered[int(len(ordered) * (1 - recipe.test_fraction - recipe.validation_fraction))]
    side = np.where(times >= test_from, 2, np.where(times >= validation_from, 1, 0))
    words = f"by time: {recipe.time_column} up to {_moment(validation_from)} trains, from {_moment(test_from)} on tests"
    if table.groups is not None:
        first = np.full(int(table.groups.max()) + 1, 2)
        np.minimum.at(first, table.groups, side)
        later = side > first[table.groups]
        side = np.where(later, 3, side)
        words += f"; {int(later.sum()):,} later rows of a {recipe.group_column} seen before are left out"
    return _parts(side, words)


def _moment(time: np.float64 | np.datetime64) -> str:
    return str(np.datetime_as_string(time, unit="s")) if isinstance(time, np.datetime64) else f"{time:.10g}"


def _at_random(units: NDArray[np.int64], labels: Labels, recipe: Recipe, words: str) -> Split:
    """Whole units, shuffled apart by whether they hold a positive, are dealt until each side has its share of rows."""
    random = np.random.default_rng(recipe.seed)
    sizes = np.bincount(units)
    positive = np.bincount(units, weights=labels) > 0
    side = np.empty(len(sizes), np.int64)
    for members in (np.flatnonzero(positive), np.flatnonzero(~positive)):
        shuffled = random.permutation(members)
        dealt = (np.cumsum(sizes[shuffled]) - sizes[shuffled] / 2) / max(1, sizes[shuffled].sum())
        side[shuffled] = np.where(
            dealt < recipe.test_fraction, 2, np.where(dealt < recipe.test_fraction + recipe.validation_fraction, 1, 0)
        )
    return _parts(side[units], words)


def _parts(side: NDArray[np.int64], words: str) -> Split:
    train, validation, test = (np.flatnonzero(side == number) for number in range(3))
    return Split(train, validation, test, words)


def check_sides(parts: Split, labels: Labels) -> None:
    """Raises SplitError when a side has too few positives or negatives to measure anything."""
    for name, rows in (("training", parts.train), ("validation", parts.validation), ("test", parts.test)):
        positives = int(labels[rows].sum())
        if min(positives, len(rows) - positives) < MIN_PER_CLASS:
            raise SplitError(
                f"the {name} side of the split has {positives} positives and {len(rows) - positives} negatives, "
                f"at least {MIN_PER_CLASS} of each are needed ({parts.words})"
            )
