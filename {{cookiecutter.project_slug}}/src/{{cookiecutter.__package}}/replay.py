"""Later rows of the table, replayed over HTTP against the running service, as months of traffic.

In: typed rows. Out: predictions and outcomes in the ledger, by the same way as from real callers.
The service is one of a project of its own, in .tour.
"""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from . import __name__ as PACKAGE
from .data import contract as contracts
from .data.contract import NUMERIC, Column, Contract
from .data.limits import servable
from .data.rows import to_records
from .data.values import spelled
from .errors import WorldBroken, WrongUse
from .settings import TOUR, Service, Settings, load

HISTORY = 2 / 3
WINDOWS = 6
BATCH = 50
MOST = 1000  # rows replayed per window: enough for every verdict, and the tour stays short
SECRETS = ("ENVIRONMENT", "SERVICE_API_KEYS")  # of production, where the tour is not


def apart(settings: Settings, contract: Contract, history: pd.DataFrame) -> Settings:
    """Make .tour anew, a project of its own on the same table; return its settings.

    history: the typed rows that its contract knows of.
    """
    root, source = settings.root / TOUR, settings.data.source
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    here = "://" not in source and not Path(source).expanduser().is_absolute()
    from_there = f"../{source}" if here else source
    line = f"source = {json.dumps(from_there, ensure_ascii=False)}"
    text = (settings.root / "project.toml").read_text(encoding="utf-8-sig")
    text = re.sub(r"(?m)^\s*source\s*=.*$", lambda _: line, text, count=1)
    (root / "project.toml").write_text(text, encoding="utf-8")
    contracts.save(known_then(contract, history), root / "contract.yaml")
    own = load(root)
    if own.data.source != from_there:
        raise WrongUse("project.toml: write `source = ...` on one line below [data]")
    return own


def known_then(contract: Contract, history: pd.DataFrame) -> Contract:
    """Return the contract as it could be written after `history`: later values are news."""
    columns = tuple(_narrowed(column, history) for column in contract.columns)
    return contract.model_copy(update={"columns": columns})


def _narrowed(column: Column, history: pd.DataFrame) -> Column:
    if column.role == "target" or column.name not in history:
        return column
    seen = history[column.name].dropna()
    if column.kind in NUMERIC and column.minimum is not None and len(seen):
        return column.replace(minimum=float(seen.min()), maximum=float(seen.max()))
    if column.kind == "category" and column.categories and len(seen):
        there = set(seen)
        return column.replace(categories=tuple(name for name in column.categories if name in there))
    return column


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[str]:
    """Start the service as its own process on a free port; yield its address; end it."""
    command = [sys.executable, "-m", PACKAGE, "serve", "--port", "0"]
    log = settings.reports / "service.log"
    settings.reports.mkdir(exist_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            cwd=settings.root,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=inherited | {"PYTHONUNBUFFERED": "1"},
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"http://\S+", line)
            if not found:
                raise WorldBroken(f"the service did not start; see {log}")
            yield found.group()
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for_version(address: str, number: int, seconds: float = 30) -> float:
    """Return after how many seconds the service answers with version `number`."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if httpx.get(f"{address}/health/ready").json()["version"] == number:
            return time.monotonic() - started
        time.sleep(0.05)
    raise WorldBroken(f"the service did not take over version {number} in {seconds:.0f} s")


@dataclass(frozen=True)
class Window:
    """A stretch of the table's later rows, replayed as traffic.

    left_out: its rows beyond MOST, and those that the service does not take.
    """

    name: str
    rows: pd.DataFrame
    left_out: int = 0


def windows(
    frame: pd.DataFrame, contract: Contract, settings: Settings
) -> tuple[pd.DataFrame, list[Window]]:
    """Cut typed rows into history (the first two thirds) and up to six windows of the rest.

    By whole moments where there is a time column, in the order of the table where that is time,
    else in a random order: a table may be sorted by anything.
    """
    data = settings.data
    if data.time:
        frame = frame.sort_values(data.time, kind="stable").reset_index(drop=True)
        codes, moments = pd.factorize(frame[data.time])
        place, names = codes / len(moments), spelled(frame[data.time]).str[:10]
    else:
        if not data.ordered:
            frame = frame.sample(frac=1, random_state=settings.training.seed, ignore_index=True)
        place = np.arange(len(frame)) / len(frame)
        names = pd.Series([f"rows from {i + 1:,}" for i in range(len(frame))])
    later = int((place >= HISTORY - 1e-9).sum())
    count = min(WINDOWS, max(1, later // settings.drift.min_rows))
    parts = []
    for low, high in pairwise(np.linspace(HISTORY, 1, count + 1)):
        at = np.flatnonzero((place >= low - 1e-9) & (place < high - 1e-9))
        if len(at):
            rows = frame.iloc[at]
            rows = rows[servable(rows, contract, settings.service)][:MOST].reset_index(drop=True)
            parts.append(Window(names.iloc[at[0]], rows, len(at) - len(rows)))
    return frame[place < HISTORY - 1e-9].reset_index(drop=True), parts


def replay(
    address: str, window: Window, contract: Contract, service: Service, tick: Callable[[int], None]
) -> list[tuple[str, int, str]]:
    """Send a window's rows to the service; return (request id, row, outcome) for later."""
    target = contract.target.name
    known = {c.name for c in contract.columns if c.role not in ("target", "ignored", "id")}
    rows = to_records(window.rows[[c for c in window.rows if c in known]])
    outcomes = iter(to_records(window.rows[[target]]))
    waiting = []
    with httpx.Client(base_url=address, timeout=30) as client:
        for batch in batches(rows, service):
            answer = client.post("/predict", json={"rows": batch})
            answer.raise_for_status()
            request_id = answer.json()["request_id"]
            waiting += [(request_id, i, str(next(outcomes)[target])) for i in range(len(batch))]
            tick(len(batch))
    return waiting


def batches(rows: list[dict[str, Any]], service: Service) -> Iterator[list[dict[str, Any]]]:
    """Yield rows of a request each: at most 50, and no more than a body may hold."""
    batch: list[dict[str, Any]] = []
    most, size = min(BATCH, service.max_rows), 0
    for row in rows:
        length = len(json.dumps(row, ensure_ascii=False).encode())
        if batch and (len(batch) == most or size + length > 900 * service.body_kilobytes):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += length
    if batch:
        yield batch


def send_outcomes(address: str, waiting: list[tuple[str, int, str]]) -> None:
    """Send outcomes that have become known."""
    rows = [{"request_id": i, "row": row, "value": value} for i, row, value in waiting]
    answer = httpx.post(f"{address}/outcomes", json={"outcomes": rows}, timeout=30)
    answer.raise_for_status()
