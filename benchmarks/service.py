"""How fast the service answers, beside `mlflow models serve` with the same model.

    cd build/render/*    # a project with a champion: make setup, then check-data, train, promote
    .venv/bin/python ../../../benchmarks/service.py
    .venv/bin/python ../../../benchmarks/service.py --kind linear --seconds 5 --times 3

The candidates of the project's ladder are fitted on its table, and their mean. Each is served in
turns by MLflow, by us without the durable log, and by us with it, each on one core (`taskset -c 0`)
with the callers on the other; who is answered asks again at once. Then: where the time of one row
goes, before (the pipeline answers) and after (its compiled form does), in seconds of the processor.
"""

import argparse
import asyncio
import contextlib
import importlib
import itertools
import json
import math
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import joblib
from callers import load

WORK = Path(".search/bench")  # the project keeps it out of git
KINDS, WAYS = ("linear", "trees", "net", "blend"), ("mlflow", "ours", "ours, log")
LOADS = [(1, 1), (1, 16), (1, 64), (100, 1), (100, 16), (1000, 1), (1000, 8)]  # rows, callers
USED = """PACKAGE.settings PACKAGE.candidates PACKAGE.service ml_lifecycle.data.rows
ml_lifecycle.estimators ml_lifecycle.ledger.database ml_lifecycle.release.champion
ml_lifecycle.service.answer ml_lifecycle.service.canary ml_lifecycle.http.run
ml_lifecycle.service.server ml_lifecycle.data"""


def project() -> Any:
    """Return what is used of the project in this folder, and of its library."""
    package = next(Path("src").glob("*/training.py")).parent.name
    parts = argparse.Namespace()
    for name in USED.replace("PACKAGE", package).split():
        vars(parts).update(vars(importlib.import_module(name)))
    parts.own = parts.load()
    return parts


def fit() -> None:
    """Fit each kind once, keep it for us and for MLflow, and write the rows of requests."""
    import mlflow.sklearn
    from sklearn.ensemble import VotingClassifier, VotingRegressor
    from sklearn.pipeline import Pipeline

    ours = project()
    frame, contract = ours.load_rows(ours.own.project, ours.own.data)
    target = frame[contract.target.name]
    rungs = {rung.name: rung for rung in ours.ladder(ours.own.task(contract), target)}
    made = [(name, rungs[name].build(**rungs[name].initial_params[0])) for name in KINDS[:3]]
    mean: Any = VotingRegressor(made)
    if contract.task != "regression":
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
    ledger = ours.Ledger(f"sqlite:///{WORK / f'{uuid4().hex}.db'}")
    with ours.Ledger(ours.own.project.ledger_url) as real:
        version = ours.champion(ours.own.registry, real)
    release = ours.own.registry.fetch(version)
    release = replace(release, model=joblib.load(WORK / f"{kind}.joblib"))
    loaded = ours.ready(version, release, ours.own.service)
    print(f"{kind}: {loaded.compiled.why}", file=sys.stderr)
    if not compiled:
        loaded = replace(loaded, compiled=replace(loaded.compiled, score=None))
    canary = ours.Canary(None, ledger, ours.own.service, ours.Budget(ours.own.rollout, 1e9))
    server = ours.ModelServer(ours.Slot(loaded, ledger, None), canary, ledger, ours.own.service)
    if not log:
        server.writer.write = unwritten
    return server, ours


async def unwritten(*_: Any) -> None:
    """Keep nothing of what was said."""


@contextlib.contextmanager
def serving(kind: str, way: str) -> Iterator[int]:
    """Start a server on the first core; yields its port as soon as it answers."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = ["-m", "mlflow", "models", "serve", "-m", str(WORK / kind), "--env-manager", "local"]
    command = [*command, "-p", port] if way == "mlflow" else [__file__, "--serve", kind, way, port]
    with open(WORK / "log.txt", "ab") as log:
        command = ["taskset", "-c", "0", sys.executable, *command]
        found = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        process = subprocess.Popen(
            command, stdout=log, stderr=log, env=os.environ | found, start_new_session=True
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", int(port)), 1).close()
                    break
                time.sleep(0.1)
            yield int(port)
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(30)


def requests(way: str, rows: int) -> list[bytes]:
    """Return requests with the table's rows, in the form that the server takes."""
    records = itertools.cycle(json.loads((WORK / "rows.json").read_text(encoding="utf-8")))
    path, key = ("/invocations", "dataframe_records") if way == "mlflow" else ("/predict", "rows")
    head = f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: "
    for_each = (list(itertools.islice(records, rows)) for _ in range(200 if rows == 1 else 3))
    bodies = [json.dumps({key: some}) for some in for_each]
    return [f"{head}{len(body)}\r\n\r\n{body}".encode() for body in bodies]


def where(kind: str) -> None:
    """Print the microseconds of each step of one row, without HTTP."""
    print(f"\n| {kind}: one row, µs | read, check | model, answer | as JSON | into the ledger |")
    print("|---|---|---|---|---|")
    body = requests("ours", 1)[0].split(b"\r\n\r\n")[1]
    for way, compiled in (("before: the pipeline", False), ("after: compiled", True)):
        server, ours = model_server(kind, True, compiled)
        loaded, write = server.slot.loaded, server.ledger.write_predictions
        read, answers = partial(ours.rows_of, loaded.request_type, body), ours.answers
        rows, found = read(), answers(loaded, read())
        said = ours.Predictions(request_id="r", version=1, predictions=found)
        made = (ours.records(uuid4().hex, rows, found, loaded, None) for _ in range(450))
        kept = map(write, list(made))
        steps = read, partial(answers, loaded, rows), said.model_dump_json, partial(next, kept)
        timers = [timeit.Timer(step, timer=time.process_time) for step in steps]
        taken = [min(timer.repeat(9, 50)) / 50 * 1e6 for timer in timers]
        print(f"| {way} | {' | '.join(f'{one:,.1f}' for one in taken)} |", flush=True)


def main() -> None:
    """Measure what is asked for, or be the server that is measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kind", action="append", choices=KINDS)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each load")
    parser.add_argument("--times", type=int, default=3, help="the median of so many runs is shown")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        server, ours = model_server(given.serve[0], given.serve[1].endswith("log"))
        app = ours.build(server, ours.own.project, ours.own.service, [])
        return ours.run(app, ours.listen("127.0.0.1", int(given.serve[2])), 0, server.end)
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    fit()
    os.sched_setaffinity(0, {1})
    print("| model | rows | callers | server | requests/s | p50 ms | p99 ms | x mlflow |")
    print(f"|{'---|' * 8}")
    for kind in given.kind or KINDS:
        taken: dict[Any, list[list[float]]] = {}
        for _, way in itertools.product(range(given.times), WAYS):
            with serving(kind, way) as port:
                for rows, callers in LOADS:
                    found = asyncio.run(load(port, requests(way, rows), callers, given.seconds))
                    taken.setdefault((rows, callers, way), []).append(found)
        for (rows, callers, way), runs in sorted(taken.items()):
            seconds = sorted(runs, key=len)[len(runs) // 2]
            peer = statistics.median(map(len, taken[rows, callers, "mlflow"])) or 1
            ordered = sorted(seconds) or [math.nan]
            p50, p99 = (1e3 * ordered[int(len(ordered) * at)] for at in (0.5, 0.99))
            figures = f"{len(seconds) / given.seconds:,.0f} | {p50:.2f} | {p99:.2f}"
            print(
                f"| {kind} | {rows} | {callers} | {way} | {figures} | {len(seconds) / peer:.1f} |"
            )
        where(kind)


if __name__ == "__main__":
    main()
