"""Rows dealt to the sides of a split by their time, with every group on one side only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.definition import Recipe

TRAINING, VALIDATION, TEST, LEFT_OUT = range(4)
FEW = 0.1
"""The share of later rows that may be left out because their group was seen before. Where it would be more, the later
sides would hold newcomers alone: groups are dealt by lot then."""
LOTS = (TRAINING, TRAINING, VALIDATION, TEST)
"""The sides that groups are dealt to, in turn: half of them train, as the training's time is longest."""

Times = NDArray[np.float64] | NDArray[np.datetime64]
Sides = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Dealt:
    """The side of every row. Validation begins at `validation_from`, the test at `test_from`."""

    side: Sides
    validation_from: np.float64 | np.datetime64
    test_from: np.float64 | np.datetime64
    by_lot: bool = False
    """Whether groups were dealt by lot, each to the rows of one period."""

    def take(self, rows: NDArray[np.intp]) -> Dealt:
        """The sides of some of the rows."""
        return replace(self, side=self.side[rows])


def deal(times: Times, groups: NDArray[np.int64] | None, recipe: Recipe) -> Dealt:
    """The latest rows to the test, the ones before to validation. Equal times stay together, and so do groups.

    Groups come again in several periods as customers do, or seldom. Then what comes again is left out; else every group
    is given one period by lot and its other rows are left out, so that old and new groups stand on every side as they
    do in its time.
    """
    ordered = np.sort(times)
    test_from = ordered[int(len(ordered) * (1 - recipe.test_fraction))]
    validation_from = ordered[int(len(ordered) * (1 - recipe.test_fraction - recipe.validation_fraction))]
    period = np.where(times >= test_from, TEST, np.where(times >= validation_from, VALIDATION, TRAINING))
    if groups is None:
        return Dealt(period, validation_from, test_from)
    again = period > _first(period, groups)
    if again.sum() <= FEW * (period != TRAINING).sum():
        return Dealt(np.where(again, LEFT_OUT, period), validation_from, test_from)
    turns = np.random.default_rng(recipe.seed).permutation(int(groups.max()) + 1)
    lots = np.array(LOTS)[turns % len(LOTS)]
    return Dealt(np.where(lots[groups] == period, period, LEFT_OUT), validation_from, test_from, by_lot=True)


def _first(period: Sides, groups: NDArray[np.int64]) -> Sides:
    """The first period in which each row's group stands."""
    first = np.full(int(groups.max()) + 1, TEST)
    np.minimum.at(first, groups, period)
    return np.asarray(first[groups])
