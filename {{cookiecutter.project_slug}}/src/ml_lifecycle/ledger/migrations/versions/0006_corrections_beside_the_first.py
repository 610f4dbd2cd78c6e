"""When an outcome happened, and what was said before a correction took its place."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add a column that old rows leave empty, and a table."""
    op.add_column("outcomes", sa.Column("happened_at", sa.DateTime(timezone=True)))
    op.create_table(
        "superseded",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("request_id", sa.String, nullable=False),
        sa.Column("row", sa.Integer, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.String, nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True)),
    )
    op.create_index("ix_superseded_request_id", "superseded", ["request_id"])
