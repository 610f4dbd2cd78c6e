"""Who decided: a person, or the service of its own accord."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add a column that old rows leave empty."""
    op.add_column("decisions", sa.Column("who", sa.String))
