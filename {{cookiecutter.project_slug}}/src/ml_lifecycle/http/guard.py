"""What stands before every request: keys and tokens, a rate, a cap for bodies and slow clients.

In: raw ASGI requests. Out: the same, if they may pass; else 401, 408, 413, 415, 422, 429 or 503.
"""

from math import ceil

from anyio import CapacityLimiter, to_thread
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..platforms import health_routes
from ..project import in_production
from .bodies import within_limits
from .keys import owner
from .rate import Rate
from .settings import AccessSettings
from .tokens import IssuerAway, Tokens

OPEN = ("/health/", "/ping", "/page.")
BEARER = b"bearer "
WHO = "a valid X-API-Key is needed"
WHO_OR_TOKEN = "a valid X-API-Key or bearer token is needed"


class Guard:
    """ASGI middleware that lets nobody in who may not, and nobody be slow or ask for too much."""

    def __init__(self, app: ASGIApp, access: AccessSettings, keys: list[bytes]) -> None:
        """Guard `app`; keys: of callers, none (and no issuer in `access`) to let everybody in."""
        self.app, self.access, self.keys = app, access, keys
        self.issuer = access.oidc_issuer
        self.tokens = Tokens(self.issuer, access.oidc_audience)
        self.rate = Rate(access.rate_per_second)
        # An issuer that does not answer may hold up those who bring tokens, and nobody else.
        self.checking = CapacityLimiter(4)
        self.most = 1024 * access.body_kilobytes
        self.open = {"/", *health_routes()}
        if access.open_metrics or not in_production():
            self.open.add("/metrics")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it here."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        refusal = None if self._is_open(scope["path"]) else await self._refusal(headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        encoding = headers.get(b"content-encoding", b"")
        limited = within_limits(receive, self.access.deadline_seconds, self.most, encoding)
        await self.app(scope, limited, send)

    def _is_open(self, path: str) -> bool:
        return path in self.open or path.startswith(OPEN)

    async def _refusal(self, headers: dict[bytes, bytes]) -> JSONResponse | None:
        """Return what is answered to who may not pass."""
        who = "everybody"
        if self.keys or self.issuer:
            try:
                who = await self._owner(headers)
            except IssuerAway:
                away = "whose token it is cannot be said: the issuer does not answer"
                return JSONResponse({"detail": away}, 503, {"Retry-After": "5"})
        if not who:
            needed = WHO_OR_TOKEN if self.issuer else WHO
            ask = {"WWW-Authenticate": "Bearer"} if self.issuer else None
            return JSONResponse({"detail": needed}, 401, ask)
        if wait := self.rate.wait(who):
            often = f"more than {self.access.rate_per_second:g} requests a second"
            return JSONResponse({"detail": often}, 429, {"Retry-After": str(ceil(wait))})
        return None

    async def _owner(self, headers: dict[bytes, bytes]) -> str:
        who = owner(headers.get(b"x-api-key", b""), self.keys)
        given = headers.get(b"authorization", b"")
        if who or not self.issuer or given[: len(BEARER)].lower() != BEARER:
            return who
        token = given[len(BEARER) :].strip().decode("latin-1")
        return await to_thread.run_sync(self.tokens.owner, token, limiter=self.checking)
