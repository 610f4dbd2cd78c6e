"""One writer for all requests: predictions are committed in groups, before they are answered.

In: rows from many requests at once. Out: each request waits until its rows are synced to disk;
under load many share one commit, so the price is one sync of latency, not of throughput.
"""

import asyncio
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy.exc import IntegrityError

from ..http import QueueFull
from ..ledger.database import Ledger

Rows = list[dict[str, Any]]
MOST = 5000


class Waiting(NamedTuple):
    """Rows of a request, and where it waits until they are on disk."""

    rows: Rows
    done: asyncio.Future[None]


class Writer:
    """A thread with a bounded queue in front of the ledger."""

    def __init__(self, ledger: Ledger, capacity: int) -> None:
        """Let at most `capacity` rows be worked on or waiting at a time."""
        self.ledger = ledger
        self.capacity = capacity
        self.waiting = 0
        self._turn: list[Waiting] = []  # of this turn of the loop
        self._queue: queue.SimpleQueue[list[Waiting]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write; a service may start again after it stopped."""
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what is waiting, then end."""
        self._hand_over()
        self._queue.put([])
        if self._thread:
            self._thread.join()

    @contextmanager
    def reserve(self, rows: int) -> Iterator[None]:
        """Take room for so many rows while a request is worked on, or raise `QueueFull`."""
        if self.waiting + rows > self.capacity:
            raise QueueFull
        self.waiting += rows
        try:
            yield
        finally:
            self.waiting -= rows

    async def write(self, rows: Rows, end: float | None = None) -> None:
        """Return when `rows` are on disk; raise `TimeoutError` at `end`, by the loop's clock."""
        loop = asyncio.get_running_loop()
        waiting = Waiting(rows, loop.create_future())
        if not self._turn:
            loop.call_soon(self._hand_over)
        self._turn.append(waiting)
        async with asyncio.timeout_at(end):
            await waiting.done

    def _hand_over(self) -> None:
        if self._turn:
            self._queue.put(self._turn)
            self._turn = []

    def _run(self) -> None:
        ended = False
        while not ended:
            turns = [self._queue.get()]
            while turns[-1] and sum(len(one.rows) for turn in turns for one in turn) < MOST:
                try:
                    turns.append(self._queue.get_nowait())
                except queue.Empty:
                    break
            ended = not turns[-1]
            # Who has given up by now was told so, and must not be counted.
            self._commit([one for turn in turns for one in turn if not one.done.done()])

    def _commit(self, batch: list[Waiting]) -> None:
        # In one order everywhere, else two replicas could each wait for a row of the other.
        rows = sorted((row for item in batch for row in item.rows), key=itemgetter("request_id"))
        problem: Exception | None = None
        try:
            if rows:
                self.ledger.write_predictions(rows)
        except Exception as error:  # every waiting request has to hear of it
            middle = len(batch) // 2
            if middle and isinstance(error, IntegrityError):
                # A key that was written before is no business of the others.
                self._commit(batch[:middle])
                self._commit(batch[middle:])
                return
            problem = error
        if batch:
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                # All at once: each word from thread to thread costs as much as a commit's share.
                batch[0].done.get_loop().call_soon_threadsafe(_tell, batch, problem)


def _tell(batch: list[Waiting], problem: Exception | None) -> None:
    """Let requests go on whose rows are on disk, or hear why they are not."""
    for _, done in batch:
        if done.done():
            continue
        if problem:
            done.set_exception(problem)
        else:
            done.set_result(None)
