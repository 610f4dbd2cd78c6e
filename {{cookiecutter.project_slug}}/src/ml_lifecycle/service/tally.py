"""Requests, counted as they pass, and a line of them a minute in the ledger.

In: what is asked of one process. Out: rows of `traffic`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, perf_counter

from ..ledger import Ledger
from ..ledger.traffic import Traffic, write_traffic

MINUTE = 60.0  # seconds between two lines


class Tally:
    """What one process was asked since its last line."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.traffic, self.written = Traffic(), monotonic()

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
            now = self.traffic
            now.requests += 1
            now.failed += failed
            now.seconds += perf_counter() - started

    def write(self, ledger: Ledger, version: int, pause: float = MINUTE) -> None:
        """Write a line if somebody asked, and the last one is old enough."""
        if not self.traffic.requests or monotonic() - self.written < pause:
            return
        taken, self.traffic, self.written = self.traffic, Traffic(), monotonic()
        write_traffic(ledger, version, taken)
