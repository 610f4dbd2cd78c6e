"""Counters and times in Prometheus' format.

In: requests, as they pass. Out: text for /metrics.
"""

import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Metrics:
    """What /metrics shows; each application has its own."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "http_requests", "Requests", ["path", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "http_request_duration_seconds", "Time to answer", ["path"], registry=self.registry
        )

    def gauge(self, name: str, what: str, read: Callable[[], float]) -> None:
        """Show a number that is read whenever somebody asks."""
        Gauge(name, what, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """Return all of it in Prometheus' format."""
        return generate_latest(self.registry)


class CountRequests:
    """ASGI middleware that counts each request, by its route and status, and takes its time."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Count what `app` answers."""
        self.app, self.metrics = app, metrics
        self.known: dict[tuple[str, int], tuple[Counter, Histogram]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it when it is over."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started, status = time.perf_counter(), 500

        async def sent(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            path = getattr(scope.get("route"), "path", "unknown")
            count, seconds = self._of(path, status)
            count.inc()
            seconds.observe(time.perf_counter() - started)

    def _of(self, path: str, status: int) -> tuple[Counter, Histogram]:
        """Return what counts these requests, looked up once: the library asks the environment."""
        if (path, status) not in self.known:
            found = self.metrics.requests.labels(path, status), self.metrics.seconds.labels(path)
            self.known[path, status] = found
        return self.known[path, status]
