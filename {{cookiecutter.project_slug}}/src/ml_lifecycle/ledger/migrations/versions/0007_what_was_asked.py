"""How many requests a version was asked, how many failed, and how long they took."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add a table, and an index by which a check finds new outcomes."""
    op.create_index("ix_outcomes_created_at", "outcomes", ["created_at"])
    op.create_table(
        "traffic",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("requests", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
    )
    op.create_index("ix_traffic_version", "traffic", ["version"])
