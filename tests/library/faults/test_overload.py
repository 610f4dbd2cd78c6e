"""Too many requests, a model that hangs, slow clients, swaps, and a registry that is away."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fault_callers import PATIENCE, Callers, until
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.release.champion import serving
from ml_lifecycle.release.promotion import move
from ml_lifecycle.release.questions.verdict import Verdict
from world import Champion, Settings, write_toml

# Serves as `serve` does, with a pipeline that takes 5 ms a row and waits for ever on one plan.
SLOW = """
import sys, threading, time
sys.path[:0] = PATH
import world
from dataclasses import replace
from ml_lifecycle.service import slot
from project import service, settings

class Slow:
    def __init__(self, model): self.model = model
    def __getattr__(self, name): return getattr(self.model, name)
    def predict_proba(self, frame):
        if (frame["plan"] == "hangs").any(): threading.Event().wait()
        time.sleep(0.005 * len(frame))
        return self.model.predict_proba(frame)

made = slot.ready
def ready(*given):
    loaded = made(*given)
    release = replace(loaded.release, model=Slow(loaded.release.model))
    return replace(loaded, release=release, compiled=replace(loaded.compiled, score=None))
slot.ready = ready
service.serve(settings.load())
"""


@pytest.fixture
def own(champion: Champion, tmp_path: Path) -> Settings:
    return champion.copy(tmp_path)


@pytest.fixture
def row(champion: Champion) -> dict[str, Any]:
    return dict(champion.release.manifest.typical_row)


@pytest.fixture
def slow(own: Settings, process_of: Any) -> Any:
    code = SLOW.replace("PATH", repr(sys.path))
    return process_of(own, command=[sys.executable, "-c", code], port=0)


def megabytes(process: Any) -> float:
    status = Path(f"/proc/{process.pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def test_four_times_the_capacity_for_half_a_minute(slow: Any, row: dict[str, Any]) -> None:
    with slow as (process, address):
        with Callers(address, {"rows": [row] * 50}, number=4) as few:
            until(lambda: few.statuses[200] >= 20)
        before, rows = megabytes(process), {"rows": [row] * 50}
        with Callers(address, rows, number=64) as many:
            ends = time.monotonic() + 30
            until(lambda: time.monotonic() > ends)
            after = megabytes(process)
        started = time.monotonic()
        answer = httpx.post(f"{address}/predict", json={"rows": [row]}, timeout=PATIENCE)
        back = time.monotonic() - started
    print(f"{dict(many.statuses)}; {before:.0f} MB, then {after:.0f}; back after {back:.2f} s")
    assert set(many.statuses) <= {200, 503, 504}
    assert many.statuses[503] > 0
    assert many.statuses[200] > 100
    assert not many.unsaid
    assert not many.lost
    assert answer.status_code == 200
    assert back < 2
    assert after - before < 50


def test_a_model_that_hangs(slow: Any, row: dict[str, Any]) -> None:
    with slow as (process, address):
        statuses: list[int] = []

        def stuck() -> None:
            body = {"rows": [row | {"plan": "hangs"}]}
            answer = httpx.post(f"{address}/predict", json=body, timeout=PATIENCE)
            statuses.append(answer.status_code)

        asking = [threading.Thread(target=stuck) for _ in range(12)]
        for thread in asking:
            thread.start()
        while any(thread.is_alive() for thread in asking):
            assert httpx.get(f"{address}/health/live", timeout=1).status_code == 200
            fine = httpx.post(f"{address}/predict", json={"rows": [row]}, timeout=PATIENCE)
            assert fine.status_code == 200
        assert statuses == [504] * 12
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0, "threads that hang do not keep it from ending"


def test_500_slow_clients_are_dropped_while_others_are_answered(
    own: Settings, row: dict[str, Any], process_of: Any
) -> None:
    half = b"POST /predict HTTP/1.1\r\nHost: x\r\n"
    said = [b"", half + b"X-Half", half + b'Content-Length: 100\r\n\r\n{"rows": ']
    with process_of(own, "--port", "0") as (_, address), contextlib.ExitStack() as stack:
        host, port = address.removeprefix("http://").split(":")
        http = stack.enter_context(httpx.Client(base_url=address, timeout=PATIENCE))
        started, slow = time.monotonic(), []
        for n in range(501):
            slow.append(stack.enter_context(socket.create_connection((host, int(port)), PATIENCE)))
            slow[-1].sendall(said[n % 3])
        taken = []
        for _ in range(100):
            asked = time.monotonic()
            assert http.post("/predict", json={"rows": [row]}).status_code == 200
            taken.append(time.monotonic() - asked)
        for connection in slow:
            while connection.recv(65536):
                pass
        dropped = time.monotonic() - started
    print(f"all gone after {dropped:.1f} s; the slowest of 100 others {max(taken) * 1000:.0f} ms")
    assert dropped < 15
    assert sorted(taken)[94] < 0.2


@contextlib.contextmanager
def corrupt(settings: Settings, number: int) -> Iterator[None]:
    """Let no copy of a version's model be what was signed."""
    version = settings.registry.wanted(number)
    root = settings.project.root
    paths = [settings.registry.local(version) / "model.skops"]
    paths += list((root / "mlruns").rglob(f"{version.run_id}/artifacts/release/model.skops"))
    before = {path: path.read_bytes() for path in paths if path.is_file()}
    assert before
    for path, content in before.items():
        path.write_bytes(content[:-100] + bytes(100))
    try:
        yield
    finally:
        for path, content in before.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def test_50_swaps_under_8_connections_with_corrupt_releases_among_them(
    two: Settings, row: dict[str, Any], process_of: Any, tmp_path: Path
) -> None:
    said = tmp_path / "said.txt"

    def serve(number: int) -> None:
        with Ledger(two.project.ledger_url) as ledger:
            now, then = serving(ledger), two.registry.wanted(number)
            move(two.registry, ledger, "rollback", then, now, Verdict("rollback", "a test"))

    swaps = 0
    starting = process_of(two, "--port", "0", said=said, refresh_seconds=0.05)
    with starting as (_, address), httpx.Client(base_url=address, timeout=PATIENCE) as http:

        def serves(number: int) -> bool:
            return http.get("/health/ready").json()["version"] == number

        with Callers(address, {"rows": [row]}, number=8) as callers:
            for turn in range(25):
                if turn % 5 == 4:
                    with corrupt(two, 2):
                        serve(2)
                        count = turn // 5 + 1
                        until(lambda: said.read_text().count("version 2 is refused") == count)  # noqa: B023
                        assert serves(1)
                else:
                    serve(2)
                    until(lambda: serves(2))
                serve(1)
                until(lambda: serves(1))
                swaps += 2
    print(f"{swaps} swaps, {callers.statuses[200]:,} answers: {dict(callers.versions)}")
    assert swaps == 50
    assert set(callers.statuses) == {200}
    assert not callers.lost
    assert set(callers.versions) == {1, 2}


@contextlib.contextmanager
def registry_that(how: str) -> Iterator[str]:
    """Yield the address of a registry that refuses, takes and says nothing, or says too little."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        if how == "refuses":
            listener.close()
        elif how == "drips":

            def drip() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listener.accept()
                        threading.Thread(target=slowly, args=[connection], daemon=True).start()

            def slowly(connection: socket.socket) -> None:
                with contextlib.suppress(OSError):
                    for letter in b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n" * 100:
                        connection.send(bytes([letter]))
                        time.sleep(0.5)

            threading.Thread(target=drip, daemon=True).start()
        yield address


@pytest.mark.parametrize("how", ["refuses", "is silent", "drips"])
def test_without_a_registry_it_starts_from_its_last_good_copy(
    own: Settings, row: dict[str, Any], process_of: Any, how: str
) -> None:
    with registry_that(how) as uri:
        started = time.monotonic()
        env = {"MLFLOW_TRACKING_URI": uri}
        with process_of(own, "--port", "0", env=env) as (_, address):
            answer = httpx.post(f"{address}/predict", json={"rows": [row]}, timeout=PATIENCE)
            ready = time.monotonic() - started
            assert answer.status_code == 200
    print(f"a registry that {how}: ready after {ready:.1f} s")
    assert ready < 10


@pytest.mark.parametrize("how", ["refuses", "is silent"])
def test_without_a_copy_it_is_alive_and_not_ready_until_one_comes(
    own: Settings, row: dict[str, Any], tmp_path: Path, how: str
) -> None:
    away = tmp_path / "away"
    shutil.move(own.project.root / "releases", away)
    write_toml(own.project.root, {})
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", own.project.package, "serve", "--port", str(port)]
    with registry_that(how) as uri:
        env = os.environ | {"MLFLOW_TRACKING_URI": uri}
        with subprocess.Popen(command, cwd=own.project.root, env=env) as process:
            try:
                until(lambda: _status(address, "/health/live") == 200)
                assert _status(address, "/health/ready") == 503
                refused = httpx.post(f"{address}/predict", json={"rows": [row]})
                assert (refused.status_code, refused.headers["Retry-After"]) == (503, "5")
                shutil.copytree(away, own.project.root / "releases", dirs_exist_ok=True)
                until(lambda: _status(address, "/health/ready") == 200)
                answer = httpx.post(f"{address}/predict", json={"rows": [row]}, timeout=PATIENCE)
                assert answer.status_code == 200
                process.send_signal(signal.SIGTERM)
                assert process.wait(PATIENCE) == 0
            finally:
                process.kill()


def _status(address: str, path: str) -> int:
    try:
        return httpx.get(f"{address}{path}", timeout=PATIENCE).status_code
    except httpx.TransportError:
        return 0


def test_told_to_end_before_it_is_ready_it_ends(own: Settings, process_of: Any) -> None:
    shutil.rmtree(own.project.root / "releases")
    command = [sys.executable, "-m", own.project.package, "serve", "--port", "0"]
    write_toml(own.project.root, {})
    env = os.environ | {"MLFLOW_TRACKING_URI": "http://127.0.0.1:9"}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=own.project.root, env=env, stderr=pipe, text=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if re.search("alive, and not ready", line):
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
