"""How often the drift check is wrong: windows without drift, and windows with a planted fault.

    .venv/bin/python benchmarks/drift.py
    .venv/bin/python benchmarks/drift.py --times 400

Tables of one kind of column are drawn again and again, cut into training and test rows, and summed
up as a release does it; a window of further rows is then compared with that. Nothing is trained.
"""

import argparse
import importlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from training import example_project

TEST = 0.2  # of the rows
SIZES, WINDOWS = (600, 3_000, 20_000), (500, 5_000)
START = np.datetime64("2024-01-01", "s")
Table = dict[str, Any]


def tail(values: int, rows: int, random: Any) -> np.ndarray:
    """Draw categories of which a few are common and most are rare (Zipf, 1949)."""
    share = 1 / np.arange(1, values + 1)
    return np.array([f"v{i}" for i in random.choice(values, rows, p=share / share.sum())], object)


def numbers(rows: int, random: Any) -> Table:
    """Six numbers: symmetric, skewed, counted, mostly zero, mostly one, and with gaps."""
    gaps = np.where(random.random(rows) < 0.1, np.nan, random.normal(size=rows))
    return {
        "normal": random.normal(50, 10, rows),
        "skewed": random.lognormal(0, 1, rows),
        "count": random.poisson(3, rows).astype("float64"),
        "zero": random.poisson(0.2, rows) * random.exponential(1, rows),
        "one": np.minimum(1.0, random.exponential(5, rows)),
        "gaps": gaps,
    }


def short(rows: int, random: Any) -> Table:
    """Four short categories, one of them with rare values."""
    names = np.array(list("abcdefghij"), object)
    return {
        "two": random.choice(names[:2], rows),
        "five": random.choice(names[:5], rows),
        "rare": random.choice(names[:4], rows, p=[0.6, 0.35, 0.045, 0.005]),
        "ten": random.choice(names, rows),
    }


def text(rows: int, random: Any) -> Table:
    """One text of five to thirty words out of 3,000, a few of them common."""
    words = tail(3_000, rows * 30, random).reshape(rows, 30)
    lengths = random.integers(5, 31, rows)
    texts = [" ".join(few[:length]) for few, length in zip(words, lengths, strict=True)]
    return {"text": np.array(texts, object)}


def dates(with_time: bool, start: int, rows: int, random: Any) -> Table:
    """The time goes on, and a date lies some weeks before it."""
    time = START + np.arange(start, start + rows) * np.timedelta64(1, "h")
    since = time - random.exponential(60 * 86_400, rows).astype("timedelta64[s]")
    return {"since": since} | ({"time": time} if with_time else {})


KINDS: dict[str, tuple[str, Callable[..., Table]]] = {
    "six numbers": ("number", numbers),
    "four short categories": ("category", short),
    "a tail of 400": ("category", lambda rows, random: {"c": tail(400, rows, random)}),
    "a tail of 5,000": ("category", lambda rows, random: {"c": tail(5_000, rows, random)}),
    "text": ("text", text),
    "a date, with time": ("date", partial(dates, True)),
    "a date, without": ("date", partial(dates, False)),
}


def broken(kind: str, window: Table) -> Table:
    """Return a window in which the pipe broke in the way that is usual for the kind."""
    name, values = next(iter(window.items()))
    if kind == "number":
        changed = values * 2.54
    elif kind == "category":
        changed = np.where(np.arange(len(values)) % 10 == 0, "never seen", values)
    elif kind == "text":
        changed = np.array([v.replace("v", "Ã¶") for v in values], object)
    else:
        changed = values.astype("datetime64[s]").copy()
        changed[::10] = np.datetime64("NaT")
    return window | {name: changed}


def once(name: str, rows: int, window: int, breaks: bool, seed: int) -> bool:
    """Return whether there is any alarm on one window of a table drawn anew."""
    project, random = parts(), np.random.default_rng(seed)
    kind, draw = KINDS[name]
    if kind == "date":
        before, after = draw(0, rows, random), draw(rows, window, random)
    else:
        before, after = draw(rows, random), draw(window, random)
    after = broken(kind, after) if breaks else after
    roles = {name: "time" if name == "time" else "feature" for name in before}
    columns = [project.Column(name=name, kind=kind, role=role) for name, role in roles.items()]
    contract = project.Contract(table={}, columns=tuple(columns))
    frame = pd.DataFrame(before)
    test = np.arange(rows) >= rows * (1 - TEST) if kind == "date" else random.random(rows) < TEST
    known = project.reference(
        frame[test].reset_index(drop=True), frame[~test], contract, np.full(test.sum(), 0.1)
    )
    found = project.compare_columns(known.columns, pd.DataFrame(after), contract, project.drift)
    return any(m.drifted or m.fault for m in found)


@cache
def parts() -> Any:
    """Return what is measured: the functions and the default settings of the library."""
    contract, write, drift, monitoring = (
        importlib.import_module(f"ml_lifecycle.{name}")
        for name in ("data.contract", "release.write", "monitoring.drift", "monitoring")
    )
    return SimpleNamespace(
        Column=contract.Column, Contract=contract.Contract, reference=write.reference,
        compare_columns=drift.compare_columns, drift=monitoring.DriftSettings(),
    )  # fmt: skip


def simulate(times: int, kinds: list[str]) -> None:
    """Print the table: shares of windows with an alarm, without drift and with a broken pipe."""
    level = parts().drift.false_alarm_rate
    print(f"The level is {level:g}; {times} windows a cell, each of a table of its own.\n")
    heads = [f"{window:,} rows{what}" for what in ("", ", broken") for window in WINDOWS]
    print(f"| columns | rows | {' | '.join(heads)} |", flush=True)
    with ProcessPoolExecutor() as pool:
        for name in kinds:
            for rows in SIZES:
                cells = []
                for breaks, count in ((False, times), (True, max(times // 10, 1))):
                    for window in WINDOWS:
                        play = partial(once, name, rows, window, breaks)
                        alarms = list(pool.map(play, range(count), chunksize=4))
                        cells.append(f"{np.mean(alarms):.3f}")
                print(f"| {name} | {rows:,} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Make a project, and simulate in its environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=200, help="windows a cell")
    parser.add_argument("--kind", action="append", choices=KINDS, help="only these columns")
    parser.add_argument("--inside", action="store_true", help="ml_lifecycle can be imported here")
    given = parser.parse_args()
    if given.inside:
        return simulate(given.times, given.kind or list(KINDS))
    python = example_project("bench-drift") / ".venv" / "bin" / "python"
    command = [python, __file__, "--inside", *sys.argv[1:]]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
