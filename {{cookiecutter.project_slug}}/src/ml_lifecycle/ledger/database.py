"""The operational database: predictions, outcomes, decisions, looks at the test set, shadows.

In: a SQLAlchemy URL; SQLite by default, PostgreSQL by LEDGER_URL. Out: an open `Ledger`. A row that
was written is on disk: SQLite runs in WAL mode and syncs every commit.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Table, case, create_engine, event, func, insert, select, text
from sqlalchemy.engine import URL, Connection, Row
from sqlalchemy.exc import SQLAlchemyError

from ..errors import WorldBroken
from .opening import OPTIONS, revision_of, sync_every_commit, upgrade
from .tables import DECISIONS, LOOKS, OUTCOMES, PREDICTIONS, REVISION, SHADOWS

SAID = ["prediction", "probabilities", "outcome"]


def now() -> datetime:
    """Return the time of now, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Decision:
    """A row of `decisions`: what was decided, on which release, why, and by whom."""

    id: int
    created_at: datetime
    kind: str
    verdict: str
    version: int | None
    previous_version: int | None
    reason: str
    details: dict[str, Any]
    run_id: str | None
    sha256: str | None
    who: str | None


class Ledger:
    """The open database; use it as a context manager."""

    def __init__(self, url: str | URL) -> None:
        """Open `url` and bring its tables up to date, losing nothing.

        Raises:
            WorldBroken: the database cannot be reached, read or written.
            WrongUse: a newer template made the ledger.

        """
        try:
            self.engine = create_engine(url, **OPTIONS)
            if self.engine.dialect.name == "sqlite":
                event.listen(self.engine, "connect", sync_every_commit)
            with self.engine.connect() as connection:
                revision = revision_of(connection)
            if revision != REVISION:
                with self.exclusive() as connection:
                    upgrade(connection, revision)
        except SQLAlchemyError as error:
            raise WorldBroken(
                f"the ledger cannot be opened: {str(error).splitlines()[0]}"
            ) from None

    def __enter__(self) -> "Ledger":
        """Return the open ledger."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def exclusive(self) -> Iterator[Connection]:
        """Hold the one lock of the ledger; commits on leaving without an error.

        Champions, looks and tables change under it.
        """
        with self.engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.execute(text("BEGIN IMMEDIATE"))
            else:
                connection.execute(text("SELECT pg_advisory_xact_lock(4711)"))
            yield connection
            connection.commit()

    def write_predictions(self, rows: Sequence[dict[str, Any]]) -> None:
        """Commit rows of `predictions` in one transaction."""
        with self.engine.begin() as connection:
            connection.execute(insert(PREDICTIONS), list(rows))

    def answered(self, request_id: str) -> Sequence[Row[Any]]:
        """Return the rows of `predictions` that one request has, in their order."""
        query = select(PREDICTIONS).filter_by(request_id=request_id).order_by(PREDICTIONS.c.row)
        with self.engine.connect() as connection:
            return connection.execute(query).all()

    def decide(
        self,
        kind: str,
        verdict: str,
        reason: str,
        version: int | None = None,
        previous_version: int | None = None,
        details: dict[str, Any] | None = None,
        connection: Connection | None = None,
        run_id: str | None = None,
        sha256: str | None = None,
        who: str | None = None,
    ) -> None:
        """Record a decision, within `connection` if given.

        run_id, sha256: MLflow's run and the manifest of the release that was decided on.
        who: decided, see `project.approver`.
        """
        row = {"created_at": now(), "kind": kind, "verdict": verdict, "reason": reason}
        row |= {"version": version, "previous_version": previous_version, "who": who}
        row |= {"details": details or {}, "run_id": run_id, "sha256": sha256}
        with nullcontext(connection) if connection else self.engine.begin() as within:
            within.execute(insert(DECISIONS), row)

    def decisions(
        self,
        kind: str | None = None,
        verdicts: Sequence[str] = (),
        last: int | None = None,
        connection: Connection | None = None,
        version: int | None = None,
    ) -> list[Decision]:
        """Return the `last` decisions of a kind, with one of `verdicts`, on a version.

        The latest first. What is not given does not matter; read within `connection` if given.
        """
        query = select(DECISIONS).order_by(DECISIONS.c.id.desc()).limit(last)
        asked = {"kind": kind, "version": version}
        query = query.filter_by(**{name: value for name, value in asked.items() if value})
        if verdicts:
            query = query.where(DECISIONS.c.verdict.in_(verdicts))
        with nullcontext(connection) if connection else self.engine.connect() as within:
            return [Decision(**row) for row in within.execute(query).mappings()]

    def look(self, test_sha256: str, version: int, reason: str, again: bool = False) -> int:
        """Record that `version` looked at a test set; return how many versions have so far.

        It is recorded once, however often it looks, unless `again` says that it sees other rows
        each time. A look of an older ledger, which knows no version, counts as one.
        """
        row = {"created_at": now(), "test_sha256": test_sha256, "version": version}
        query = select(LOOKS.c.version).where(LOOKS.c.test_sha256 == test_sha256)
        with self.exclusive() as connection:
            versions = connection.scalars(query).all()
            if version in versions and not again:
                return len(versions)
            connection.execute(insert(LOOKS), row | {"reason": reason})
        return len(versions) + 1

    def write_shadows(self, rows: Sequence[dict[str, Any]]) -> None:
        """Commit rows of `shadows` in one transaction; each has all columns."""
        with self.engine.begin() as connection:
            connection.execute(insert(SHADOWS), list(rows))

    def compared(
        self, challenger: int, since: datetime, last: int
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return what a challenger and the other model said of the same `last` rows with outcomes.

        Each has the columns prediction, probabilities and outcome, as `served` has them.
        """
        same, known = _same_row(SHADOWS, PREDICTIONS), _same_row(SHADOWS, OUTCOMES)
        answered, asked = PREDICTIONS.c.version == challenger, SHADOWS.c.version == challenger
        query = (
            select(
                *_said(PREDICTIONS, SHADOWS, answered, "challenger"),
                *_said(SHADOWS, PREDICTIONS, answered, "champion"),
                OUTCOMES.c.value.label("outcome"),
            )
            .select_from(SHADOWS.join(PREDICTIONS, same).join(OUTCOMES, known))
            .where(SHADOWS.c.created_at >= since, SHADOWS.c.error_type.is_(None), answered | asked)
            .order_by(SHADOWS.c.created_at.desc())
            .limit(last)
        )
        with self.engine.connect() as connection:
            result = connection.execute(query)
            rows = pd.DataFrame(result.mappings().all(), columns=list(result.keys()))
        challengers, champions = (
            rows[[f"{who} prediction", f"{who} probabilities", "outcome"]].set_axis(SAID, axis=1)
            for who in ("challenger", "champion")
        )
        return challengers, champions

    def served(
        self,
        last: int | None = None,
        version: int | None = None,
        known: bool = False,
        since: tuple[datetime, datetime] | None = None,
        most: int | None = None,
    ) -> pd.DataFrame:
        """Return predictions with their outcomes where known, the oldest first.

        Columns: request_id, row, created_at (UTC), version, inputs (a dict), prediction,
        probabilities (a dict, None for numbers), outcome (a str, None where it is not known) and
        outcome_at (UTC), and of requests with an Idempotency-Key body_sha256 and warnings.
        last: only so many of the latest rows; version: only those that it answered; known: only
        those with an outcome; since: only those that were predicted after the one moment, or of
        whose request an outcome came after the other; most: of more, so many by
        chance, whole requests where `since` is not given.
        """
        ids = PREDICTIONS.c.request_id
        joined = PREDICTIONS.outerjoin(OUTCOMES, _same_row(OUTCOMES, PREDICTIONS))
        came = OUTCOMES.c.created_at.label("outcome_at")
        query = select(PREDICTIONS, OUTCOMES.c.value.label("outcome"), came).select_from(joined)
        query = query.order_by(
            PREDICTIONS.c.created_at.desc(), PREDICTIONS.c.request_id, PREDICTIONS.c.row.desc()
        )
        if version is not None:
            query = query.where(PREDICTIONS.c.version == version)
        if known:
            query = query.where(OUTCOMES.c.value.is_not(None))
        if since is not None:
            told = select(OUTCOMES.c.request_id).where(OUTCOMES.c.created_at > since[1])
            query = query.where((PREDICTIONS.c.created_at > since[0]) | ids.in_(told))
        if most is not None:
            # What is new is found by its moments; all rows are walked through by random ids.
            by = [ids, PREDICTIONS.c.row] if since is None else [func.random()]
            query = query.order_by(None).order_by(*by)
        with self.engine.connect() as connection:
            result = connection.execute(query.limit(last or most))
            frame = pd.DataFrame(result.mappings().all(), columns=list(result.keys()))
        if most is not None:
            return frame.sort_values("created_at", kind="stable", ignore_index=True)
        return frame.iloc[::-1].reset_index(drop=True)


def _same_row(one: Table, other: Table) -> Any:
    return (one.c.request_id == other.c.request_id) & (one.c.row == other.c.row)


def _said(table: Table, other: Table, condition: Any, who: str) -> list[Any]:
    return [
        case((condition, table.c[name]), else_=other.c[name]).label(f"{who} {name}")
        for name in SAID[:2]
    ]
