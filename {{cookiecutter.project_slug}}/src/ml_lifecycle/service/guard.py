"""What stands before every request: keys, and a limit for slow clients.

In: raw ASGI requests. Out: the same, if they may pass; else 401 or 408. Keys come from
SERVICE_API_KEYS (comma-separated, so that an old and a new one are valid at once).
"""

import asyncio
import hmac
import os

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import WrongUse
from ..project import in_production

OPEN = ("/health/", "/ping", "/metrics")


def api_keys() -> list[bytes]:
    """Return the valid keys; raise `WrongUse` in production without any."""
    given = os.environ.get("SERVICE_API_KEYS", "").split(",")
    keys = [key.strip().encode() for key in given if key.strip()]
    if in_production() and not keys:
        raise WrongUse("ENVIRONMENT is production, but SERVICE_API_KEYS is empty")
    return keys


class Guard:
    """ASGI middleware that lets nobody without a key in, and nobody be slow.

    deadline: seconds in which a body has to be here; keys: none to let everybody in.
    """

    def __init__(self, app: ASGIApp, deadline: float, keys: list[bytes]) -> None:
        """Guard `app`."""
        self.app, self.deadline, self.keys = app, deadline, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self._may_enter(scope):
            await self.app(scope, self._in_time(receive), send)
        else:
            answer = JSONResponse({"detail": "a valid X-API-Key is needed"}, 401)
            await answer(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        if not self.keys or scope["path"] == "/" or scope["path"].startswith(OPEN):
            return True
        given = dict(scope["headers"]).get(b"x-api-key", b"")
        # Every key is compared, so that the time taken says nothing about which one was close.
        return any([hmac.compare_digest(given, key) for key in self.keys])

    def _in_time(self, receive: Receive) -> Receive:
        """Return what receives a body by the deadline, and then waits as long as it takes."""
        end, more = asyncio.get_running_loop().time() + self.deadline, True

        async def received() -> Message:
            nonlocal more
            try:
                async with asyncio.timeout_at(end if more else None):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the request came too slowly") from None
            more = bool(message.get("more_body", False))
            return message

        return received
