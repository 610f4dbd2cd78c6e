"""Start the service in this process, and stop it cleanly on SIGTERM or Ctrl-C."""

import socket

import uvicorn

from ..errors import WorldBroken
from ..ledger import Ledger
from ..settings import Settings
from .app import build
from .guard import api_keys
from .slot import Slot


def serve(settings: Settings) -> None:
    """Serve the champion until told to stop; port 0 takes a free one. Says where it listens."""
    api_keys()  # refuses a production without keys before anything listens
    with Ledger(settings.ledger_url) as ledger, _listen(settings) as listener:
        slot = Slot(settings, ledger)
        app = build(settings, slot, ledger)
        host, port = listener.getsockname()[:2]
        print(f"Version {slot.loaded.version.number} serves on http://{host}:{port}", flush=True)
        config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=10)
        uvicorn.Server(config).run(sockets=[listener])


def _listen(settings: Settings) -> socket.socket:
    address = (settings.service.host, settings.service.port)
    try:
        return socket.create_server(address)
    except OSError as error:
        raise WorldBroken(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from None
