"""Everything that is fitted for one version, with margins of rows that the fitting did not see."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.definition import Definition, Kind
from training.encoded import Encoded
from training.learners import Learned, Learner, Trees
from training.partition import Partition
from training.practice import HeldOut, Practice
from training.practice.base import Floats
from training.practice.estimate import coverage_of
from training.progress import Progress, silent
from training.search import column_names
from training.table import Table, Target

BASELINE_PENALTY = 1.0
QUANTILE_ROWS = 1_000
"""Fewer rows do not carry two quantiles: their interval has one width everywhere."""


@dataclass(frozen=True, slots=True)
class Part:
    """One estimator to fit: how, to which target (rows,), and which rows have one."""

    learner: Learner
    target: Target
    rows: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Fitted:
    """`estimators` by the name that they are stored under, and what each was fitted as."""

    estimators: dict[str, Learned]
    parts: dict[str, Part]
    held_out: HeldOut


def fit(
    definition: Definition,
    table: Table,
    encoded: Encoded,
    partition: Partition,
    practice: Practice,
    learner: Learner,
    progress: Progress,
) -> Fitted:
    """The model, its baselines, and the quantiles or amounts that its kind needs."""
    parts = _parts(definition, table, encoded, partition, practice, learner)
    fitted = {name: _fitted(part, encoded, partition, progress) for name, part in parts.items()}
    baseline = practice.linear(BASELINE_PENALTY, encoded.tables, frozenset())
    _, beside = _fitted(replace(parts["model"], learner=baseline), encoded, partition, silent)
    margins = {name: found for name, (_, found) in fitted.items()}
    held_out = HeldOut(
        partition,
        margins["model"],
        {practice.linear_baseline: beside},
        margins.get("interval"),
        margins.get("amount"),
    )
    return Fitted({name: learned for name, (learned, _) in fitted.items()}, parts, held_out)


def refit(fitted: Fitted, encoded: Encoded, progress: Progress) -> dict[str, Learned]:
    """The same estimators from all rows, stopped where they were before: what serves has learned from every row."""
    return {
        name: part.learner.refit(
            encoded.fold(np.flatnonzero(part.rows), np.flatnonzero(part.rows)[:1], part.target),
            fitted.estimators[name],
            progress,
        )
        for name, part in fitted.parts.items()
    }


def _parts(
    definition: Definition,
    table: Table,
    encoded: Encoded,
    partition: Partition,
    practice: Practice,
    learner: Learner,
) -> dict[str, Part]:
    everywhere = np.ones(len(table), np.bool_)
    parts = {"model": Part(learner, table.target, everywhere)}
    if practice.classes == 1 and len(partition.fitted) >= QUANTILE_ROWS and isinstance(learner, Trees):
        parts["interval"] = Part(_quantiles(definition, learner), table.target, everywhere)
    if definition.kind is Kind.BINARY and table.amounts is not None:
        objective = {"objective": "reg:squarederror", "eval_metric": "rmse"}
        amounts = Trees(definition.recipe.booster, objective, definition.recipe.seed, column_names(encoded))
        parts["amount"] = Part(amounts, table.amounts, (table.target == 1) & ~np.isnan(table.amounts))
    return parts


def _fitted(part: Part, encoded: Encoded, partition: Partition, progress: Progress) -> tuple[Learned, Floats]:
    """The learned, and margins (rows, outputs) of the rows that were held out."""
    folds = [
        encoded.fold(fitted[part.rows[fitted]], held[part.rows[held]], part.target) for fitted, held in partition.folds
    ]
    if not partition.crossed:
        learned = part.learner.fit(folds[0], progress)
        margins = _nothing(len(encoded.matrix), learned.margins(folds[0].held[:1]).shape[1])
        for rows in (partition.calibration, partition.test):
            margins[rows] = learned.margins(encoded.matrix[rows])
        return learned, margins
    learned, single = part.learner.crossed(folds, progress)
    margins = _nothing(len(encoded.matrix), single[0].margins(folds[0].held[:1]).shape[1])
    for (fitted, held), one in zip(partition.folds, single, strict=True):
        margins[held] = one.margins(encoded.fold(fitted, held, part.target).held)
    return learned, margins


def _nothing(rows: int, outputs: int) -> Floats:
    return np.full((rows, outputs), np.nan)


def _quantiles(definition: Definition, learner: Trees) -> Trees:
    """The same trees for the two quantiles between which the stated coverage lies."""
    tail = (1 - coverage_of(definition)) / 2
    settings = replace(learner.settings, max_depth=min(4, learner.settings.max_depth), learning_rate=0.1, rounds=400)
    objective = {"objective": "reg:quantileerror", "quantile_alpha": [tail, 1 - tail], "eval_metric": "quantile"}
    return replace(learner, settings=replace(settings, monotone=()), objective=objective)
