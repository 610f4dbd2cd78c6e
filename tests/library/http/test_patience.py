"""Slow clients are dropped while others are answered; seen on real connections."""

import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from ml_lifecycle.http import patience

EACH = 160  # connections of a kind
PATIENCE = 20.0  # seconds until a condition must hold; never waited for in full when it does
HALF_HEAD = b"POST /predict HTTP/1.1\r\nHost: x\r\nX-Half"
HALF_BODY = b'POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"rows": '
SLOW = {"nothing": b"", "half a head": HALF_HEAD, "half a body": HALF_BODY}


@pytest.fixture
def impatient(
    champion: Any, over_http: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """The real service over HTTP, which waits for half a second only."""
    monkeypatch.setattr(patience, "SECONDS", 0.5)
    own = champion.copy(tmp_path)
    service = own.service.model_copy(update={"deadline_seconds": 0.5})
    return over_http(own.model_copy(update={"service": service}))


def opened(http: httpx.Client, stack: ExitStack) -> Callable[[bytes], socket.socket]:
    where = str(http.base_url.host), int(http.base_url.port or 0)

    def connect(said: bytes) -> socket.socket:
        connection = stack.enter_context(socket.create_connection(where, PATIENCE))
        connection.sendall(said)
        return connection

    return connect


def end_of(connection: socket.socket) -> bytes:
    """Return all that comes until the other side hangs up."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


def test_slow_clients_are_dropped_and_others_are_answered_meanwhile(impatient: Any) -> None:
    with impatient as http, ExitStack() as stack:
        connect = opened(http, stack)
        row = http.get("/model").json()["typical_row"]
        slow = [connect(said) for said in SLOW.values() for _ in range(EACH)]
        assert http.post("/predict", json={"rows": [row]}).status_code == 200
        ends = [end_of(connection) for connection in slow]
    assert {end[:12] for end in ends[: 2 * EACH]} == {b""}
    assert {end[:12] for end in ends[2 * EACH :]} == {b"HTTP/1.1 408"}


def test_who_keeps_a_connection_and_becomes_slow_is_dropped_too(impatient: Any) -> None:
    with impatient as http, ExitStack() as stack:
        connection = opened(http, stack)(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" + HALF_HEAD)
        assert end_of(connection).startswith(b"HTTP/1.1 200")


def test_a_head_without_an_end_is_cut_off(impatient: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "SECONDS", PATIENCE)
    with impatient as http, ExitStack() as stack:
        connection = opened(http, stack)(b"GET /ping HTTP/1.1\r\nX: ")
        with pytest.raises(OSError):  # noqa: PT011 # a reset, or a pipe that broke
            connection.sendall(b"x" * 2**26)
        assert http.get("/ping").status_code == 200


def test_many_requests_of_one_patient_connection_are_answered(impatient: Any) -> None:
    with impatient as http, ExitStack() as stack:
        connection = opened(http, stack)(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        assert end_of(connection).count(b"HTTP/1.1 200 OK") == 2000
