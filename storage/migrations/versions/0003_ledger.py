"""The ledger: predictions, what is known of them in sum, their outcomes, and what was purged."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"

_NONE = sa.text("'{}'::jsonb")
_ZERO = sa.text("0")
_ADD_COUNTS = """
create function add_counts(one jsonb, other jsonb) returns jsonb
language sql immutable parallel safe
return (
    with both_counts as (
        select key, value::bigint as count from jsonb_each_text(one)
        union all
        select key, value::bigint as count from jsonb_each_text(other)
    ),
    summed as (select key, sum(count)::bigint as count from both_counts group by key)
    select coalesce(jsonb_object_agg(key, count), '{}'::jsonb) from summed
)
"""


def _time(name: str, comment: str | None = None, *, nullable: bool = False, default: bool = False) -> sa.Column[object]:
    return sa.Column(
        name,
        sa.DateTime(timezone=True),
        nullable=nullable,
        comment=comment,
        server_default=sa.text("now()") if default else None,
    )


def upgrade() -> None:
    """Create the tables; the shipper makes the partitions."""
    op.execute(_ADD_COUNTS)
    _create_predictions()
    _create_latest()
    _create_rollups()
    _create_outcomes()
    _create_purges()


def downgrade() -> None:
    """Drop the tables with all they hold."""
    for table in (
        "purges",
        "pending_outcomes",
        "outcome_history",
        "outcomes",
        "rollups",
        "latest_levels",
        "latest_scores",
        "predictions",
    ):
        op.drop_table(table)
    op.execute("drop function add_counts(jsonb, jsonb)")


def _create_predictions() -> None:
    op.create_table(
        "predictions",
        sa.Column(
            "prediction_id", sa.Uuid, nullable=False, comment="UUID version 7: sorts by time, and names its partition"
        ),
        _time("created_at"),
        _time("as_of", "the observation date, where the request gave one", nullable=True),
        sa.Column("score", sa.Double, comment="null where the model gave no finite number"),
        sa.Column("threshold", sa.Double),
        sa.Column("latency_ms", sa.Double),
        sa.Column("cached", sa.Boolean, nullable=False),
        sa.Column("stale", sa.Boolean, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False, comment="tag in the model store"),
        sa.Column("role", sa.Text, nullable=False, comment="of the version when it answered: champion, ..."),
        sa.Column("operation", sa.Text, nullable=False, comment="predict, batch or explain"),
        sa.Column("entity", sa.Text, comment="canonical text; null for records"),
        sa.Column("label", JSONB),
        sa.Column("level", sa.Text),
        sa.Column("confidence", sa.Text),
        sa.Column("caller", sa.Text, comment="the key's id"),
        sa.Column("request_id", sa.Text),
        sa.Column("probabilities", JSONB, comment="by class, where the answer had them"),
        sa.Column(
            "answer",
            JSONB,
            nullable=False,
            comment="what is particular to the model; its drivers, where it names some",
        ),
        sa.Column("drivers", JSONB, comment="of an explanation: [{feature, value, contribution}]"),
        sa.Column("features", JSONB, comment="by name; null where the model's features are not kept"),
        sa.Column("warnings", JSONB, comment="null for none"),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_predictions"),
        postgresql_partition_by="range (prediction_id)",
        comment="every scored record or entity, in partitions of four weeks that the shipper makes and retention drops",
    )
    op.create_index(
        "ix_predictions_entity_prediction_id",
        "predictions",
        ["entity", "prediction_id"],
        postgresql_where=sa.text("entity is not null"),
    )
    op.create_index("ix_predictions_model_prediction_id", "predictions", ["model", "prediction_id"])


def _create_latest() -> None:
    op.create_table(
        "latest_scores",
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("entity", sa.Text, nullable=False),
        sa.Column("prediction_id", sa.Uuid, nullable=False),
        _time("moment", "what the score is of: as_of, or when it was made"),
        _time("created_at"),
        sa.Column("score", sa.Double, nullable=False),
        sa.Column(
            "level",
            sa.Text,
            nullable=False,
            server_default=sa.text("''"),
            comment="empty where the model has none",
        ),
        sa.Column("version", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("model", "entity", name="pk_latest_scores"),
        comment="the newest score of every entity that was answered with",
    )
    op.create_index(
        "ix_latest_scores_model_level_score_entity",
        "latest_scores",
        ["model", "level", "score", "entity"],
    )
    op.create_table(
        "latest_levels",
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("level", sa.Text, nullable=False),
        sa.Column("entities", sa.BigInteger, nullable=False),
        sa.Column(
            "score_sum",
            sa.Numeric,
            nullable=False,
            comment="exact: sums of floats would drift as scores come and go",
        ),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("model", "level", name="pk_latest_levels"),
        comment="latest_scores counted by level, kept in the transaction that changes them",
    )


def _create_rollups() -> None:
    op.create_table(
        "rollups",
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("width", sa.Text, nullable=False, comment="hour, day or week"),
        _time("starts_at", "of the hour, day or week (from Monday) in UTC"),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("predictions", sa.BigInteger, nullable=False),
        sa.Column("scored", sa.BigInteger, nullable=False, comment="those with a score"),
        sa.Column("score_sum", sa.Double, nullable=False),
        sa.Column("score_squares", sa.Double, nullable=False),
        sa.Column("score_min", sa.Double),
        sa.Column("score_max", sa.Double),
        sa.Column("latency_ms_sum", sa.Double, nullable=False),
        sa.Column("cached", sa.BigInteger, nullable=False),
        sa.Column("stale", sa.BigInteger, nullable=False),
        sa.Column("warned", sa.BigInteger, nullable=False),
        sa.Column("score_bins", JSONB, nullable=False, server_default=_NONE, comment="number of the bin -> count"),
        sa.Column("latency_bins", JSONB, nullable=False, server_default=_NONE, comment="number of the bin -> count"),
        sa.Column("levels", JSONB, nullable=False, server_default=_NONE, comment="level -> count"),
        sa.Column("labels", JSONB, nullable=False, server_default=_NONE, comment="label as text -> count"),
        sa.Column("operations", JSONB, nullable=False, server_default=_NONE, comment="operation -> count"),
        sa.PrimaryKeyConstraint("model", "width", "starts_at", "version", "role", name="pk_rollups"),
        sa.CheckConstraint("width in ('hour', 'day', 'week')", name="ck_rollups_width"),
        comment="predictions in sum, kept in the transaction that adds them; purges and retention leave them",
    )


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        sa.Column("prediction_id", sa.Uuid, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("entity", sa.Text),
        sa.Column("outcome", JSONB, nullable=False, comment="true or false, a class, or a number"),
        _time("observed_at", nullable=True),
        _time("recorded_at", default=True),
        sa.Column("recorded_by", sa.Text),
        sa.PrimaryKeyConstraint("prediction_id", name="pk_outcomes"),
        comment="what turned out to be true, one row per prediction",
    )
    op.create_index("ix_outcomes_model_prediction_id", "outcomes", ["model", "prediction_id"])
    op.create_index("ix_outcomes_entity", "outcomes", ["entity"], postgresql_where=sa.text("entity is not null"))
    op.create_table(
        "outcome_history",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("prediction_id", sa.Uuid, nullable=False),
        sa.Column("outcome", JSONB, nullable=False),
        _time("observed_at", nullable=True),
        _time("recorded_at"),
        sa.Column("recorded_by", sa.Text),
        _time("replaced_at", default=True),
        sa.PrimaryKeyConstraint("id", name="pk_outcome_history"),
        comment="outcomes that were corrected, as they were before",
    )
    op.create_index("ix_outcome_history_prediction_id", "outcome_history", ["prediction_id"])
    op.create_table(
        "pending_outcomes",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("prediction_id", sa.Uuid, comment="either this, or model, entity and observed_at"),
        sa.Column("model", sa.Text),
        sa.Column("entity", sa.Text),
        _time("observed_at", nullable=True),
        sa.Column("outcome", JSONB, nullable=False),
        _time("received_at", default=True),
        sa.Column("recorded_by", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_pending_outcomes"),
        comment="outcomes whose prediction is not known yet; matched when it arrives",
    )
    op.create_index(
        "ix_pending_outcomes_prediction_id",
        "pending_outcomes",
        ["prediction_id"],
        unique=True,
        postgresql_where=sa.text("prediction_id is not null"),
    )
    op.create_index(
        "ix_pending_outcomes_model_entity_observed_at",
        "pending_outcomes",
        ["model", "entity", "observed_at"],
        unique=True,
        postgresql_where=sa.text("prediction_id is null"),
    )


def _create_purges() -> None:
    op.create_table(
        "purges",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("model", sa.Text),
        sa.Column("entity", sa.Text, comment="forgotten when the purge is done"),
        sa.Column(
            "entity_hash", sa.LargeBinary, comment="SHA-256: predictions that still wait in a spool are known by it"
        ),
        _time("before", "predictions made before this moment"),
        sa.Column("state", sa.Text, nullable=False, server_default=sa.text("'queued'")),
        sa.Column("total", sa.BigInteger, comment="predictions that it concerned when it began"),
        sa.Column("predictions", sa.BigInteger, nullable=False, server_default=_ZERO, comment="removed so far"),
        sa.Column("outcomes", sa.BigInteger, nullable=False, server_default=_ZERO, comment="removed so far"),
        sa.Column("latest_scores", sa.BigInteger, nullable=False, server_default=_ZERO, comment="removed so far"),
        _time("requested_at", default=True),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        _time("started_at", nullable=True),
        _time("finished_at", nullable=True),
        sa.Column("error", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_purges"),
        sa.CheckConstraint("state in ('queued', 'running', 'done', 'failed')", name="ck_purges_state"),
        comment="removals that somebody asked for; the shipper carries them out",
    )
