"""Answers leave together: a head with its body, and under load those of one turn of the loop.

In: what uvicorn writes, a head and a body apart. Out: one write for both. To wake a caller costs a
system more than all that it is sent; so who is answered in one turn is woken at its end.
"""

from asyncio import AbstractEventLoop, Task
from typing import Any


class Joined:
    """A transport that keeps what is written until the loop's next turn, at most."""

    def __init__(self, transport: Any, loop: AbstractEventLoop, tasks: set[Task[None]]) -> None:
        """Write to `transport`; tasks: of the requests that are being answered."""
        self.transport, self.loop, self.tasks = transport, loop, tasks
        self.parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Keep a head, and send it with its body: at once if nobody else is being answered."""
        if not self.parts:
            self.loop.call_soon(self.flush)
        self.parts.append(data)
        if len(self.parts) > 1 and len(self.tasks) == 1:
            self.flush()

    def flush(self) -> None:
        """Send what was kept."""
        if self.parts:
            self.transport.write(b"".join(self.parts))
            self.parts.clear()

    def close(self) -> None:
        """Send what was kept, and close."""
        self.flush()
        self.transport.close()

    def __getattr__(self, name: str) -> Any:
        """Be the transport in all else."""
        return getattr(self.transport, name)
