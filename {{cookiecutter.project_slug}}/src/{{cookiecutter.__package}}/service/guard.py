"""What stands before every request: keys, a cap on bodies, a limit for slow clients.

In: raw ASGI requests. Out: the same, if they may pass; else 401, 408 or 413. Keys come from
SERVICE_API_KEYS (comma-separated, so that an old and a new one are valid at once).
"""

import asyncio
import hmac
import os

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import WrongUse
from ..settings import Service

OPEN = ("/health/", "/ping", "/metrics")


def api_keys() -> list[bytes]:
    """Return the valid keys; raise `WrongUse` in production without any."""
    keys = [key.strip().encode() for key in os.environ.get("SERVICE_API_KEYS", "").split(",")]
    keys = [key for key in keys if key]
    if in_production() and not keys:
        raise WrongUse("ENVIRONMENT is production, but SERVICE_API_KEYS is empty")
    return keys


def in_production() -> bool:
    """Return whether the environment says that this is production."""
    return os.environ.get("ENVIRONMENT", "development") == "production"


class Guard:
    """ASGI middleware that lets nothing large, slow or without a key into the application."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        """Guard `app` within the limits of [service]."""
        self.app = app
        self.service = service
        self.keys = api_keys()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if not self._may_enter(scope):
            await _refuse(401, "a valid X-API-Key is needed", scope, receive, send)
            return
        try:
            async with asyncio.timeout(self.service.deadline_seconds):
                body = await self._read(receive)
        except TimeoutError:
            await _refuse(408, "the request came too slowly", scope, receive, send)
            return
        if body is None:
            limit = f"the body is larger than {self.service.body_kilobytes} KiB"
            await _refuse(413, limit, scope, receive, send)
            return
        await self.app(scope, _replay(body, receive), send)

    def _may_enter(self, scope: Scope) -> bool:
        if not self.keys or scope["path"] == "/" or scope["path"].startswith(OPEN):
            return True
        given = dict(scope["headers"]).get(b"x-api-key", b"")
        # Every key is compared, so that the time taken says nothing about which one was close.
        return any([hmac.compare_digest(given, key) for key in self.keys])

    async def _read(self, receive: Receive) -> bytes | None:
        body = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return body
            body += message.get("body", b"")
            if len(body) > self.service.body_kilobytes * 1024:
                return None
            if not message.get("more_body"):
                return body


def _replay(body: bytes, receive: Receive) -> Receive:
    parts: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return parts.pop() if parts else await receive()

    return again


async def _refuse(status: int, why: str, scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"detail": why}, status_code=status)(scope, receive, send)
