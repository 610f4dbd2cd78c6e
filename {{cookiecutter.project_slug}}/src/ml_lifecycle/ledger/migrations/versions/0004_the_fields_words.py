"""Columns under the field's own words; every row stays as it is."""

from alembic import op

revision = "0004"
down_revision = "0003"

RENAMED = {
    "predictions": {"at": "created_at", "answer": "prediction", "guess": "probabilities"},
    "outcomes": {"at": "created_at"},
    "decisions": {"at": "created_at", "former": "previous_version"},
    "looks": {"at": "created_at", "why": "reason"},
    "shadows": {
        "at": "created_at",
        "answer": "prediction",
        "guess": "probabilities",
        "seconds": "latency_seconds",
        "error": "error_type",
    },
}


def upgrade() -> None:
    """Rename columns; SQLite (from 3.25 on) and PostgreSQL do so without touching a row."""
    for table, names in RENAMED.items():
        for old, new in names.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for table in ("predictions", "shadows"):
        op.drop_index(f"ix_{table}_at", table)
        op.create_index(f"ix_{table}_created_at", table, ["created_at"])
