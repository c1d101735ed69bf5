"""One training, from rows to a stored version."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

import numpy as np
import xgboost

from models.definition import Definition
from registry import store
from registry.calibration import Calibration
from registry.details import Data, Example, VersionDetails
from registry.encoding import Encoding
from registry.ensemble import read_ensemble
from training.baselines import baselines
from training.calibrate import calibrate
from training.errors import GatesMissedError
from training.evaluate import evaluate
from training.fit import fit, margins
from training.gates import gate_results, misses
from training.importance import importance
from training.onnx_export import check_parity, export, punctured
from training.prepare import Prepared, prepare
from training.progress import Progress, silent, stage
from training.reference import reference
from training.reproduction import reproduction
from training.sources import Source
from training.table import Table
from training.threads import one_blas_thread

logger = logging.getLogger("tiffin.training")

STAGES = ("read", "split", "fit", "calibrate", "evaluate", "export", "store")
"""What `progress` hears of, in this order."""


def train(
    definition: Definition,
    source: Source,
    *,
    progress: Progress | None = None,
    force: bool = False,
    rows: int | None = None,
) -> store.Version:
    """Train a new version of `definition` on rows from `source` and store it.

    `rows` bounds how many are used. `force` stores a version that misses its gates or baselines; the misses are then
    recorded in it. The same rows, seed, libraries and number of cores give the same version.

    Raises TrainingError (see training/errors.py) when the rows do not fit or hold a trap, or the version is too bad.
    """
    say = progress or silent
    recipe, rule = definition.recipe, definition.policy.threshold

    with stage(say, "read"):
        table = source.table(definition, rows)

    with stage(say, "split"):
        sides = prepare(definition, table)
        for finding in sides.findings:
            logger.warning("%s: %s", definition.name, finding)

    with stage(say, "fit"):
        booster = fit(recipe.booster, sides.train, sides.validation, seed=recipe.seed, progress=say)

    with stage(say, "calibrate"), one_blas_thread():
        validation_margins = margins(booster, sides.validation.matrix)
        calibration = calibrate(validation_margins, sides.validation.labels, recipe.seed)
        validation_scores = calibration.probability(validation_margins)
        test_scores = calibration.probability(margins(booster, sides.test.matrix))

    with stage(say, "evaluate"), one_blas_thread():
        validation, test = sides.validation.table, sides.test.table
        beside = baselines(definition.schema, sides.train.table, validation, test)
        evaluation = evaluate(rule, validation, test, (validation_scores, test_scores), beside, recipe.seed)
        missed = misses(definition.gates, evaluation)
        if missed and not force:
            raise GatesMissedError(definition.name, missed)

    with stage(say, "export"):
        ubj = bytes(booster.save_raw("ubj"))
        ensemble = read_ensemble(ubj)
        onnx = export(ensemble, definition.name)
        answered = [side.matrix for side in (sides.train, sides.validation, sides.test)]
        for matrix in (*answered, punctured(sides.train.matrix, recipe.seed)):
            check_parity(onnx, matrix, margins(booster, matrix))

    with stage(say, "store"):
        details = VersionDetails(
            model=definition.name,
            kind=definition.kind,
            title=definition.title,
            definition_fingerprint=definition.fingerprint,
            created_at=datetime.now(UTC),
            threshold=evaluation.threshold,
            metrics=evaluation.metrics,
            gates=gate_results(definition.gates, evaluation),
            calibration=evaluation.calibration,
            thresholds=evaluation.thresholds,
            data=_data(source, table, sides),
            importance=importance(booster, definition.schema, sides.train.matrix, recipe.seed),
            example=_example(definition, sides.encoding, booster, calibration),
            reproduction=reproduction(definition, (*source.arguments, *_options(rows, force))),
            trees=len(ensemble.trees),
            limits=definition.limits,
            forced=missed,
            findings=sides.findings,
        )
        held_out = np.concatenate((validation_scores, test_scores))
        drift = reference(definition.schema, sides.train.table.features, held_out)
        artifact = store.Artifact(
            booster=ubj,
            onnx=onnx,
            encoding=sides.encoding,
            calibration=calibration,
            details=details,
            reference=drift,
        )
        return store.save(definition, artifact)


def _data(source: Source, table: Table, sides: Prepared) -> Data:
    return Data(
        source=source.describe(table),
        synthetic=source.synthetic,
        rows=len(table),
        train_rows=len(sides.train.table),
        validation_rows=len(sides.validation.table),
        test_rows=len(sides.test.table),
        positive_rate=table.positive_rate,
        fingerprint=table.fingerprint(),
        split=sides.split_words,
    )


def _example(definition: Definition, encoding: Encoding, booster: xgboost.Booster, calibration: Calibration) -> Example:
    record = definition.schema.example
    margin = margins(booster, encoding.matrix([record]))
    return Example(record=record, margin=float(margin[0]), score=float(calibration.probability(margin)[0]))


def _options(rows: int | None, force: bool) -> tuple[str, ...]:
    return (*(("--rows", str(rows)) if rows is not None else ()), *(("--force",) if force else ()))
