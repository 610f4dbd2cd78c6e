"""What the ledger keeps, table by table.

To change a table of ledgers that are in use, change it here, add a step to `migrations/versions`,
and name that step in REVISION. Columns that are added may be null: old rows have nothing there.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Column,
    DateTime,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    TypeDecorator,
    tuple_,
)

REVISION = "0007"  # the last of migrations/versions
Key = tuple[str, int]  # request_id and row


class Moment(TypeDecorator[datetime]):
    """A time in UTC: SQLite keeps no zone, and PostgreSQL answers in that of the session."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, _: Any) -> datetime | None:
        """Write UTC."""
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, _: Any) -> datetime | None:
        """Read UTC."""
        return value and (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


TABLES = MetaData()
PREDICTIONS = Table(
    "predictions",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("created_at", Moment, index=True, nullable=False),
    Column("version", Integer, nullable=False),
    Column("inputs", JSON, nullable=False),
    Column("prediction", String, nullable=False),
    Column("probabilities", JSON, nullable=False),
    # Of requests with an Idempotency-Key only.
    Column("body_sha256", String),
    Column("warnings", JSON(none_as_null=True)),
)
OUTCOMES = Table(
    "outcomes",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("created_at", Moment, index=True, nullable=False),
    Column("value", String, nullable=False),
    Column("happened_at", Moment),
)
# Outcomes that a correction took the place of, and those that came after what was newer.
SUPERSEDED = Table(
    "superseded",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("request_id", String, index=True, nullable=False),
    Column("row", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("value", String, nullable=False),
    Column("happened_at", Moment),
)
DECISIONS = Table(
    "decisions",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("kind", String, nullable=False),
    Column("verdict", String, nullable=False),
    Column("version", Integer),
    Column("previous_version", Integer),
    Column("reason", String, nullable=False),
    Column("details", JSON, nullable=False),
    Column("run_id", String),
    Column("sha256", String),
    Column("who", String),
)
LOOKS = Table(
    "looks",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("test_sha256", String, index=True, nullable=False),
    Column("reason", String, nullable=False),
    Column("version", Integer),
)
SHADOWS = Table(
    "shadows",
    TABLES,
    Column("request_id", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("created_at", Moment, index=True, nullable=False),
    Column("prediction", String),
    Column("probabilities", JSON(none_as_null=True)),
    Column("latency_seconds", Float),
    Column("error_type", String),
)
# What was asked of the service: a line a minute in which somebody asked; no row.
TRAFFIC = Table(
    "traffic",
    TABLES,
    Column("id", Integer, primary_key=True),
    Column("created_at", Moment, nullable=False),
    Column("version", Integer, index=True, nullable=False),
    Column("requests", Integer, nullable=False),
    Column("failed", Integer, nullable=False),
    Column("seconds", Float, nullable=False),
)


def among(table: Table, keys: Collection[Key]) -> Any:
    """Return the condition that a row of a table is of one of `keys`."""
    # SQLite finds pairs by no index, but looks at the whole table.
    near = table.c.request_id.in_(sorted({request_id for request_id, _ in keys}))
    return near & tuple_(table.c.request_id, table.c.row).in_(sorted(keys))
