"""Releases: which versions answer, and every change of that."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    op.create_table(
        "releases",
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("champion", sa.Text, nullable=False, comment="tag in the model store"),
        sa.Column(
            "challengers",
            JSONB,
            nullable=False,
            server_default=sa.text("'[]'::jsonb"),
            comment="[{version, mode, percent}]",
        ),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("updated_by", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("model", name="pk_releases"),
        comment="which versions of a model answer; one row per model",
    )
    op.create_table(
        "release_history",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("before", JSONB, comment="{champion, challengers}; null for the first release"),
        sa.Column("after", JSONB, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")),
        sa.Column("by_whom", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=sa.text("''")),
        sa.PrimaryKeyConstraint("id", name="pk_release_history"),
        comment="every change of a release, oldest first; rows are only added",
    )
    op.create_index("ix_release_history_model_id", "release_history", ["model", "id"])


def downgrade() -> None:
    """Drop both tables with all they hold."""
    op.drop_table("release_history")
    op.drop_table("releases")
