"""Nobody without a key, nobody slow and no body that is too large; and no answer is cut short."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from ml_lifecycle.http import AccessSettings, Guard
from ml_lifecycle.service.forms import Failed
from project.service import build
from world import Champion

Receive = Callable[[], Awaitable[dict[str, Any]]]
DEADLINE = 0.05


def asked(app: Any, receive: Receive, length: int | None = None) -> tuple[int, bytes]:
    """Return status and body of what `app` answers to a POST; length: that its header claims."""
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    about = {"http_version": "1.1", "query_string": b"", "raw_path": b"/predict", "root_path": ""}
    scope = {"type": "http", "method": "POST", "path": "/predict", "headers": headers} | about
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    async def ask() -> None:
        async with asyncio.timeout(10):
            await app(scope, receive, send)

    asyncio.run(ask())
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent)


def chunks(parts: Iterator[bytes]) -> Receive:
    """Return what receives a body part by part, and then waits for ever, as a patient client."""

    async def receive() -> dict[str, Any]:
        for part in parts:
            return {"type": "http.request", "body": part, "more_body": True}
        await asyncio.Event().wait()
        raise AssertionError

    return receive


def large(taken: list[int]) -> Iterator[bytes]:
    """Yield 16 MiB, and tell how much of it was taken."""
    for _ in range(256):
        taken.append(2**16)
        yield bytes(2**16)


@pytest.fixture
def app(served: Any) -> Any:
    """The real application, with a short deadline."""
    service = served.settings.service.model_copy(update={"deadline_seconds": DEADLINE})
    return build(served.server, served.settings.project, service, [])


@pytest.mark.parametrize("length", [None, 10, 2**40])
def test_a_body_that_is_too_large_is_refused_at_the_cap_whatever_its_header_says(
    app: Any, champion: Champion, length: int | None
) -> None:
    taken: list[int] = []
    status, body = asked(app, chunks(large(taken)), length)
    assert status == 413
    assert Failed.model_validate_json(body, extra="forbid").detail == "the body is too large"
    assert sum(taken) <= 1024 * champion.settings.service.body_kilobytes + 2**16


def test_a_body_that_does_not_come_in_time_is_refused(app: Any) -> None:
    status, body = asked(app, chunks(iter([b'{"rows": '])))
    assert status == 408
    assert Failed.model_validate_json(body, extra="forbid").detail == "the request came too slowly"


def test_an_answer_may_take_longer_than_a_body() -> None:
    async def slow(scope: Any, receive: Receive, send: Callable[[Any], Awaitable[None]]) -> None:
        assert not (await receive())["more_body"]
        # As a streamed answer does: it listens for a client that leaves, until it is done.
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})

    left = iter([{"type": "http.request", "body": b"{}", "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in left:
            return message
        passed = asyncio.Event()
        asyncio.get_running_loop().call_later(3 * DEADLINE, passed.set)
        await passed.wait()
        return {"type": "http.disconnect"}

    assert asked(Guard(slow, AccessSettings(deadline_seconds=DEADLINE), []), receive)[0] == 200
