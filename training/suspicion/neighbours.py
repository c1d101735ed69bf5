"""Whether rows that stand together are alike, so that a random split lets a model look a row's neighbours up."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from training.suspicion.booster import guesses_held_out
from training.suspicion.column import Column, Floats, Rows
from training.suspicion.goal import Goal

MOST_ROWS = 6000
STRETCHES = 40
"""Larger files are judged by so many stretches of neighbouring rows: thinned evenly, no row would have a neighbour."""
FOLDS = 5
PARTS = 5
"""Parts of a fold that the standard error is estimated from: 25 in all."""
WORSE = 1.10
"""The loss with whole stretches held out over that with rows held out at random, from which it matters."""
DEVIATIONS = 4.0
"""Standard errors. The parts of a fold share a model, so they are not quite independent: of 300 shuffled files the
deviation was 1.3 instead of 1, one reached 4 (5.1, with 4 % more loss), and with 10 % more loss none passed 2.9.
Of 60 files of slow columns (lag-1 correlation 0.95) that explain the target fully, one passed both."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One small model held out in two ways: skill (see Goal) and loss (mean squared error of `Goal.truth`) of both.

    `deviations` is the difference of the losses in standard errors.
    """

    measure: str
    random_skill: float
    blocked_skill: float
    worse: float
    deviations: float

    @property
    def flatters(self) -> bool:
        """Whether a random split shows a model better than it is on rows from elsewhere in the order."""
        return self.worse >= WORSE and self.deviations >= DEVIATIONS and self.blocked_skill < self.random_skill

    @property
    def words(self) -> str:
        """Both skills as the end of a sentence."""
        return (
            f"a small model reaches {self.measure} {self.random_skill:.3f} with rows held out at random and "
            f"{self.blocked_skill:.3f} with whole stretches held out (loss {self.worse - 1:.0%} higher, "
            f"{self.deviations:.1f} standard errors)"
        )


def alike(columns: list[Column], goal: Goal) -> bool:
    """Whether rows that follow each other within a class are more alike in some column than chance has it.

    Corrected for the number of columns: by chance one file in 1 000 is called so.
    """
    order = np.argsort(goal.codes, kind="stable") if goal.discrete else np.arange(len(goal))
    same = np.diff(goal.codes[order]) == 0 if goal.discrete else np.ones(len(goal) - 1, np.bool_)
    classes = goal.codes[order] if goal.discrete else np.zeros(len(goal), np.int64)
    limit = norm.isf(0.001 / max(1, len(columns)))
    return any(_likeness(column.take(order), classes, same) > limit for column in columns)


def compare(columns: list[Column], goal: Goal, strata: NDArray[np.int64]) -> Comparison:
    """The model's guesses with rows held out at random, against those with stretches of the order held out.

    `strata`, shape (rows,), are what the stretches are cut within: one for a file in no order of values, the classes
    where the file is sorted by them.
    """
    rows = _stretches(goal)
    part, told = goal.take(rows), [column.take(rows) for column in columns]
    place = _place_in(strata[rows])
    blocked_folds = np.minimum((place * FOLDS).astype(np.int64), FOLDS - 1)
    random_folds = np.random.default_rng(13).permutation(len(rows)) % FOLDS
    random = guesses_held_out(told, part, random_folds)
    blocked = guesses_held_out(told, part, blocked_folds)
    losses = [((part.truth - guesses) ** 2).sum(axis=1) for guesses in (random, blocked)]
    return Comparison(
        part.measure,
        _mean_skill(random, part, blocked_folds),
        _mean_skill(blocked, part, blocked_folds),
        float(losses[1].mean() / max(losses[0].mean(), 1e-12)),
        _deviations(losses[1] - losses[0], np.minimum((place * FOLDS * PARTS).astype(np.int64), FOLDS * PARTS - 1)),
    )


def _likeness(column: Column, classes: NDArray[np.int64], same: NDArray[np.bool_]) -> float:
    """How alike neighbours are, in standard errors: their ranks' correlation, or how often categories agree."""
    both = same & ~np.isnan(column.values[1:]) & ~np.isnan(column.values[:-1])
    count = int(both.sum())
    if count < 50:
        return 0.0
    if column.kind == "level":
        agree = float((column.values[1:] == column.values[:-1])[both].mean())
        chance = _agreement_by_chance(column.values, classes)
        return (agree - chance) / max(np.sqrt(chance * (1 - chance) / count), 1e-9) if 0 < chance < 1 else 0.0
    ranks = _centred_ranks(column.values, classes)
    spread = float((ranks[~np.isnan(ranks)] ** 2).mean())
    return float((ranks[1:] * ranks[:-1])[both].mean()) / spread * np.sqrt(count) if spread else 0.0


def _agreement_by_chance(values: Floats, classes: NDArray[np.int64]) -> float:
    """How often two rows of one class hold one level."""
    chance, total = 0.0, 0
    for code in np.unique(classes):
        known = values[(classes == code) & ~np.isnan(values)]
        if len(known) > 1:
            counts = np.unique(known, return_counts=True)[1].astype(np.float64)
            chance += len(known) * float((counts * (counts - 1)).sum()) / (len(known) * (len(known) - 1))
            total += len(known)
    return chance / total if total else 0.0


def _centred_ranks(values: Floats, classes: NDArray[np.int64]) -> Floats:
    ranks = np.full(len(values), np.nan)
    for code in np.unique(classes):
        rows = np.flatnonzero((classes == code) & ~np.isnan(values))
        if len(rows):
            ranks[rows] = rankdata(values[rows]) / len(rows) - (len(rows) + 1) / 2 / len(rows)
    return ranks


def _stretches(goal: Goal) -> Rows:
    """All rows of small classes and stretches of large ones, ascending."""
    members = [np.flatnonzero(column) for column in goal.truth.T] if goal.discrete else [np.arange(len(goal))]
    left, kept = MOST_ROWS, []
    for number, rows in enumerate(sorted(members, key=len)):
        cap = left // (len(members) - number)
        kept.append(rows if len(rows) <= cap else rows[_evenly(len(rows), cap)])
        left -= len(kept[-1])
    return np.sort(np.concatenate(kept))


def _evenly(rows: int, cap: int) -> Rows:
    starts = np.linspace(0, rows - cap // STRETCHES, STRETCHES).astype(np.intp)
    return (starts[:, None] + np.arange(cap // STRETCHES)).ravel()


def _place_in(strata: NDArray[np.int64]) -> Floats:
    """Each row's place among those of its stratum, 0 to 1."""
    place = np.empty(len(strata))
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
    return place


def _mean_skill(guesses: Floats, goal: Goal, folds: NDArray[np.int64]) -> float:
    """The skill within each stretch, averaged: both ways of holding out are measured on the same rows."""
    return float(np.mean([goal.take(np.flatnonzero(folds == f)).skill(guesses[folds == f]) for f in range(FOLDS)]))


def _deviations(difference: Floats, part: NDArray[np.int64]) -> float:
    means = np.array([difference[part == number].mean() for number in np.unique(part)])
    error = float(means.std(ddof=1)) / np.sqrt(len(means))
    return float(means.mean()) / error if error else 0.0
