"""Start the service in this process, and stop it cleanly on SIGTERM or Ctrl-C."""

import socket

import uvicorn
from fastapi import FastAPI

from ..errors import WorldBroken
from .direct import short_way


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket, port 0 for a free one; raise `WorldBroken` if there is none."""
    try:
        return socket.create_server((host, port))
    except OSError as error:
        raise WorldBroken(f"cannot listen on {host}:{port}: {error.strerror}") from None


def run(app: FastAPI, listener: socket.socket) -> None:
    """Answer until told to stop."""
    config = uvicorn.Config(
        short_way(app), log_level="warning", access_log=False, timeout_graceful_shutdown=10
    )
    uvicorn.Server(config).run(sockets=[listener])
