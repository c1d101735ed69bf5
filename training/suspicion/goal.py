"""What is to be predicted, in one form for classes and quantities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from training.suspicion.column import Floats, Rows

MIN_PER_CLASS = 10
"""A class with fewer rows says nothing when half of them are held out."""


MOST_CLASSES = 30
"""So many classes are told apart: the time is proportional to them."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The target of some rows.

    `truth` has shape (rows, classes) and holds 1 for the row's class; of a quantity it has one column, the quantity's
    rank from 0 to 1, so that a heavy tail does not decide what counts as a good guess. `codes` are the classes from 0;
    of a quantity its ranks from 0.
    """

    truth: Floats
    codes: NDArray[np.int64]
    discrete: bool

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def measure(self) -> str:
        """The name of `skill`, as evidence calls it."""
        if not self.discrete:
            return "R2 (of ranks)"
        return "ROC AUC" if self.truth.shape[1] == 2 else "mean ROC AUC over the classes"

    @property
    def weights(self) -> Floats:
        """One per row: all classes weigh the same, whatever their size. Shape (rows,)."""
        if not self.discrete:
            return np.ones(len(self))
        sizes = self.truth.sum(axis=0)
        return np.asarray(len(self) / (len(sizes) * sizes[self.codes]), np.float64)

    def take(self, rows: Rows) -> Goal:
        """The same classes or ranks for some of the rows."""
        return Goal(self.truth[rows], self.codes[rows], self.discrete)

    def sample(self, most: int) -> Rows:
        """At most about `most` rows by a fixed seed, ascending: all classes in equal numbers as far as they go."""
        random = np.random.default_rng(7)
        members = [np.flatnonzero(column) for column in self.truth.T] if self.discrete else [np.arange(len(self))]
        cap = max(2 * MIN_PER_CLASS, most // len(members))
        return np.sort(np.concatenate([random.permutation(rows)[:cap] for rows in members]))

    def skill(self, guesses: Floats) -> float:
        """How well `guesses`, of the shape of `truth`, fit: 1 is perfect.

        Classes: the ROC AUC, one class against the others, averaged over classes. Quantities: R2 of the ranks.
        """
        if not self.discrete:
            spread = ((self.truth - self.truth.mean()) ** 2).sum()
            return float(1 - ((self.truth - guesses) ** 2).sum() / spread) if spread > 1e-9 else 0.0
        told = slice(1, 2) if self.truth.shape[1] == 2 else slice(None)
        known = areas(guesses[:, told], self.truth[:, told])
        return float(np.nanmean(known)) if not np.isnan(known).all() else 0.5


def goal(target: Floats, *, discrete: bool) -> Goal:
    """The goal of `target`: codes of classes, or quantities. Of many classes the rarest count as one, coded last."""
    if not discrete:
        ranks = rankdata(target, method="average")
        return Goal(((ranks - 0.5) / len(ranks))[:, None], np.unique(target, return_inverse=True)[1], discrete=False)
    codes = np.unique(target, return_inverse=True)[1].astype(np.int64)
    if codes.max() >= MOST_CLASSES:
        sizes = np.bincount(codes)
        place = np.empty(len(sizes), np.int64)
        place[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes))
        codes = np.minimum(place[codes], MOST_CLASSES)
    return Goal(np.eye(int(codes.max()) + 1)[codes], codes, discrete=True)


def areas(scores: Floats, positive: Floats) -> Floats:
    """The ROC AUC of each column of `scores` for rows where that of `positive` is 1; NaN when one side is empty.

    Shapes: scores (rows, columns) or (rows, 1), positive (rows, columns), the result (columns,).
    """
    positives = positive.sum(axis=0)
    pairs = positives * (len(positive) - positives)
    above = (rankdata(scores, axis=0) * positive).sum(axis=0) - positives * (positives + 1) / 2
    return np.asarray(np.where(pairs > 0, above / np.maximum(pairs, 1), np.nan), np.float64)
