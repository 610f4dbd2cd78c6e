"""The tables of the first ledgers; where they are already, they stay with all their rows."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is not there yet."""
    op.create_table(
        "predictions",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("inputs", sa.JSON, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("guess", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_predictions_at", "predictions", ["at"], if_not_exists=True)
    op.create_table(
        "outcomes",
        sa.Column("request_id", sa.String, primary_key=True),
        sa.Column("row", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("verdict", sa.String, nullable=False),
        sa.Column("version", sa.Integer),
        sa.Column("former", sa.Integer),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("details", sa.JSON, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "looks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("test_sha256", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_index("ix_looks_test_sha256", "looks", ["test_sha256"], if_not_exists=True)
