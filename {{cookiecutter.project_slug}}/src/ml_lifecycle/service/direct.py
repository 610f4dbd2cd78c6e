"""Routes that read a body and answer by themselves: FastAPI describes them, and stands aside.

In: the endpoint of a route that takes nothing but the request. Out: the same route without what
FastAPI does for others on every request: two exit stacks, dependencies, a second validation.
"""

from collections.abc import Awaitable, Callable
from inspect import iscoroutinefunction, signature
from typing import Any

from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send


class DirectRoute(APIRoute):
    """A route whose endpoint, if it is `async def f(request)`, is asked without any detour."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        """Take over after FastAPI has read what the endpoint takes and returns."""
        super().__init__(path, endpoint, **options)
        if iscoroutinefunction(endpoint) and [*signature(endpoint).parameters] == ["request"]:
            self.app = direct(endpoint)


def direct(endpoint: Callable[[Request], Awaitable[BaseModel]]) -> ASGIApp:
    """Return the ASGI application of an endpoint; what it raises is answered further out."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        said = await endpoint(Request(scope, receive))
        answer = Response(said.__pydantic_serializer__.to_json(said), media_type="application/json")
        await answer(scope, receive, send)

    return app
