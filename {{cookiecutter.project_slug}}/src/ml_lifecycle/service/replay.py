"""Later rows of the table, replayed over HTTP against the running service, as months of traffic.

In: typed rows. Out: predictions and outcomes in the ledger, by the same way as from real callers.
The service is one of a project of its own, in .tour.
"""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd

from ..data.contract import NUMERIC, Column, Contract, save_contract
from ..data.limits import Limits, servable
from ..data.rows import to_records
from ..data.settings import DataSettings
from ..data.values import spelled
from ..errors import WorldBroken, WrongUse
from ..project import TOUR, Project

HISTORY = 2 / 3
WINDOWS = 6
BATCH = 50
MOST = 1000  # rows replayed per window: enough for every verdict, and the tour stays short
SECRETS = ("ENVIRONMENT", "SERVICE_API_KEYS")  # of production, where the tour is not


def apart(project: Project, source: str, contract: Contract, history: pd.DataFrame) -> Path:
    """Make .tour anew, a project of its own on the same table; return its folder.

    source: as in project.toml; history: the typed rows that its contract knows of.
    """
    root = project.root / TOUR
    if root.is_symlink():
        raise WrongUse(f"{root} is a link, and what it leads to stays as it is: remove the link")
    if root.exists():
        shutil.rmtree(root)
    root.mkdir()
    line = f"source = {json.dumps(_from(source), ensure_ascii=False)}"
    text = (project.root / "project.toml").read_text(encoding="utf-8-sig")
    text = re.sub(r"(?m)^\s*source\s*=.*$", lambda _: line, text, count=1)
    if tomllib.loads(text)["data"]["source"] != _from(source):
        raise WrongUse("project.toml: write `source = ...` on one line below [data]")
    (root / "project.toml").write_text(text, encoding="utf-8")
    save_contract(known_then(contract, history), root / "contract.yaml")
    return root


def _from(source: str) -> str:
    """Return the project's table as it is found from .tour."""
    here = "://" not in source and not Path(source).expanduser().is_absolute()
    return f"../{source}" if here else source


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
def running(project: Project) -> Iterator[str]:
    """Start the service as its own process on a free port; yield its address; end it."""
    command = [sys.executable, "-m", project.package, "serve", "--port", "0"]
    log = project.reports / "service.log"
    inherited = {name: value for name, value in os.environ.items() if name not in SECRETS}
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            cwd=project.root,
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
            process.send_signal(signal.SIGINT)  # SIGTERM would go on for other callers
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
    frame: pd.DataFrame,
    contract: Contract,
    data: DataSettings,
    limits: Limits,
    least: int,
    seed: int,
) -> tuple[pd.DataFrame, list[Window]]:
    """Cut typed rows into history (the first two thirds) and up to six windows of the rest.

    least: rows of a window. By whole moments where there is a time column, in the order of the
    table where that is time, else in a random order: a table may be sorted by anything.
    """
    if data.time:
        frame = frame.sort_values(data.time, kind="stable").reset_index(drop=True)
        codes, moments = pd.factorize(frame[data.time])
        place, names = codes / len(moments), spelled(frame[data.time]).str[:10]
    else:
        if not data.ordered:
            frame = frame.sample(frac=1, random_state=seed, ignore_index=True)
        place = np.arange(len(frame)) / len(frame)
        names = pd.Series([f"rows from {i + 1:,}" for i in range(len(frame))])
    later = int((place >= HISTORY - 1e-9).sum())
    count = min(WINDOWS, max(1, later // least))
    parts = []
    for low, high in pairwise(np.linspace(HISTORY, 1, count + 1)):
        at = np.flatnonzero((place >= low - 1e-9) & (place < high - 1e-9))
        if len(at):
            rows = frame.iloc[at]
            rows = rows[servable(rows, contract, limits)][:MOST].reset_index(drop=True)
            parts.append(Window(names.iloc[at[0]], rows, len(at) - len(rows)))
    return frame[place < HISTORY - 1e-9].reset_index(drop=True), parts


def replay(
    address: str, window: Window, contract: Contract, limits: Limits, tick: Callable[[int], None]
) -> list[tuple[str, int, str]]:
    """Send a window's rows to the service; return (request id, row, outcome) for later."""
    target = contract.target.name
    known = {c.name for c in contract.columns if c.role not in ("target", "ignored", "id")}
    rows = to_records(window.rows[[c for c in window.rows if c in known]])
    outcomes = iter(to_records(window.rows[[target]]))
    waiting = []
    with httpx.Client(base_url=address, timeout=30) as client:
        for batch in batches(rows, limits):
            answer = client.post("/predict", json={"rows": batch})
            answer.raise_for_status()
            request_id = answer.json()["request_id"]
            waiting += [(request_id, i, str(next(outcomes)[target])) for i in range(len(batch))]
            tick(len(batch))
    return waiting


def batches(rows: list[dict[str, Any]], limits: Limits) -> Iterator[list[dict[str, Any]]]:
    """Yield rows of a request each: at most 50, and no more than a body may hold."""
    batch: list[dict[str, Any]] = []
    most, size = min(BATCH, limits.max_rows), 0
    for row in rows:
        length = len(json.dumps(row, ensure_ascii=False).encode())
        if batch and (len(batch) == most or size + length > 900 * limits.body_kilobytes):
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
