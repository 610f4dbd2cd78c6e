"""Routes that read a body and answer by themselves: FastAPI describes them, and stands aside.

In: the endpoint of a route that takes nothing but the request. Out: the same route without what
FastAPI does for others on every request: two exit stacks, dependencies, a second validation; and a
short way to such routes, past the search among all.
"""

import logging
import traceback
from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction, signature
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

log = logging.getLogger(__name__)


class DirectRoute(APIRoute):
    """A route whose endpoint, if it is `async def f(request)`, is asked without any detour."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Take over after FastAPI has read what the endpoint takes and returns."""
        super().__init__(path, endpoint, **options)
        takes = [*signature(endpoint).parameters]
        self.direct = iscoroutinefunction(endpoint) and takes == ["request"]
        if self.direct:
            self.app = _answering(endpoint)


def _answering(endpoint: Callable[[Request], Awaitable[BaseModel | Response]]) -> ASGIApp:
    """Return the ASGI application of an endpoint; what it raises is answered further out."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        said = await endpoint(Request(scope, receive))
        if isinstance(said, Response):
            return await said(scope, receive, send)
        body = said.__pydantic_serializer__.to_json(said)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return app


def short_way(app: FastAPI) -> ASGIApp:
    """Return `app` with its direct routes found at once; each has the middleware of all others."""
    routes = [route for route in app.routes if isinstance(route, DirectRoute) and route.direct]
    # Of two routes with one path the first answers, as elsewhere.
    known = {(m, route.path): route for route in reversed(routes) for m in route.methods or ()}

    async def found(scope: Scope, receive: Receive, send: Send) -> None:
        scope["route"] = known[scope["method"], scope["path"]]
        await scope["route"].app(scope, receive, send)

    handlers: Any = app.exception_handlers
    way: ASGIApp = ExceptionMiddleware(found, handlers=handlers)
    for one in reversed(app.user_middleware):
        way = one.cls(way, *one.args, **one.kwargs)
    way = ServerErrorMiddleware(way)

    async def enter(scope: Scope, receive: Receive, send: Send) -> None:
        direct = scope["type"] == "http" and (scope["method"], scope["path"]) in known
        try:
            await (way if direct else app)(scope, receive, send)
        except Exception as error:
            if scope["type"] != "http":
                raise
            # It was answered with 500 by now. Its words may hold what was sent, so they go nowhere.
            at = traceback.extract_tb(error.__traceback__)[-1]
            what = type(error).__name__
            log.error("%s at line %s of %s, in %s", what, at.lineno, at.filename, at.name)

    return enter
