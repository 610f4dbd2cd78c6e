"""How many requests a version was asked, how many failed, and how long they took.

In: requests, counted as they pass. Out: a line a minute in the ledger, and sums of these. No row,
and nobody's request, is in them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from time import monotonic, perf_counter

from sqlalchemy import func, insert, select

from .database import Ledger, now
from .tables import TRAFFIC

MINUTE = 60.0  # seconds between two lines


@dataclass
class Traffic:
    """Requests of a stretch of time; failed: by no fault of the caller; seconds: of all of them."""

    requests: int = 0
    failed: int = 0
    seconds: float = 0.0


@dataclass
class Tally:
    """What one process was asked since its last line."""

    traffic: Traffic = field(default_factory=Traffic)
    written: float = field(default_factory=monotonic)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what happens inside as one request."""
        started, failed = perf_counter(), 0
        try:
            yield
        except Exception as error:
            failed = int(getattr(error, "status_code", 500) >= 500)
            raise
        finally:
            self.traffic.requests += 1
            self.traffic.failed += failed
            self.traffic.seconds += perf_counter() - started

    def write(self, ledger: Ledger, version: int, pause: float = MINUTE) -> None:
        """Write a line if somebody asked, and the last one is old enough."""
        if not self.traffic.requests or monotonic() - self.written < pause:
            return
        taken = replace(self.traffic)
        write_traffic(ledger, version, taken)
        self.written = monotonic()
        for name, value in vars(taken).items():
            setattr(self.traffic, name, getattr(self.traffic, name) - value)


def write_traffic(ledger: Ledger, version: int, taken: Traffic) -> None:
    """Commit a line of `traffic`."""
    with ledger.engine.begin() as connection:
        row = {"created_at": now(), "version": version} | vars(taken)
        connection.execute(insert(TRAFFIC), row)


def traffic_of(ledger: Ledger, version: int, until: str = "") -> tuple[Traffic, Traffic]:
    """Return what a version was asked up to a moment (ISO 8601, "" for none), and after it."""
    named = [TRAFFIC.c[name] for name in vars(Traffic())]
    query = select(*(func.coalesce(func.sum(one), 0) for one in named)).filter_by(version=version)
    moment = datetime.fromisoformat(until) if until else datetime.min.replace(tzinfo=UTC)
    parts = [
        query.where(TRAFFIC.c.created_at <= moment),
        query.where(TRAFFIC.c.created_at > moment),
    ]
    with ledger.engine.connect() as connection:
        found = [connection.execute(part).one() for part in parts]
    before, after = (Traffic(int(one[0]), int(one[1]), float(one[2])) for one in found)
    return before, after
