"""A drift check of a ledger that holds millions of rows: how long it takes, and in what memory.

    .venv/bin/python benchmarks/scale.py --rows 100000 --rows 10000000
    .venv/bin/python benchmarks/scale.py --rows 1000000 --peer 1000000

A ledger is filled with rows of a stream (`streams.py`) and checked as `drift` does it, in a process
of its own whose largest resident set is told. Evidently gets as many rows as `--peer` says, in
memory, in an environment of its own, and makes the default report of columns that drifted.
"""

import argparse
import importlib
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from verdicts import project

DRAWN = 100_000  # rows that are drawn; more are these again, as other requests
COPY = (
    "INSERT INTO predictions SELECT hex(randomblob(16)), row, created_at, version, inputs, "
    "prediction, probabilities, body_sha256, warnings FROM predictions LIMIT {rows}"
)


def of(module: str) -> Any:
    """Return a module that only the project's environment can import."""
    return importlib.import_module(module)


def fill(path: Path, package: str, rows: int) -> None:
    """Make a ledger of so many rows of stream 0."""
    judging = of("judging")
    release, _ = judging.release_of(of("comparing").folder(), package, 0)
    drawn = of("streams").window("none", min(rows, DRAWN), 0, 0)
    found = judging.served(release, package, "none", *drawn)
    known = found.drop(columns=["outcome", "outcome_at"]).to_dict(orient="records")
    for row in known:
        row |= {"created_at": row["created_at"].floor("us").to_pydatetime(), "body_sha256": None}
        row["warnings"] = None
    with of("ml_lifecycle.ledger").Ledger(f"sqlite:///{path}") as ledger:
        ledger.write_predictions(known)
        for done in range(len(known), rows, DRAWN):
            with ledger.engine.begin() as connection:
                connection.exec_driver_sql(COPY.format(rows=min(DRAWN, rows - done)))


def checked(path: Path, package: str) -> dict[str, Any]:
    """Check what a ledger holds, and return what it took."""
    release, settings = of("judging").release_of(of("comparing").folder(), package, 0)
    check = of(f"{package}.monitoring").check
    started = time.perf_counter()
    with of("ml_lifecycle.ledger").Ledger(f"sqlite:///{path}") as ledger:
        rows = ledger.served(version=1, most=settings.drift.max_rows)
    read = time.perf_counter() - started
    verdict = check(release, rows, settings.drift).verdict
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    took = time.perf_counter() - started
    return {"verdict": verdict, "looked": len(rows), "read": read, "took": took, "peak": peak}


def ours(given: argparse.Namespace) -> None:
    """Fill and check in the project's environment, and print a line a size."""
    print("| rows | looked at | reading, s | in all, s | rows/s | peak memory, MB | verdict |")
    print("|---|---|---|---|---|---|---|")
    for rows in given.rows:
        path = of("comparing").folder() / f"ledger-{rows}.db"
        if not path.exists():
            fill(path, given.package, rows)
        again = [sys.executable, __file__, "--package", given.package, "--check", str(path)]
        found = json.loads(subprocess.check_output(again, text=True).splitlines()[-1])
        print(
            f"| {rows:,} | {found['looked']:,} | {found['read']:.1f} | {found['took']:.1f} "
            f"| {rows / found['took']:,.0f} | {found['peak']:,.0f} | {found['verdict']} |",
            flush=True,
        )
    comparing = of("comparing")
    for many in given.peer:
        script = comparing.HERE / "peers" / "evidently.py"
        job = [script, comparing.folder(), json.dumps({"speed": many})]
        subprocess.run([comparing.home("evidently"), *job], check=True)


def main() -> None:
    """Begin in the template's environment, and go on in the project's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, action="append", default=[])
    parser.add_argument("--peer", type=int, action="append", default=[], help="rows for Evidently")
    parser.add_argument("--project", type=Path, help="one that is set up, in place of a new one")
    parser.add_argument("--package", help=argparse.SUPPRESS)
    parser.add_argument("--check", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.check:
        print(json.dumps(checked(given.check, given.package)))
    elif given.package:
        ours(given)
    else:
        python, package = project(given.project)
        sizes = [f"--rows={one}" for one in given.rows or [DRAWN]]
        sizes += [f"--peer={one}" for one in given.peer]
        subprocess.run([python, __file__, "--package", package, *sizes], check=True)


if __name__ == "__main__":
    main()
