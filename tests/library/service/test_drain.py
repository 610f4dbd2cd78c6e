"""A service that is told to end loses nobody's request, and ends; seen on the real process."""

import json
import signal
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import httpx
import pytest
from ml_lifecycle.ledger.database import Ledger
from world import Champion, Settings

PATIENCE = 20.0  # seconds until a condition must hold; never waited for in full when it does


@pytest.fixture
def own(champion: Champion, tmp_path: Any) -> Settings:
    return champion.copy(tmp_path)


@pytest.fixture
def started(own: Settings, process_of: Any) -> Callable[..., Any]:
    """Serve in a process of its own within a `with`; yields it and its address."""
    return lambda drain, *words: process_of(own, *words, drain_seconds=drain)


def status(address: str, path: str) -> int:
    return httpx.get(f"{address}{path}", timeout=PATIENCE).status_code


def until_not_ready(address: str) -> None:
    started = time.monotonic()
    while status(address, "/health/ready") != 503:
        assert time.monotonic() - started < PATIENCE


def until_refused(address: str) -> None:
    started = time.monotonic()
    with suppress(httpx.TransportError):
        while status(address, "/ping"):
            assert time.monotonic() - started < PATIENCE


def body_of(address: str) -> bytes:
    row = httpx.get(f"{address}/model", timeout=PATIENCE).json()["typical_row"]
    return json.dumps({"rows": [row]}).encode()


def test_after_sigterm_it_is_not_ready_and_serves_for_the_stated_time(
    started: Any, own: Settings
) -> None:
    with started(2.0, "--port", "0") as (process, address), httpx.Client() as kept:
        body, answered = body_of(address), 0
        assert kept.get(f"{address}/ping").headers.get("connection") != "close"
        told = time.monotonic()
        process.send_signal(signal.SIGTERM)
        until_not_ready(address)
        closing = False
        try:
            while time.monotonic() - told < PATIENCE:
                answer = httpx.post(f"{address}/predict", content=body, timeout=PATIENCE)
                assert answer.status_code == 200
                answered += 1
                closing = closing or answer.headers.get("connection") == "close"
        except httpx.TransportError:
            served = time.monotonic() - told
        assert process.wait(PATIENCE) == 0
        assert 2.0 <= served < PATIENCE
        assert closing, "callers that keep a connection were told to look elsewhere"
    with Ledger(own.project.ledger_url) as ledger:
        assert len(ledger.served()) in (answered, answered + 1)


def test_a_request_at_hand_is_finished_when_no_more_are_taken(started: Any, own: Settings) -> None:
    with started(0.0, "--port", "0") as (process, address):
        body, (host, port) = body_of(address), address.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), PATIENCE) as slow:
            head = f"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            slow.sendall(head.encode() + body[:10])
            assert status(address, "/ping") == 200, "what was sent before is at hand by now"
            process.send_signal(signal.SIGTERM)
            until_refused(address)
            slow.sendall(body[10:])
            answer = b"".join(iter(lambda: slow.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert process.wait(PATIENCE) == 0
    with Ledger(own.project.ledger_url) as ledger:
        assert len(ledger.served()) == 1


def test_a_second_sigterm_ends_it_at_once(started: Any) -> None:
    with started(600.0, "--port", "0") as (process, address):
        process.send_signal(signal.SIGTERM)
        until_not_ready(address)
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == -signal.SIGTERM


def test_who_presses_ctrl_c_does_not_wait_and_is_told_of_no_failure(
    started: Any, own: Settings
) -> None:
    # Who runs the tests in the background may have left the signal ignored, and children with it.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with started(600.0, "--port", "0") as (process, _):
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 0
    finally:
        signal.signal(signal.SIGINT, before)
    assert (own.project.root / "said.txt").read_text() == ""


def test_vertex_names_the_port_and_the_command_line_goes_before(
    started: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("AIP_HTTP_PORT", str(port))
    monkeypatch.setenv("AIP_HEALTH_ROUTE", "/v1/health")
    with started(0.0) as (process, address):
        assert address == f"http://0.0.0.0:{port}"
        assert status(f"http://127.0.0.1:{port}", "/v1/health") == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    with started(0.0, "--port", "0", "--host", "127.0.0.1") as (_, address):
        assert address.startswith("http://127.0.0.1:")
        assert not address.endswith(f":{port}")
