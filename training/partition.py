"""Which rows are fitted on, and which are held out to calibrate and to test."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.definition import Definition, Kind
from training.split import Split, folds_of
from training.table import Indices, Table

FOLDS = 5
CROSS_VALIDATED_UP_TO = 10_000
"""With fewer rows every one counts: all are fitted on, and each is judged by a model that has not seen it."""


@dataclass(frozen=True, slots=True)
class Partition:
    """`folds` are pairs of rows to fit on and rows held out from them. `calibration` and `test` are among the held out.

    Cross-validated, every row is held out once and serves both; otherwise there is one fold, and the test rows are in
    neither of its sides.
    """

    folds: tuple[tuple[Indices, Indices], ...]
    calibration: Indices
    test: Indices
    words: str
    crossed: bool

    @property
    def fitted(self) -> Indices:
        """The rows that the stored version has learned from."""
        return np.unique(np.concatenate([fitted for fitted, _ in self.folds]))

    def with_all(self, rows: int) -> Partition:
        """The same, but all rows are fitted on in the end."""
        everything = np.arange(rows)
        words = f"{self.words}; the stored version has then learned from all rows"
        return replace(self, folds=((everything, everything[:0]),), words=words)


def held_out(parts: Split) -> Partition:
    """One fold: fit on the training side, stop and calibrate on validation, test on the rest."""
    return Partition(((parts.train, parts.validation),), parts.validation, parts.test, parts.words, crossed=False)


def crossed(table: Table, definition: Definition, seed: int) -> Partition:
    """`FOLDS` folds of whole groups (or of all copies of a row), with equal shares of the target."""
    numbers, words = folds_of(table, definition.recipe, FOLDS, seed)
    rows = np.arange(len(table))
    pairs = tuple((np.flatnonzero(numbers != fold), np.flatnonzero(numbers == fold)) for fold in range(FOLDS))
    return Partition(pairs, rows, rows, f"{FOLDS}-fold cross-validation {words}", crossed=True)


def is_crossed(table: Table, definition: Definition) -> bool:
    recipe = definition.recipe
    if definition.kind is Kind.ANOMALY:  # one forest is grown, and judged on rows that it has not seen
        return False
    return recipe.form == "auto" and table.times is None and len(table) <= CROSS_VALIDATED_UP_TO
