"""Work that takes long goes into threads that may be given up; there are so many, and no more.

In: a function, and how long anybody waits for it. Out: what it returns, or the reason why not.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import HTTPException

MOST = 64  # threads, those that were given up included
Result = TypeVar("Result")


class QueueFull(HTTPException):
    """More rows are being worked on than the service may hold: come again."""

    def __init__(self) -> None:
        """Answer 503."""
        super().__init__(503, "busy", headers={"Retry-After": "1"})


class Threads:
    """Threads that nobody has to wait for: not who gave a call up, and not the end of the process.

    (Those of a pool, and anyio's, are joined when the process ends.)
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.alive = 0

    async def call(self, seconds: float, function: Callable[..., Result], *args: Any) -> Result:
        """Call a function in a thread; raise `TimeoutError` when it takes longer, `QueueFull`."""
        if self.alive >= MOST:
            raise QueueFull
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Result] = loop.create_future()

        def settle(put: Callable[[Any], None], value: Any) -> None:
            self.alive -= 1
            if not done.done():
                put(value)

        def run() -> None:
            put: Callable[[Any], None] = done.set_result
            value: Any
            try:
                value = function(*args)
            except BaseException as error:  # whoever waits has to hear of it
                put, value = done.set_exception, error
            with suppress(RuntimeError):  # the loop has ended, and nobody waits
                loop.call_soon_threadsafe(settle, put, value)

        self.alive += 1
        threading.Thread(target=run, name="model", daemon=True).start()
        async with asyncio.timeout(seconds):
            return await done
