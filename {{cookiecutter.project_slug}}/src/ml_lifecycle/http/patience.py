"""A connection on which nothing comes is closed: uvicorn waits for headers for ever.

In: bytes of a connection. Out: uvicorn's own protocol for HTTP, which gives up on who sends a
request's head too slowly or without an end. Bodies are the guard's, who can still answer.
"""

from asyncio import TimerHandle
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from .joined import Joined

SECONDS = 5.0  # for the head of a request, from its first byte or from the connection on
MOST = 64 * 1024  # bytes of it


class Impatient(HttpToolsProtocol):
    """HTTP for callers who send the head of a request within `SECONDS`, in `MOST` bytes."""

    _head: TimerHandle | None = None
    _size = 0

    def connection_made(self, transport: Any) -> None:
        """Wait for the first head."""
        joined: Any = Joined(transport, self.loop, self.tasks)
        super().connection_made(joined)
        self._expect()

    def on_message_begin(self) -> None:
        """Wait for the rest of a head, unless somebody does."""
        super().on_message_begin()
        if self._head is None:
            self._expect()

    def on_headers_complete(self) -> None:
        """Wait no more: the head is here."""
        self._relax()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        """Read on, unless a head has no end."""
        before = self._size + len(data) if self._head else 0
        super().data_received(data)
        self._size = before if self._head else 0
        if self._size > MOST:
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._relax()
        super().connection_lost(exc)

    def _expect(self) -> None:
        self._head = self.loop.call_later(SECONDS, self.transport.close)

    def _relax(self) -> None:
        if self._head is not None:
            self._head.cancel()
        self._head = None
