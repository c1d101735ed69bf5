"""Guesses of a small boosted model for rows that it was not fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from training.suspicion.column import Column, Floats, Rows
from training.suspicion.goal import Goal
from training.threads import booster_threads

BINS = 64
FEW_LEVELS = 16
"""Categories of more levels are fitted as numbers: 1 000 levels took 0.37 s as categories and 0.12 s so."""
ROUNDS = 50
"""With steps of 0.15 and depth 4. Few enough to be quick; it is only compared with itself and with one column."""


def guesses_held_out(columns: Sequence[Column], goal: Goal, folds: NDArray[np.int64]) -> Floats:
    """For every row the guess of a model fitted on the other folds, of the shape of `goal.truth`."""
    guesses = np.empty_like(goal.truth)
    if not columns:
        return np.broadcast_to(goal.truth.mean(axis=0), guesses.shape)
    types = ["c" if _few_levels(column) else "q" for column in columns]
    plain = np.column_stack([_centred(column) for column in columns]).astype(np.float32)
    many = [at for at, column in enumerate(columns) if column.kind == "level" and not _few_levels(column)]
    for fold in np.unique(folds):
        fit, guessed = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        matrix = plain.copy()
        for at in many:
            matrix[guessed, at] = _by_mean(columns[at], goal, fit, guessed)
            for own, other in ((fit[::2], fit[1::2]), (fit[1::2], fit[::2])):
                matrix[own, at] = _by_mean(columns[at], goal, other, own)
        rows = xgboost.QuantileDMatrix(
            matrix[fit], _labels(goal)[fit], feature_types=types, enable_categorical=True, max_bin=BINS
        )
        booster = xgboost.train(_parameters(goal), rows, num_boost_round=_rounds(goal))
        found = booster.predict(xgboost.DMatrix(matrix[guessed], feature_types=types, enable_categorical=True))
        guesses[guessed] = np.column_stack((1 - found, found)) if _binary(goal) else found.reshape(len(guessed), -1)
    return guesses


def _centred(column: Column) -> Floats:
    """Numbers less their median: as 32-bit floats, neighbouring large ones (moments, ids) would fall together."""
    if column.kind == "level" or not len(column.known):
        return column.values
    return column.values - np.median(column.known)


def _few_levels(column: Column) -> bool:
    return column.kind == "level" and len(column.levels) <= FEW_LEVELS


def _by_mean(column: Column, goal: Goal, fit: Rows, rows: Rows) -> Floats:
    """The levels of `rows` as the mean of the goal's code in `fit`, drawn to that of all by the weight of two.

    No row may be in both: a level of one row would hold that row's answer.
    """
    codes = np.nan_to_num(column.values, nan=len(column.levels)).astype(np.intp)
    size, known = len(column.levels) + 1, goal.codes[fit]
    sums, counts = np.bincount(codes[fit], known, size), np.bincount(codes[fit], minlength=size)
    means: Floats = (sums + 2 * known.mean()) / (counts + 2)
    return means[codes[rows]]


def _binary(goal: Goal) -> bool:
    return goal.discrete and goal.truth.shape[1] == 2


def _rounds(goal: Goal) -> int:
    """A model of many classes grows one tree per class and round."""
    return ROUNDS if goal.truth.shape[1] <= 3 else max(10, 3 * ROUNDS // goal.truth.shape[1])


def _labels(goal: Goal) -> Floats:
    return goal.codes.astype(np.float64) if goal.discrete else goal.truth[:, 0]


def _parameters(goal: Goal) -> dict[str, Any]:
    objective = "binary:logistic" if _binary(goal) else "multi:softprob" if goal.discrete else "reg:squarederror"
    classes = {"num_class": goal.truth.shape[1]} if objective == "multi:softprob" else {}
    return {
        "objective": objective,
        **classes,
        "tree_method": "hist",
        "max_bin": BINS,
        "max_depth": 4,
        "learning_rate": 0.15,
        "min_child_weight": 1.0,
        "max_cat_to_onehot": 8,
        "nthread": booster_threads(),
        "seed": 7,
    }
