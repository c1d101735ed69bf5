"""What one column alone tells of a goal, on rows that it was not fitted on."""

from __future__ import annotations

import numpy as np
from sklearn.tree import DecisionTreeRegressor

from training.suspicion.column import Column, Floats, Rows
from training.suspicion.goal import Goal, areas

LEAVES = 64
"""Enough for any shape: 64 steps follow a straight line with an R2 of 1 - 1/64^2 = 0.9998."""
MIN_LEAF = 3


def skill_alone(column: Column, goal: Goal) -> float:
    """The skill (see Goal) of guesses from `column` alone, each half of the rows guessed by the other.

    A number's order is tried as it is too: that needs no fit but a direction, and so does not suffer from few rows.
    """
    guesses = guesses_alone(column, goal)
    found = float(np.mean([goal.take(half).skill(guesses[half]) for half in halves(len(goal))]))
    if not goal.discrete or column.kind == "level":
        return found
    return max(found, _in_order(column.values, goal))


def guesses_alone(column: Column, goal: Goal) -> Floats:
    """Guesses of the shape of `goal.truth`: per level of a category, by a small tree over numbers and moments."""
    guesses = np.empty_like(goal.truth)
    first, second = halves(len(goal))
    for fit, guessed in ((first, second), (second, first)):
        known, weights = goal.truth[fit], goal.weights[fit]
        if column.kind == "level":
            guesses[guessed] = _per_level(column, fit, guessed, known, weights)
        else:
            tree = DecisionTreeRegressor(max_leaf_nodes=LEAVES, min_samples_leaf=MIN_LEAF, random_state=0)
            tree.fit(column.values[fit, None], known, sample_weight=weights)
            guesses[guessed] = tree.predict(column.values[guessed, None]).reshape(len(guessed), -1)
    return guesses


def halves(rows: int) -> tuple[Rows, Rows]:
    """Two halves of the row numbers, drawn by a fixed seed."""
    shuffled = np.random.default_rng(11).permutation(rows)
    return np.sort(shuffled[: rows // 2]), np.sort(shuffled[rows // 2 :])


def _per_level(column: Column, fit: Rows, guessed: Rows, known: Floats, weights: Floats) -> Floats:
    """The weighted mean of each level, drawn to that of all rows by the weight of one row."""
    codes = np.nan_to_num(column.values, nan=len(column.levels)).astype(np.intp)
    overall = np.average(known, axis=0, weights=weights)
    size = len(column.levels) + 1
    totals = np.bincount(codes[fit], weights, size)
    sums = np.column_stack([np.bincount(codes[fit], weights * part, size) for part in known.T])
    means: Floats = (sums + overall) / (totals + 1.0)[:, None]
    return means[codes[guessed]]


def _in_order(values: Floats, goal: Goal) -> float:
    """The ROC AUC of the values' order in its better direction, missing ones below or above all others."""
    missing = np.isnan(values)
    best = 0.0
    for stand_in in (-np.inf, np.inf) if missing.any() else (0.0,):
        scores = np.where(missing, stand_in, values)
        found = areas(scores[:, None], goal.truth)
        best = max(best, float(np.nanmean(np.maximum(found, 1 - found))))
    return best
