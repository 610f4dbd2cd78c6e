"""Until the ledger and the release come: alive, not ready, and asking again.

In: a listening socket, and what opens the service. Out: what it opened. A process that ended each
time instead would be started again and again, and nobody could ask it what it lacks.
"""

import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TypeVar

import uvicorn
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from ..errors import WorldBroken
from .patience import Impatient
from .run import Server

log = logging.getLogger(__name__)
PAUSE = 5.0  # seconds between two tries
ALIVE = ("/health/live", "/ping")
Opened = TypeVar("Opened")


def when_it_comes(listener: socket.socket, attempt: Callable[[], Opened]) -> Opened:
    """Return what `attempt` returns, as soon as it raises no `WorldBroken`; answer meanwhile.

    Raises:
        SystemExit: told to end meanwhile, by SIGTERM.

    """
    # Until uvicorn takes over: the first process of a container is deaf to it by default.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        return attempt()
    except WorldBroken as error:
        log.error("alive, and not ready: %s", error)
    ended, found, raised = threading.Event(), list[Opened](), list[Exception]()
    config = uvicorn.Config(_not_ready, http=Impatient, ws="none", lifespan="off", log_config=None)
    server = Server(config, 0.0, ended.set)

    def again() -> None:
        while not ended.wait(PAUSE):
            try:
                found.append(attempt())
            except WorldBroken as error:
                log.error("still not ready: %s", error)
                continue
            except Exception as error:  # whoever called has to hear of it
                raised.append(error)
            server.should_exit = True
            return

    config.load()
    thread = threading.Thread(target=again, name="waiting", daemon=True)
    thread.start()
    server.run(sockets=[listener.dup()])
    ended.set()
    if raised:
        raise raised[0]
    if not found:
        raise SystemExit(0)
    return found[0]


async def _not_ready(scope: Scope, receive: Receive, send: Send) -> None:
    why = "neither the model nor the ledger has come yet: the log says why"
    answer = JSONResponse({"detail": why}, 503, {"Retry-After": "5"})
    if scope["path"] in ALIVE:
        answer = JSONResponse({"status": "alive"})
    await answer(scope, receive, send)
