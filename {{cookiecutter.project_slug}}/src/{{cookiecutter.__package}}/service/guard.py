"""What stands before every request: keys, a cap on bodies, a limit for slow clients.

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
from ..settings import Service, in_production

OPEN = ("/health/", "/ping", "/metrics")


def api_keys() -> list[bytes]:
    """Return the valid keys; raise `WrongUse` in production without any."""
    given = os.environ.get("SERVICE_API_KEYS", "").split(",")
    keys = [key.strip().encode() for key in given if key.strip()]
    if in_production() and not keys:
        raise WrongUse("ENVIRONMENT is production, but SERVICE_API_KEYS is empty")
    return keys


class Guard:
    """ASGI middleware that lets nothing large, slow or without a key into the application."""

    def __init__(self, app: ASGIApp, service: Service, keys: list[bytes]) -> None:
        """Guard `app` within the limits of [service]."""
        self.app = app
        self.service = service
        self.keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        answer: ASGIApp = self.app
        if scope["type"] == "http":
            try:
                receive = _replay(await self._body(scope, receive), receive)
            except HTTPException as refused:
                answer = JSONResponse({"detail": refused.detail}, refused.status_code)
        await answer(scope, receive, send)

    def _may_enter(self, scope: Scope) -> bool:
        if not self.keys or scope["path"] == "/" or scope["path"].startswith(OPEN):
            return True
        given = dict(scope["headers"]).get(b"x-api-key", b"")
        # Every key is compared, so that the time taken says nothing about which one was close.
        return any([hmac.compare_digest(given, key) for key in self.keys])

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        """Return the whole body of a request that may pass, or say with an error why it may not."""
        if not self._may_enter(scope):
            raise HTTPException(401, "a valid X-API-Key is needed")
        most = self.service.body_kilobytes
        body, more = b"", True
        try:
            async with asyncio.timeout(self.service.deadline_seconds):
                while more:
                    message = await receive()
                    body += message.get("body", b"")
                    if len(body) > most * 1024:
                        raise HTTPException(413, f"the body is larger than {most} KiB")
                    more = message.get("more_body", False)  # not in a disconnect
        except TimeoutError:
            raise HTTPException(408, "the request came too slowly") from None
        return body


def _replay(body: bytes, receive: Receive) -> Receive:
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return parts.pop() if parts else await receive()

    return again
