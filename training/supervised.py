"""Training towards a target."""

from __future__ import annotations

from models.definition import Definition, Kind
from training.course import Course
from training.encode import ranking
from training.encoded import Encoded
from training.fitting import fit, refit
from training.partition import Partition
from training.practice import practice
from training.progress import Progress, stage
from training.search import choose
from training.table import Table
from training.threads import one_blas_thread


def refits(definition: Definition, partition: Partition) -> bool:
    """Whether the stored version learns from all rows once the held-out ones have judged it: where recipes choose by
    themselves, and in forecasts, for which the latest rows count most."""
    return not partition.crossed and (definition.recipe.form != "trees" or definition.kind is Kind.FORECAST)


def supervised(
    definition: Definition, table: Table, partition: Partition, progress: Progress, tune_minutes: float = 0.0
) -> Course:
    """Search, fit, calibrate and judge, each row by models that have not seen it."""
    kind = practice(definition)
    by = ranking(table.target, kind.classes)
    with stage(progress, "search"), one_blas_thread():
        encoded = Encoded(definition.inputs, table, by, partition, definition.recipe.seed)
        choice = choose(definition, table, encoded, partition, kind, progress, tune_minutes)
    with stage(progress, "fit"), one_blas_thread():
        fitted = fit(definition, table, encoded, partition, kind, choice.learner, progress)
    with stage(progress, "evaluate"), one_blas_thread():
        conclusion = kind.conclude(definition, table, fitted.held_out)
    estimators = fitted.estimators
    if refits(definition, partition):
        with stage(progress, "refit"), one_blas_thread():
            partition = partition.with_all(len(table))
            encoded = Encoded(definition.inputs, table, by, partition, definition.recipe.seed)
            estimators = refit(fitted, encoded, progress)
    return Course(
        encoding=encoded.encoding,
        matrix=encoded.matrix,
        partition=partition,
        estimators=estimators,
        conclusion=conclusion,
        must_beat=kind.must_beat,
        must_not_lose_to=kind.must_not_lose_to,
        chosen=choice.words,
    )
