"""One training, from rows to a stored version."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import numpy as np

from models.definition import Definition, Kind
from registry import store
from registry.details import Data, Example, VersionDetails
from training import importance, traps
from training.course import Course
from training.errors import GatesMissedError
from training.gates import gate_results, misses
from training.onnx_export import punctured
from training.partition import Partition, crossed, held_out, is_crossed
from training.progress import Progress, silent, stage
from training.reference import reference
from training.reproduction import reproduction
from training.scores import score
from training.sources import Source
from training.split import split
from training.subgroups import subgroups
from training.supervised import supervised
from training.table import Table
from training.unsupervised import unsupervised

logger = logging.getLogger("tiffin.training")

STAGES = ("read", "features", "split", "search", "tune", "fit", "evaluate", "refit", "export", "store")
"""What `progress` hears of, in this order; not every kind has all of them."""


def train(
    definition: Definition,
    source: Source,
    *,
    progress: Progress | None = None,
    force: bool = False,
    rows: int | None = None,
    tune_minutes: float = 0.0,
) -> store.Version:
    """Train a new version of `definition` on rows from `source` and store it.

    `rows` bounds how many are used. `force` stores a version that misses its gates or baselines; the misses are then
    recorded in it. `tune_minutes` is how long settings of the trees are searched for. The same rows, seed, libraries
    and number of cores give the same version, unless it was tuned.

    Raises TrainingError (see training/errors.py) when the rows do not fit or hold a trap, or the version is too bad.
    """
    say = progress or silent
    table = source.table(definition, rows, say)
    with stage(say, "split"):
        table, findings = traps.without_traps(definition, table)
        partition, copies = _partition(definition, table)
        findings = (*table.findings, *findings, *copies)
        for finding in findings:
            logger.warning("%s: %s", definition.name, finding)
    if definition.kind is Kind.ANOMALY:
        course = unsupervised(definition, table, partition, say)
    else:
        course = supervised(definition, table, partition, say, tune_minutes)
    evaluation = course.conclusion.evaluation
    missed = misses(definition.gates, evaluation, course.must_beat, course.must_not_lose_to)
    if missed and not force:
        raise GatesMissedError(definition.name, missed)

    with stage(say, "export"):
        judged = [
            *(course.matrix[rows] for rows in _in_parts(len(table))),
            punctured(course.matrix, definition.recipe.seed),
        ]
        estimators = {name: one.stored(f"{definition.name} {name}", judged) for name, one in course.estimators.items()}

    with stage(say, "store"):
        names, partition = definition.inputs.names, course.partition
        fitted = partition.fitted
        model = course.estimators["model"]
        seen = fitted[importance.sample(len(fitted), model.row_seconds, definition.recipe.seed)]
        parts = importance.contributions(model, course.encoding, course.matrix[seen])
        ranked = importance.importance(parts, names)
        details = VersionDetails(
            model=definition.name,
            kind=definition.kind,
            title=definition.title,
            definition_fingerprint=definition.fingerprint,
            created_at=datetime.now(UTC),
            estimators={
                name: "trees" if isinstance(one, store.BoostedTrees) else "additive" for name, one in estimators.items()
            },
            threshold=evaluation.threshold,
            metrics=evaluation.metrics,
            gates=gate_results(definition.gates, evaluation),
            calibration=evaluation.calibration,
            thresholds=evaluation.thresholds,
            data=_data(definition, source, table, partition),
            importance=ranked,
            subgroups=subgroups(
                definition.inputs,
                table.features.iloc[partition.test],
                course.conclusion.by_row,
                ranked,
                definition.recipe.seed,
            ),
            dependence=importance.dependence(parts, table.features.iloc[seen], course.encoding, ranked),
            example=_example(definition, course),
            reproduction=reproduction(definition, (*source.arguments(table), *_options(rows, force, tune_minutes))),
            trees=sum(one.trees for one in course.estimators.values()),
            chosen=course.chosen,
            limits=definition.limits,
            forced=missed,
            findings=findings,
        )
        artifact = store.Artifact(
            estimators=estimators,
            encoding=course.encoding,
            calibration=course.conclusion.calibration,
            details=details,
            reference=reference(definition.inputs, table.take(fitted).features, course.conclusion.scores),
        )
        return store.save(definition, artifact)


def _partition(definition: Definition, table: Table) -> tuple[Partition, tuple[str, ...]]:
    """How rows are dealt, and what was found on the way."""
    if is_crossed(table, definition):
        return crossed(table, definition, definition.recipe.seed), ()
    parts, copies = traps.without_copies(table, split(table, definition.recipe))
    return held_out(parts), tuple(copies)


def _in_parts(rows: int) -> list[slice]:
    return [slice(start, start + 100_000) for start in range(0, rows, 100_000)]


def _data(definition: Definition, source: Source, table: Table, partition: Partition) -> Data:
    target = table.target
    about = definition.target
    is_quantity = definition.kind in (Kind.REGRESSION, Kind.FORECAST, Kind.OPTIMISER)
    quantities = table.quantities(target) if is_quantity else None
    return Data(
        source=source.describe(table),
        synthetic=source.is_synthetic(table),
        rows=len(table),
        train_rows=len(partition.fitted) if partition.crossed else len(partition.folds[0][0]),
        validation_rows=len(partition.calibration),
        test_rows=len(partition.test),
        positive_rate=table.positive_rate if definition.kind is Kind.BINARY else None,
        classes=_classes(about.classes, target) if definition.kind is Kind.MULTICLASS and about else None,
        target_mean=None if quantities is None else float(quantities.mean()),
        target_deviation=None if quantities is None else float(quantities.std()),
        fingerprint=table.fingerprint(),
        split=partition.words,
        view=table.view,
    )


def _classes(names: tuple[str, ...], target: np.ndarray) -> dict[str, int]:
    return dict(zip(names, np.bincount(target, minlength=len(names)).tolist(), strict=True))


def _example(definition: Definition, course: Course) -> Example:
    """The example as the estimator sees it, with the answers that loading checks."""
    record = definition.inputs.example
    margin, answer = score(course, course.encoding.matrix([record]))
    return Example(record=record, margin=margin, score=answer)


def _options(rows: int | None, force: bool, tune_minutes: float) -> tuple[str, ...]:
    return (
        *(("--rows", str(rows)) if rows is not None else ()),
        *(("--tune", f"{tune_minutes:g}") if tune_minutes else ()),
        *(("--force",) if force else ()),
    )
