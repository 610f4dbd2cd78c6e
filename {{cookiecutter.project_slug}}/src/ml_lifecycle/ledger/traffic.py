"""How many requests a version was asked, how many failed, and how long they took.

In: lines that services wrote, one a minute. Out: sums. No row, and nobody's request, is in them.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, insert, select

from .database import Ledger, now
from .tables import TRAFFIC


@dataclass
class Traffic:
    """Requests of a stretch of time; failed: by no fault of the caller; seconds: of all of them."""

    requests: int = 0
    failed: int = 0
    seconds: float = 0.0


def write_traffic(ledger: Ledger, version: int, taken: Traffic) -> None:
    """Commit a line of `traffic`."""
    with ledger.engine.begin() as connection:
        row = {"created_at": now(), "version": version} | vars(taken)
        connection.execute(insert(TRAFFIC), row)


def traffic_of(ledger: Ledger, version: int, until: str = "") -> tuple[Traffic, Traffic]:
    """Return what a version was asked up to a moment (ISO 8601, "" for none), and after it."""
    named = [TRAFFIC.c[name] for name in vars(Traffic())]
    query = select(*(func.coalesce(func.sum(one), 0) for one in named)).filter_by(version=version)
    if not until:
        parts = [query.where(TRAFFIC.c.id < 0), query]
    else:
        moment = datetime.fromisoformat(until)
        parts = [
            query.where(TRAFFIC.c.created_at <= moment),
            query.where(TRAFFIC.c.created_at > moment),
        ]
    with ledger.engine.connect() as connection:
        found = [connection.execute(part).one() for part in parts]
    before, after = (Traffic(int(one[0]), int(one[1]), float(one[2])) for one in found)
    return before, after
