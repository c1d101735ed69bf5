"""The ledger: predictions, what is known of them in sum, their outcomes, and what was purged."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    LargeBinary,
    Numeric,
    Table,
    Text,
    Uuid,
    false,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from storage.tables.metadata import metadata

_NONE = text("'{}'::jsonb")
_ZERO = text("0")
_NOW = text("now()")


def _time(name: str, comment: str | None = None, *, nullable: bool = False, default: bool = False) -> Column[object]:
    return Column(
        name, DateTime(timezone=True), nullable=nullable, comment=comment, server_default=_NOW if default else None
    )


predictions = Table(
    "predictions",
    metadata,
    Column("prediction_id", Uuid, primary_key=True, comment="UUID version 7: sorts by time, and names its partition"),
    _time("created_at"),
    _time("as_of", "the observation date, where the request gave one", nullable=True),
    Column("score", Double, comment="null where the model gave no finite number"),
    Column("threshold", Double),
    Column("latency_ms", Double),
    Column("cached", Boolean, nullable=False),
    Column("stale", Boolean, nullable=False),
    Column("model", Text, nullable=False),
    Column("version", Text, nullable=False, comment="tag in the model store"),
    Column("role", Text, nullable=False, comment="of the version when it answered: champion, ..."),
    Column("operation", Text, nullable=False, comment="predict, batch or explain"),
    Column("entity", Text, comment="canonical text; null for records"),
    Column("label", JSONB(none_as_null=True)),
    Column("level", Text),
    Column("confidence", Text),
    Column("caller", Text, comment="the key's id"),
    Column("request_id", Text),
    Column("probabilities", JSONB(none_as_null=True), comment="by class, where the answer had them"),
    Column(
        "answer", JSONB, nullable=False, comment="what is particular to the model; its drivers, where it names some"
    ),
    Column("drivers", JSONB(none_as_null=True), comment="of an explanation: [{feature, value, contribution}]"),
    Column("features", JSONB(none_as_null=True), comment="by name; null where the model's features are not kept"),
    Column("warnings", JSONB(none_as_null=True), comment="null for none"),
    Column(
        "supposed",
        Boolean,
        nullable=False,
        server_default=false(),
        comment="the request replaced values of its entity",
    ),
    _time("features_as_of", "the moment of the entity's features, which may have come from the cache", nullable=True),
    Index(None, "entity", "prediction_id", postgresql_where=text("entity is not null")),
    Index(None, "model", "prediction_id"),
    postgresql_partition_by="range (prediction_id)",
    comment="every scored record or entity, in partitions of four weeks that the shipper makes and retention drops",
)

latest_scores = Table(
    "latest_scores",
    metadata,
    Column("model", Text, primary_key=True),
    Column("entity", Text, primary_key=True),
    Column("prediction_id", Uuid, nullable=False),
    _time("moment", "what the score is of: as_of, or when it was made"),
    _time("created_at"),
    Column("score", Double, nullable=False),
    Column("level", Text, nullable=False, server_default=text("''"), comment="empty where the model has none"),
    Column("version", Text, nullable=False),
    Index(None, "model", "level", "score", "entity"),
    comment="the newest score of every entity that was answered with",
)

latest_levels = Table(
    "latest_levels",
    metadata,
    Column("model", Text, primary_key=True),
    Column("level", Text, primary_key=True),
    Column("entities", BigInteger, nullable=False),
    Column("score_sum", Numeric, nullable=False, comment="exact: sums of floats would drift as scores come and go"),
    _time("updated_at"),
    comment="latest_scores counted by level, kept in the transaction that changes them",
)

rollups = Table(
    "rollups",
    metadata,
    Column("model", Text, primary_key=True),
    Column("width", Text, primary_key=True, comment="hour, day or week"),
    Column(
        "starts_at", DateTime(timezone=True), primary_key=True, comment="of the hour, day or week (from Monday) in UTC"
    ),
    Column("version", Text, primary_key=True),
    Column("role", Text, primary_key=True),
    Column("predictions", BigInteger, nullable=False),
    Column("scored", BigInteger, nullable=False, comment="those with a score"),
    Column("score_sum", Double, nullable=False),
    Column("score_squares", Double, nullable=False),
    Column("score_min", Double),
    Column("score_max", Double),
    Column("latency_ms_sum", Double, nullable=False),
    Column("cached", BigInteger, nullable=False),
    Column("stale", BigInteger, nullable=False),
    Column("warned", BigInteger, nullable=False),
    Column("score_bins", JSONB, nullable=False, server_default=_NONE, comment="number of the bin -> count"),
    Column("latency_bins", JSONB, nullable=False, server_default=_NONE, comment="number of the bin -> count"),
    Column("levels", JSONB, nullable=False, server_default=_NONE, comment="level -> count"),
    Column("labels", JSONB, nullable=False, server_default=_NONE, comment="label as text -> count"),
    Column("operations", JSONB, nullable=False, server_default=_NONE, comment="operation -> count"),
    CheckConstraint("width in ('hour', 'day', 'week')", name="width"),
    comment="predictions in sum, kept in the transaction that adds them; purges and retention leave them",
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("prediction_id", Uuid, primary_key=True),
    Column("model", Text, nullable=False),
    Column("entity", Text),
    Column("outcome", JSONB, nullable=False, comment="true or false, a class, or a number"),
    _time("observed_at", nullable=True),
    _time("recorded_at", default=True),
    Column("recorded_by", Text),
    Index(None, "model", "prediction_id"),
    Index(None, "entity", postgresql_where=text("entity is not null")),
    comment="what turned out to be true, one row per prediction",
)

outcome_history = Table(
    "outcome_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("prediction_id", Uuid, nullable=False),
    Column("outcome", JSONB, nullable=False),
    _time("observed_at", nullable=True),
    _time("recorded_at"),
    Column("recorded_by", Text),
    _time("replaced_at", default=True),
    Index(None, "prediction_id"),
    comment="outcomes that were corrected, as they were before",
)

pending_outcomes = Table(
    "pending_outcomes",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("prediction_id", Uuid, comment="either this, or model, entity and observed_at"),
    Column("model", Text),
    Column("entity", Text),
    _time("observed_at", nullable=True),
    Column("outcome", JSONB, nullable=False),
    _time("received_at", default=True),
    Column("recorded_by", Text),
    Index(None, "prediction_id", unique=True, postgresql_where=text("prediction_id is not null")),
    Index(None, "model", "entity", "observed_at", unique=True, postgresql_where=text("prediction_id is null")),
    comment="outcomes whose prediction is not known yet; matched when it arrives",
)

purges = Table(
    "purges",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("model", Text),
    Column("entity", Text, comment="forgotten when the purge is done"),
    Column("entity_hash", LargeBinary, comment="SHA-256: predictions that still wait in a spool are known by it"),
    _time("before", "predictions made before this moment"),
    Column("state", Text, nullable=False, server_default=text("'queued'")),
    Column("total", BigInteger, comment="predictions that it concerned when it began"),
    Column("predictions", BigInteger, nullable=False, server_default=_ZERO, comment="removed so far"),
    Column("outcomes", BigInteger, nullable=False, server_default=_ZERO, comment="removed so far"),
    Column("latest_scores", BigInteger, nullable=False, server_default=_ZERO, comment="removed so far"),
    _time("requested_at", default=True),
    Column("requested_by", Text, nullable=False),
    Column("reason", Text, nullable=False, server_default=text("''")),
    _time("started_at", nullable=True),
    _time("finished_at", nullable=True),
    Column("error", Text),
    CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="state"),
    comment="removals that somebody asked for; the shipper carries them out",
)
