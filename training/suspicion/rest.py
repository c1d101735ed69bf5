"""What all other columns together tell of a goal: what a column that tells far more is measured against."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from training.suspicion.booster import guesses_held_out
from training.suspicion.column import Column, Floats, Rows
from training.suspicion.goal import Goal

FOLDS = 3


class Rest:
    """Guesses from all columns but some, held out and made once per choice."""

    def __init__(self, columns: Sequence[Column], goal: Goal) -> None:
        self.columns = columns
        self.goal = goal
        self.folds = np.random.default_rng(5).permutation(len(goal)) % FOLDS
        self._known: dict[frozenset[str], Floats] = {}

    def guesses(self, without: Collection[str]) -> Floats:
        """Of the shape of `goal.truth`."""
        key = frozenset(without)
        if key not in self._known:
            kept = [column for column in self.columns if column.name not in key]
            self._known[key] = guesses_held_out(kept, self.goal, self.folds)
        return self._known[key]

    def skill(self, without: Collection[str], rows: Rows) -> float:
        """See Goal.skill; measured on `rows`."""
        return self.goal.take(rows).skill(self.guesses(without)[rows])

    def error(self, without: Collection[str]) -> float:
        """See `balanced_error`."""
        return balanced_error(self.guesses(without), self.goal)

    def error_of_class(self, without: Collection[str], code: int) -> float:
        """The balanced error of one class against all others, each side half."""
        scores, member = self.guesses(without)[:, code], self.goal.truth[:, code] == 1
        called = scores > member.mean()
        return float(((~called[member]).mean() + called[~member].mean()) / 2)


def balanced_error(guesses: Floats, goal: Goal) -> float:
    """The share of wrong calls, averaged over classes, when each row is called the class most above its share."""
    shares = goal.truth.mean(axis=0)
    called = np.argmax(guesses / np.maximum(shares, 1e-12), axis=1)
    wrong = [float((called[goal.codes == code] != code).mean()) for code in np.unique(goal.codes)]
    return float(np.mean(wrong))
