"""Data that flatter: columns that state the target, copies across the split, columns that say nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.definition import Schema
from training.encode import Matrix
from training.errors import TrapError
from training.metrics import measure, scored
from training.split import Split, check_sides
from training.table import Indices, Labels, Table

TOO_GOOD = 0.995
"""The ROC AUC from which a single column is not a good feature but the answer."""
SAMPLE_PER_CLASS = 10_000
"""Rows of each class that a column is judged by: a ROC AUC does not depend on how many there are."""


def without_copies(table: Table, parts: Split) -> tuple[Split, list[str]]:
    """The split without test and validation rows whose features equal those of a row on an earlier side, and what was
    found, in words. A model could answer them from memory.

    Raises SplitError when too little is left of a side.
    """
    hashes = table.row_hashes()
    validation = parts.validation[~np.isin(hashes[parts.validation], hashes[parts.train])]
    earlier = hashes[np.concatenate((parts.train, parts.validation))]
    test = parts.test[~np.isin(hashes[parts.test], earlier)]
    findings = []
    for name, before, after in (("validation", parts.validation, validation), ("test", parts.test, test)):
        findings += _copies_found(name, before, after)
    kept = Split(parts.train, validation, test, parts.words)
    check_sides(kept, table.labels)
    return kept, findings


def constant_columns(schema: Schema, matrix: Matrix) -> list[str]:
    """One finding per column that has one value (or only missing ones) in all training rows, shape (rows, features)."""
    findings = []
    for name, column in zip(schema.names, matrix.T, strict=True):
        missing = np.isnan(column)
        known = column[~missing]
        if len(known) == 0:
            findings.append(f"column {name!r} is missing in all training rows")
        elif not missing.any() and (known == known[0]).all():
            findings.append(f"column {name!r} is {known[0]:g} in all training rows")
    return findings


def refuse_answers(schema: Schema, matrix: Matrix, labels: Labels) -> None:
    """Raise TrapError when one column alone ranks the training rows almost perfectly, by value or by being missing."""
    sample = _sample(labels)
    matrix, labels = matrix[sample], labels[sample]
    found = {name: _strength(column, labels) for name, column in zip(schema.names, matrix.T, strict=True)}
    answers = {name: strength for name, strength in found.items() if strength > TOO_GOOD}
    if answers:
        named = ", ".join(f"{name!r} (ROC AUC {strength:.4f})" for name, strength in answers.items())
        raise TrapError(
            f"{named} alone predicts the target almost perfectly, as a column does that states the target or is known "
            "only after it: leave it out of the schema",
            tuple(answers),
        )


def _sample(labels: Labels) -> Indices:
    """Up to 10 000 rows of each class, evenly spaced."""
    parts = [np.flatnonzero(labels == label) for label in (0, 1)]
    return np.concatenate([part[:: -(-len(part) // SAMPLE_PER_CLASS) or 1] for part in parts])


def _strength(column: NDArray[np.float32], labels: Labels) -> float:
    """The ROC AUC of one column in its better direction, missing values once below and once above all others."""
    values = np.unique(column, return_inverse=True)[1].astype(np.float64) + 1.0
    missing = np.isnan(column)
    best = 0.0
    for stand_in in (0.0, values.max() + 1.0) if missing.any() else (0.0,):
        ranks = np.where(missing, stand_in, values) / (values.max() + 1.0)
        auc = measure(scored(ranks, labels), 0.5)["roc_auc"]
        best = max(best, auc, 1.0 - auc)
    return best


def _copies_found(name: str, before: Indices, after: Indices) -> list[str]:
    copies = len(before) - len(after)
    if copies == 0:
        return []
    return [f"{copies:,} of {len(before):,} {name} rows are copies of rows on an earlier side and were left out"]
