"""Which release was decided on, which version looked, and what a shadow would have answered."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns that old rows leave empty, and a table."""
    op.add_column("decisions", sa.Column("run_id", sa.String))
    op.add_column("decisions", sa.Column("sha256", sa.String))
    op.add_column("looks", sa.Column("version", sa.Integer))
    op.create_table(
        "shadows",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.String),
        sa.Column("guess", sa.JSON),
        sa.Column("seconds", sa.Float),
        sa.Column("error", sa.String),
    )
    op.create_index("ix_shadows_at", "shadows", ["at"])
