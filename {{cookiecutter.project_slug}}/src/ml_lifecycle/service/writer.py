"""One writer for all requests: predictions are committed in groups, before they are answered.

In: rows from many requests at once. Out: each request waits until its rows are synced to disk;
under load many share one commit, so the price is one sync of latency, not of throughput.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

from sqlalchemy.exc import IntegrityError

from ..ledger.database import Ledger

Rows = list[dict[str, Any]]
Waiting = tuple[Rows, Future[None]]
MOST = 5000


class QueueFull(Exception):
    """More rows are being worked on than the service may hold."""


class Writer:
    """A thread with a bounded queue in front of the ledger."""

    def __init__(self, ledger: Ledger, capacity: int) -> None:
        """Let at most `capacity` rows be worked on or waiting at a time."""
        self.ledger = ledger
        self.capacity = capacity
        self.waiting = 0
        self._queue: queue.SimpleQueue[Waiting | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write; a service may start again after it stopped."""
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, then end."""
        self._queue.put(None)
        if self._thread:
            self._thread.join()

    @contextmanager
    def reserve(self, rows: int) -> Iterator[None]:
        """Take room for so many rows while a request is worked on, or raise `Full`."""
        if self.waiting + rows > self.capacity:
            raise QueueFull
        self.waiting += rows
        try:
            yield
        finally:
            self.waiting -= rows

    async def write(self, rows: Rows) -> None:
        """Return when `rows` are on disk."""
        done: Future[None] = Future()
        self._queue.put((rows, done))
        await asyncio.wrap_future(done)

    def _run(self) -> None:
        ended = False
        while not ended:
            batch = [self._queue.get()]
            while sum(len(item[0]) for item in batch if item) < MOST:
                try:
                    batch.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            ended = None in batch
            self._commit([item for item in batch if item is not None])

    def _commit(self, batch: list[Waiting]) -> None:
        # Who has given up by now was told so, and must not be counted.
        self._settle([item for item in batch if item[1].set_running_or_notify_cancel()])

    def _settle(self, batch: list[Waiting]) -> None:
        # In one order everywhere, else two replicas could each wait for a row of the other.
        rows = sorted((row for rows, _ in batch for row in rows), key=itemgetter("request_id"))
        try:
            if rows:
                self.ledger.write_predictions(rows)
        except Exception as error:  # every waiting request has to hear of it
            middle = len(batch) // 2
            if middle and isinstance(error, IntegrityError):
                # A key that was written before is no business of the others.
                self._settle(batch[:middle])
                self._settle(batch[middle:])
                return
            for _, done in batch:
                done.set_exception(error)
        else:
            for _, done in batch:
                done.set_result(None)
