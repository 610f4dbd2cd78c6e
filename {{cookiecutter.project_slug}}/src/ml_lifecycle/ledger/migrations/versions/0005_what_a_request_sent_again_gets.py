"""What a request that is sent again with its key is compared with, and answered from."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add columns that old rows, and requests without a key, leave empty."""
    op.add_column("predictions", sa.Column("body_sha256", sa.String))
    op.add_column("predictions", sa.Column("warnings", sa.JSON))
