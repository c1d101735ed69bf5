"""One prediction with all that is known of it, its outcome included."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, text

from ledger.errors import UnknownPredictionError
from ledger.identity import milliseconds
from ledger.times import written, written_or_none
from storage.database import transact

YOUNG_SECONDS = 600.0
"""A prediction that is not kept after so long never was; while PostgreSQL is away it takes longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What turned out to be true."""

    outcome: bool | str | float
    observed_at: str | None
    recorded_at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A row of the ledger; times are RFC 3339."""

    prediction_id: str
    model: str
    version: str
    role: str
    operation: str
    entity: str | None
    supposed: bool
    """The request replaced values of its entity: it says what would be, and has outcomes by its id only."""
    as_of: str | None
    """The observation date, where the request gave one, RFC 3339."""
    features_as_of: str | None
    """The moment of the entity's features, which may have come from the cache."""
    score: float | None
    label: bool | str | None
    level: str | None
    threshold: float | None
    confidence: str | None
    drivers: list[dict[str, Any]] | None
    """Those of its explanation, else those that its answer names; None where it has neither."""
    cached: bool
    stale: bool
    warnings: list[str]
    caller: str | None
    request_id: str | None
    created_at: str
    latency_ms: float | None
    outcome: Outcome | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FullPrediction(Prediction):
    """With what may be large."""

    answer: dict[str, Any]
    probabilities: dict[str, float] | None
    features: dict[str, Any] | None
    """None where the model's features are not kept."""


COLUMNS = """
    predictions.prediction_id, predictions.created_at, predictions.as_of, predictions.score, predictions.threshold,
    predictions.latency_ms, predictions.cached, predictions.stale, predictions.model, predictions.version,
    predictions.role, predictions.operation, predictions.entity, predictions.label, predictions.level,
    predictions.confidence, predictions.caller, predictions.request_id, predictions.warnings,
    predictions.supposed, predictions.features_as_of,
    coalesce(predictions.drivers, predictions.answer -> 'drivers', predictions.answer -> 'features') as drivers,
    outcomes.outcome, outcomes.observed_at, outcomes.recorded_at
"""
_ONE = text(f"""
select {COLUMNS}, predictions.answer, predictions.probabilities, predictions.features
from predictions
left join outcomes on outcomes.prediction_id = predictions.prediction_id
where predictions.prediction_id = :prediction_id
""")  # noqa: S608 - of constants


def prediction(engine: Engine, prediction_id: str) -> FullPrediction:
    """The prediction of that id; it is there within a second of its answer, or where the processors are busy after
    `ledger.patience_seconds` at most.

    Raises UnknownPredictionError, also for what is no id at all.
    """
    try:
        identity = UUID(prediction_id)
    except ValueError:
        raise UnknownPredictionError(prediction_id) from None

    def read(connection: Connection) -> RowMapping | None:
        return connection.execute(_ONE, {"prediction_id": identity}).mappings().one_or_none()

    row = transact(engine, read)
    if row is None:
        age_seconds = time.time() - milliseconds(str(identity)) / 1000
        raise UnknownPredictionError(prediction_id, age_seconds if 0 <= age_seconds < YOUNG_SECONDS else None)
    more = {name: row[name] for name in ("answer", "probabilities", "features")}
    return FullPrediction(**_values(row), **more)


def summary(row: RowMapping) -> Prediction:
    """A prediction from a row of `COLUMNS`."""
    return Prediction(**_values(row))


def _values(row: RowMapping) -> dict[str, Any]:
    plain = (
        "model", "version", "role", "operation", "entity", "score", "label", "level", "threshold", "confidence",
        "drivers", "supposed", "cached", "stale", "caller", "request_id", "latency_ms",
    )  # fmt: skip
    outcome = None
    if row["recorded_at"] is not None:
        outcome = Outcome(
            outcome=row["outcome"],
            observed_at=written_or_none(row["observed_at"]),
            recorded_at=written(row["recorded_at"]),
        )
    return {
        **{name: row[name] for name in plain},
        "prediction_id": str(row["prediction_id"]),
        "as_of": written_or_none(row["as_of"]),
        "features_as_of": written_or_none(row["features_as_of"]),
        "warnings": row["warnings"] or [],
        "created_at": written(row["created_at"]),
        "outcome": outcome,
    }
