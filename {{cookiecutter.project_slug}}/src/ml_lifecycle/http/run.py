"""Start the service in this process, and stop it cleanly on SIGTERM or Ctrl-C.

At SIGTERM it is no longer ready and goes on serving, until whoever sends requests has looked away;
then it takes no more, finishes those at hand, and exits with 0. A second SIGTERM ends it at once.
"""

import os
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from math import inf
from types import FrameType

import uvicorn
from fastapi import FastAPI

from ..errors import WorldBroken
from .direct import short_way
from .patience import Impatient

AT_HAND = 10  # seconds for requests at hand, at most


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, port 0 for a free one; raise `WorldBroken` if there is none."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise WorldBroken(f"cannot listen on {host}:{port}: {error.strerror}") from None


def run(app: FastAPI, listener: socket.socket, drain: float, ending: Callable[[], None]) -> None:
    """Answer until told to stop, and `drain` seconds longer; ending: called when that begins."""
    config = over_http(app)
    config.load()
    with suppress(KeyboardInterrupt):  # which uvicorn raises again when all is closed
        Server(config, drain, ending).run(sockets=[listener])


def over_http(app: FastAPI) -> uvicorn.Config:
    """Return how an application is served over HTTP."""
    return uvicorn.Config(
        short_way(app),
        http=Impatient,
        ws="none",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=AT_HAND,
    )


class Server(uvicorn.Server):
    """Uvicorn's, which at SIGTERM first goes on for a while."""

    def __init__(self, config: uvicorn.Config, drain: float, ending: Callable[[], None]) -> None:
        """Go on for `drain` seconds; ending: called when that begins."""
        super().__init__(config)
        self.drain, self.ending, self.ends = drain, ending, inf

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to end at the first SIGTERM, end at the second."""
        if sig != signal.SIGTERM:
            super().handle_exit(sig, frame)
        elif self.ends == inf:
            self.ends = time.monotonic() + self.drain
            self.ending()
            # Who keeps a connection open makes the next one, and by then to another replica.
            self.config.encoded_headers.append((b"connection", b"close"))
        else:
            # What was acknowledged is on disk, so nothing is lost that was promised.
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
            os._exit(128 + sig)  # the first process of a container is deaf to signals by default

    async def on_tick(self, counter: int) -> bool:
        """Tell whether it is time to take no more requests."""
        self.should_exit = self.should_exit or time.monotonic() >= self.ends
        return await super().on_tick(counter)
