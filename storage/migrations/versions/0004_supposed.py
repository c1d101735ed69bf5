"""Whether a prediction is of supposed values: outcomes by entity and time are not of such."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column, which rewrites no row; of what is there nothing is known, and it counts as not supposed."""
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


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("predictions", "supposed")
