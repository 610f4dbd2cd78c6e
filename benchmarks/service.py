"""How fast the service answers, beside `mlflow models serve` with the same model.

    cd build/render/*                  # a project with a champion: check-data, train, promote
    .venv/bin/python ../../../benchmarks/service.py
    .venv/bin/python ../../../benchmarks/service.py --kind linear --seconds 5 --times 3

The candidates of the project's ladder are fitted on its table, and their blend. Each is served in
turns by MLflow, by us without the durable log, and by us with it, each on one core (`taskset -c 0`)
with the callers on the other; callers ask again as soon as they are answered. Then: where the time
of one row goes, before (the pipeline answers) and after (its compiled form does).
"""

import argparse
import asyncio
import contextlib
import importlib
import itertools
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import timeit
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib

WORK = Path(".bench")
KINDS, WAYS = ("linear", "trees", "net", "blend"), ("mlflow", "ours", "ours, log")
LOADS = [(1, 1), (16, 1), (64, 1), (16, 100), (16, 1000)]  # callers, rows a request
BODIES = 200


def project() -> Any:
    """Return what is used of the project in this folder, and of its library."""
    found = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))
    package, _ = found["tool"]["uv"]["build-backend"]["module-name"]
    parts = argparse.Namespace()
    for name in (f"{package}.settings", f"{package}.candidates", f"{package}.service",
                 "ml_lifecycle.data", "ml_lifecycle.data.rows", "ml_lifecycle.ledger.database",
                 "ml_lifecycle.release.champion", "ml_lifecycle.release.bundle",
                 "ml_lifecycle.service.server", "ml_lifecycle.service.slot",
                 "ml_lifecycle.service.canary", "ml_lifecycle.service.answer",
                 "ml_lifecycle.service.run", "ml_lifecycle.estimators"):  # fmt: skip
        for key, value in vars(importlib.import_module(name)).items():
            setattr(parts, key, value)
    parts.set_up = parts.load()
    return parts


def fit() -> None:
    """Fit each kind once, keep it for us and for MLflow, and write the bodies of requests."""
    import mlflow.sklearn
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.pipeline import Pipeline

    ours = project()
    frame, contract = ours.load_rows(ours.set_up.project, ours.set_up.data)
    target = frame[contract.target.name]
    rungs = {rung.name: rung for rung in ours.ladder(ours.set_up.task(contract), target)}
    made = [(name, rungs[name].build(**rungs[name].initial_params[0])) for name in KINDS[:3]]
    if contract.task == "regression":
        mean: Any = VotingRegressor(made)
    else:
        mean = ours.TemperatureScaledClassifier(VotingClassifier(made, voting="soft"), 1.1)
    for name, model in [*made, ("blend", Pipeline([("model", mean)]))]:
        joblib.dump(model.fit(frame, target), WORK / f"{name}.joblib")
        how = {"serialization_format": "cloudpickle", "pip_requirements": []}
        mlflow.sklearn.save_model(model, str(WORK / name), **how)
    records = ours.to_records(frame[contract.features].tail(1000))
    (WORK / "rows.json").write_text(json.dumps(records), encoding="utf-8")


def model_server(kind: str, log: bool, compiled: bool = True) -> tuple[Any, Any]:
    """Return a server of a fitted model under the champion's contract, and what is used of it."""
    ours = project()
    ledger = ours.Ledger(f"sqlite:///{WORK / f'{os.getpid()}.db'}")
    with ours.Ledger(ours.set_up.project.ledger_url) as real:
        version = ours.champion(ours.set_up.registry, real)
    release = ours.set_up.registry.fetch(version)
    release = replace(release, model=joblib.load(WORK / f"{kind}.joblib"))
    loaded = ours.ready(version, release, ours.set_up.service)
    print(f"{kind}: {loaded.compiled.why}", file=sys.stderr)
    if not compiled:
        loaded = replace(loaded, compiled=replace(loaded.compiled, score=None))
    budget = ours.Budget(ours.set_up.rollout, 1e9)
    canary = ours.Canary(None, ledger, ours.set_up.service, budget)
    server = ours.ModelServer(ours.Slot(loaded, ledger, None), canary, ledger, ours.set_up.service)
    if not log:
        server.writer.write = unwritten
    return server, ours


async def unwritten(_: Any) -> None:
    """Keep nothing."""


def serve(kind: str, way: str, port: int) -> None:
    """Serve until told to stop."""
    server, ours = model_server(kind, way.endswith("log"))
    app = ours.build(server, ours.set_up.project, ours.set_up.service, [])
    ours.run(app, ours.listen("127.0.0.1", port))


@contextlib.contextmanager
def serving(kind: str, way: str) -> Iterator[int]:
    """Start a server on the first core; yields its port as soon as it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, __file__, "--serve", kind, way, str(port)]
    if way == "mlflow":
        command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", str(WORK / kind),
                   "-p", str(port), "--env-manager", "local"]  # fmt: skip
    with open(WORK / "log.txt", "ab") as log:
        process = subprocess.Popen(
            ["taskset", "-c", "0", *command], stdout=log, stderr=log, start_new_session=True
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.1)
            yield port
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


class Caller(asyncio.Protocol):
    """One connection that is kept: asks, waits for the whole answer, and asks again."""

    def __init__(self, requests: list[bytes], start: int, seconds: list[float]) -> None:
        self.requests, self.number, self.seconds = requests, start, seconds

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.ask()

    def ask(self) -> None:
        self.number, self.found, self.needed = self.number + 1, b"", -1
        self.sent = time.perf_counter()
        self.transport.write(self.requests[self.number % len(self.requests)])

    def data_received(self, data: bytes) -> None:
        self.found += data
        if self.needed < 0 and (end := self.found.find(b"\r\n\r\n")) >= 0:
            head = self.found[:end].lower()
            assert b" 200 " in head[:20], self.found[:500]
            self.needed = end + 4 + int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        if 0 <= self.needed <= len(self.found):
            self.seconds.append(time.perf_counter() - self.sent)
            self.ask()


async def load(port: int, requests: list[bytes], callers: int, seconds: float) -> list[float]:
    """Return the seconds of each answer while so many callers ask; the first moments don't count."""
    loop, taken = asyncio.get_running_loop(), list[float]()
    ways = [loop.create_connection(lambda n=n: Caller(requests, 7 * n, taken), "127.0.0.1", port)
            for n in range(callers)]  # fmt: skip
    made = await asyncio.gather(*ways)
    await asyncio.sleep(seconds / 3)
    taken.clear()
    await asyncio.sleep(seconds)
    found = list(taken)
    for transport, _ in made:
        transport.abort()
    return found


def requests(way: str, rows: int) -> list[bytes]:
    """Return requests with the table's rows, each in the form that the server takes."""
    records = json.loads((WORK / "rows.json").read_text(encoding="utf-8"))
    path, key = ("/invocations", "dataframe_records") if way == "mlflow" else ("/predict", "rows")
    found = []
    for number in range(BODIES if rows == 1 else 3):
        some = [records[(number * rows + n) % len(records)] for n in range(rows)]
        body = json.dumps({key: some}).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        found.append(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    return found


def where(kind: str) -> None:
    """Print the microseconds of each step of one row: in the process, without HTTP."""
    print(f"\n| {kind}: one row, µs | read, check | model, answer | as JSON | durable log |")
    print("|---|---|---|---|---|")
    for way, compiled in (("before: the pipeline", False), ("after: compiled", True)):
        server, ours = model_server(kind, True, compiled)
        loaded, body = server.slot.loaded, requests("ours", 1)[0].split(b"\r\n\r\n")[1]
        rows, found = ours._rows(loaded, body), ours.answers(loaded, ours._rows(loaded, body))
        said = ours.Predictions(request_id="r", version=1, predictions=found)
        steps: list[Callable[[], Any]] = [
            lambda: ours._rows(loaded, body),
            lambda: ours.answers(loaded, rows),
            said.model_dump_json,
            lambda: server.ledger.write_predictions(
                ours._records(uuid4().hex, rows, found, loaded)
            ),
        ]
        taken = [timeit.Timer(step).timeit(200) / 200 * 1e6 for step in steps]
        print(f"| {way} | {' | '.join(f'{one:,.0f}' for one in taken)} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--times", type=int, default=3, help="the median of so many runs is shown")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        return serve(given.serve[0], given.serve[1], int(given.serve[2]))
    WORK.mkdir(exist_ok=True)
    fit()
    os.sched_setaffinity(0, {1})
    print("| model | rows | callers | server | requests/s | p50 ms | p99 ms | × mlflow |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in given.kind or KINDS:
        taken: dict[Any, list[list[float]]] = {}
        for _, way in itertools.product(range(given.times), WAYS):
            with serving(kind, way) as port:
                for callers, rows in LOADS:
                    found = asyncio.run(load(port, requests(way, rows), callers, given.seconds))
                    taken.setdefault((rows, callers, way), []).append(found)
        for (rows, callers, way), runs in sorted(taken.items(), key=lambda item: item[0][:2]):
            seconds = sorted(runs, key=len)[len(runs) // 2]
            peer = statistics.median(map(len, taken[rows, callers, "mlflow"]))
            p50, p99 = (1e3 * statistics.quantiles(seconds, n=100)[at] for at in (49, 98))
            line = kind, rows, callers, way, f"{len(seconds) / given.seconds:,.0f}"
            print("|", *line, f"{p50:.2f}", f"{p99:.2f}", f"{len(seconds) / peer:.1f}", "|", sep=" | ")
        where(kind)


if __name__ == "__main__":
    main()
