"""Callers of a service, each on a connection that is kept: who is answered asks again at once.

In: a port of this machine, whole requests as bytes. Out: the seconds that each answer took.
"""

import asyncio
import time
from typing import Any


class Caller(asyncio.Protocol):
    """One connection: asks, waits for the whole answer, which has to be 200, and asks again."""

    def __init__(self, requests: list[bytes], start: int, seconds: list[float]) -> None:
        self.requests, self.number, self.seconds = requests, start, seconds

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.number, self.found, self.needed = self.number + 1, b"", -1
        self.sent = time.perf_counter()
        self.transport.write(self.requests[self.number % len(self.requests)])

    def data_received(self, data: bytes) -> None:
        self.found += data
        if self.needed < 0 and (end := self.found.find(b"\r\n\r\n")) >= 0:
            head = self.found[:end].lower()
            assert b" 200 " in head[:20], self.found[:500]
            self.needed = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if 0 <= self.needed <= len(self.found):
            self.seconds.append(time.perf_counter() - self.sent)
            self.ask()


async def load(port: int, requests: list[bytes], callers: int, seconds: float) -> list[float]:
    """Return the seconds of each answer while so many callers ask; the first third is not taken."""
    loop, taken = asyncio.get_running_loop(), list[float]()
    for n in range(callers):
        await loop.create_connection(lambda n=n: Caller(requests, 7 * n, taken), "127.0.0.1", port)
    await asyncio.sleep(seconds / 3)
    taken.clear()
    await asyncio.sleep(seconds)
    return taken
