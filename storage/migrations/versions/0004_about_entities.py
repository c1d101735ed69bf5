"""The moment of an entity's features, and whether values of them were supposed: such has no outcome by its entity."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the columns, which rewrites no row; of what is there nothing is known, and it counts as not supposed."""
    op.add_column(
        "predictions",
        sa.Column(
            "supposed",
            sa.Boolean,
            nullable=False,
            server_default=sa.false(),
            comment="the request replaced values of its entity",
        ),
    )
    op.add_column(
        "predictions",
        sa.Column(
            "features_as_of",
            sa.DateTime(timezone=True),
            comment="the moment of the entity's features, which may have come from the cache",
        ),
    )


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("predictions", "features_as_of")
    op.drop_column("predictions", "supposed")
