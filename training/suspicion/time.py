"""Time, or anything else that passes slowly, running through the file or along a date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.suspicion.column import Column, Floats
from training.suspicion.goal import MIN_PER_CLASS, Goal
from training.suspicion.neighbours import Comparison, alike, compare
from training.suspicion.order import likeness
from training.suspicion.trap import Trap

MIN_ROWS = 200
"""Below, five stretches are too short to compare."""
SORTED = 0.99
"""The share of steps along the file that do not fall, or do not rise, from which a column is what it is sorted by."""
TORN = 0.7
"""Cramer's V of class and fifth of the file, from which a fifth lacks classes: they are cut within classes then."""
STEADY = 0.9
"""The correlation of neighbours' ranks from which a file is taken for sorted by its quantity, bar a few breaks."""
_BINS = 20


def runs_along(columns: list[Column], goal: Goal) -> list[Trap]:
    """At most one trap for the order of the file, and one per date that the file is not sorted by."""
    if len(goal) < MIN_ROWS or not columns:
        return []
    found = _along_file(columns, goal)
    for column in columns:
        if column.kind == "moment" and not _sorts(column) and len(column.known) == len(goal):
            found += _along_date(column, columns, goal)
    return found


def _along_file(columns: list[Column], goal: Goal) -> list[Trap]:
    clock = next((column for column in columns if column.tells_time and _sorts(column)), None)
    if (clock is None and _sorted_by(goal)) or not alike(columns, goal):
        return []
    comparison = compare(columns, goal, _strata(columns, goal, clock))
    if not comparison.flatters:
        return []
    order = f"the file runs along {clock.name!r}" if clock else "rows that stand together in the file are alike"
    name = clock.name if clock else None
    return [Trap("time_order", name, f"{order}: {comparison.words}", "split_by_order")]


def _along_date(date: Column, columns: list[Column], goal: Goal) -> list[Trap]:
    """A date that only itself gives a model its place (a birthday) may be an honest feature: that is a note."""
    order = np.argsort(date.values, kind="stable")
    sorted_goal = goal.take(order)
    whole = np.zeros(len(goal), np.int64)
    others = [column.take(order) for column in columns if column.name != date.name]
    comparison = compare([*others, date.take(order)], sorted_goal, whole)
    if not comparison.flatters:
        return []
    without: Comparison | None = compare(others, sorted_goal, whole) if others else None
    alone = without is None or not without.flatters
    words = f"rows of like {date.name!r} are alike: {comparison.words}"
    if alone:
        remedy = f"harmless unless requests are of later dates: --time {date.name!r} would test on the latest rows"
        return [Trap("time_order", date.name, f"{words}: {remedy}", "note")]
    return [Trap("time_order", date.name, words, "split_by_order")]


def _strata(columns: list[Column], goal: Goal, clock: Column | None) -> NDArray[np.int64]:
    """What stretches are cut within.

    A file sorted by its classes, or by an honest measurement, would else hold out values that no other stretch has.
    """
    if goal.discrete and _torn(goal):
        order = np.argsort(goal.codes, kind="stable")
        within = next((column for column in columns if _sorts_within(column.take(order), goal.take(order))), None)
        return goal.codes if within is None else goal.codes * _BINS + _bins_of(within)
    sorting = next((column for column in columns if clock is None and _sorts(column)), None)
    if sorting is None:
        return np.zeros(len(goal), np.int64)
    return _bins_of(sorting)


def _bins_of(column: Column) -> NDArray[np.int64]:
    """Twenty ranges of a column, or its levels where they are few."""
    if column.kind == "level" and len(column.levels) <= 3 * _BINS:
        return np.nan_to_num(column.values, nan=-1.0).astype(np.int64)
    values = np.nan_to_num(column.values, nan=float(np.median(column.known)))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right").astype(np.int64)


def _sorted_by(goal: Goal) -> bool:
    """Whether the file is sorted by its quantity: stretches of it hold targets that no other stretch has."""
    return not goal.discrete and (likeness(goal) > STEADY or _monotone(goal.truth[:, 0]))


def _torn(goal: Goal) -> bool:
    """Whether classes differ so from one fifth of the file to the next that the file is sorted by them."""
    fifth = np.arange(len(goal)) * 5 // len(goal)
    seen = np.stack([goal.truth[fifth == number].sum(axis=0) for number in range(5)])
    seen = seen[:, seen.sum(axis=0) > 0]
    expected = np.outer(seen.sum(axis=1), seen.sum(axis=0)) / len(goal)
    chi = float(((seen - expected) ** 2 / expected).sum())
    return bool(np.sqrt(chi / (len(goal) * (min(seen.shape) - 1))) > TORN)


def _sorts(column: Column) -> bool:
    """Whether the file is sorted by `column`, which has enough values to sort by."""
    known = column.known
    if column.kind == "level" and len(known):
        runs, levels = 1 + int((np.diff(known) != 0).sum()), len(np.unique(known))
        return len(known) > 0.95 * len(column.values) and levels > 1 and runs <= 1.2 * levels
    return len(known) > 0.95 * len(column.values) and len(np.unique(known[:2000])) > 1 and _monotone(known)


def _sorts_within(column: Column, ordered: Goal) -> bool:
    """Whether every class is sorted by `column`; rows stand by class."""
    cuts = np.flatnonzero(np.diff(ordered.codes)) + 1
    return all(_monotone(part[~np.isnan(part)]) for part in np.split(column.values, cuts) if len(part) > MIN_PER_CLASS)


def _monotone(values: Floats) -> bool:
    steps = np.diff(values)
    moves = steps[steps != 0]
    return len(moves) > 10 and max(float((moves > 0).mean()), float((moves < 0).mean())) >= SORTED
