"""What stands before every request: keys, a cap for large bodies, a limit for slow clients.

In: raw ASGI requests. Out: the same, if they may pass; else 401, 408 or 413. Keys come from
SERVICE_API_KEYS (comma-separated, so that an old and a new one are valid at once).
"""

import asyncio
import hmac
import os

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import WrongUse
from ..platforms import health_routes
from ..project import in_production

OPEN = ("/health/", "/ping", "/metrics", "/page.")


def api_keys() -> list[bytes]:
    """Return the valid keys; raise `WrongUse` in production without any."""
    given = os.environ.get("SERVICE_API_KEYS", "").split(",")
    keys = [key.strip().encode() for key in given if key.strip()]
    if in_production() and not keys:
        raise WrongUse("ENVIRONMENT is production, but SERVICE_API_KEYS is empty")
    return keys


class Guard:
    """ASGI middleware that lets nobody without a key in, and nobody be slow or send too much.

    deadline: seconds in which a body has to be here; max_body_size: its bytes, at most; keys: none
    to let everybody in.
    """

    def __init__(
        self, app: ASGIApp, deadline: float, max_body_size: int, keys: list[bytes]
    ) -> None:
        """Guard `app`."""
        self.app, self.deadline, self.keys = app, deadline, keys
        self.max_body_size = max_body_size
        self.open = {"/", *health_routes()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif self._may_enter(scope):
            await self.app(scope, self._within_limits(receive), send)
        else:
            answer = JSONResponse({"detail": "a valid X-API-Key is needed"}, 401)
            await answer(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        if not self.keys or scope["path"] in self.open or scope["path"].startswith(OPEN):
            return True
        given = dict(scope["headers"]).get(b"x-api-key", b"")
        # Every key is compared, so that the time taken says nothing about which one was close.
        return any([hmac.compare_digest(given, key) for key in self.keys])

    def _within_limits(self, receive: Receive) -> Receive:
        """Return what receives a body by the deadline, and then waits as long as it takes."""
        end, more, size = asyncio.get_running_loop().time() + self.deadline, True, 0

        async def received() -> Message:
            nonlocal more, size
            try:
                async with asyncio.timeout_at(end if more else None):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, "the request came too slowly") from None
            more, size = bool(message.get("more_body")), size + len(message.get("body", b""))
            # The framework's own limit answers plain text, where every refusal of ours is JSON.
            if size > self.max_body_size:
                raise HTTPException(413, "the body is too large")
            return message

        return received
