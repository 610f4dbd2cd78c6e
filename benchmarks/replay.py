"""What retraining is worth: a table replayed month by month, by four rules for who serves.

    .venv/bin/python benchmarks/replay.py
    .venv/bin/python benchmarks/replay.py --table houses.csv --target price --time sold

Never retrain; retrain after a month that the drift check calls `retrain`; retrain monthly and let
the gate decide (a refresh: the same recipe, newer rows); retrain each month and let the newest
serve. The outcomes of a month are known at its end, and the check remembers its looks. Each month
is predicted by what serves at its start, and the rows before it are all that anybody knows. Without
dates, equal parts in the order of the rows are the months. Real tables are looked for in the folder
that ML_LIFECYCLE_DATA names.
"""

import argparse
import importlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from training import Table, known, rendered

HISTORY = 0.4  # of the rows, before the first month that is predicted
PARTS = 20  # where there are no dates
RULES = ("never", "check", "gate", "always")
START = "2000-01-01"


def months(frame: Any, time: str) -> np.ndarray:
    """Return the month of each row of a frame, as a number in order."""
    if time and frame[time].dtype.kind == "M":
        return np.asarray(frame[time].dt.year * 12 + frame[time].dt.month)
    place = frame[time].rank(method="min").to_numpy() if time else np.arange(len(frame))
    return (place * PARTS / len(frame)).astype(int)


def inside(package: str) -> None:
    """Replay the table of the project that this runs in, and print a line a month."""
    project = load(package)
    settings = project.settings
    frame, contract = project.data.load_rows(settings.project, settings.data)
    task, month = settings.task(contract), months(frame, contract.time)
    at = np.unique(month[month > np.quantile(month, HISTORY)])
    serves: dict[str, Any] = {}
    found, looks = None, project.Looks()
    said: dict[str, list[np.ndarray]] = {rule: [] for rule in RULES}
    print(f"| month | rows | {' | '.join(RULES)} | the gate | the check |\n|{'---|' * 8}")
    for now in at:
        made = project.train(frame[month < now].reset_index(drop=True), contract, settings, quiet)
        first = "" if serves else "the first model"
        verdict = project.ask_gate(settings, made.number, override=first)
        release = settings.registry.fetch(settings.registry.wanted(made.number))
        serves = {"never": release, "gate": release, "check": release} | serves
        serves["always"] = release
        if found and found.verdict == "retrain":
            serves["check"], looks = release, project.Looks()
        serves["gate"] = release if verdict.verdict == "promote" else serves["gate"]
        rows = frame[month == now].reset_index(drop=True)
        for rule in RULES:
            said[rule].append(project.predict_scores(serves[rule].model, rows, task.classes))
        found = project.check(
            serves["check"], served(project, serves["check"], rows, said["check"][-1], now),
            settings.drift, looks,
        )  # fmt: skip
        looks = found.evidence.looks
        scores = [task.measure(task.y_true(rows), said[rule][-1]) for rule in RULES]
        shown = " | ".join(f"{score:.4f}" for score in scores)
        judged = f"{found.verdict.upper()}: {found.reason}".replace("|", "/")
        print(f"| {now} | {len(rows)} | {shown} | {verdict.verdict} | {judged} |", flush=True)
    order = np.argsort(month, kind="stable")
    rows = frame.iloc[order[np.isin(month[order], at)]]
    all_ = [task.measure(task.y_true(rows), np.concatenate(said[rule])) for rule in RULES]
    print(f"| all | {len(rows)} | {' | '.join(f'{score:.4f}' for score in all_)} | | |", flush=True)


def served(project: Any, release: Any, rows: Any, y_pred: np.ndarray, month: int) -> Any:
    """Return a month's rows as the ledger would: answered by the release, with their outcomes."""
    contract, names = release.contract, release.classes
    sent = [c.name for c in contract.with_role("feature", "time", "group") if c.name in rows]
    at = project.pd.Timestamp(START, tz="UTC") + project.pd.Timedelta(days=31 * int(month))
    matrix = project.probability_matrix(y_pred) if names else None
    return project.pd.DataFrame(
        {
            "created_at": at,
            "inputs": project.to_records(rows[sent]),
            "prediction": None if names else y_pred,
            "probabilities": [dict(zip(names, p, strict=True)) for p in matrix.tolist()]
            if names
            else None,
            "outcome": rows[contract.target.name].astype(str),
            "outcome_at": at,
        }
    )


def load(package: str) -> Any:
    """Return what a replay uses of the project and its library."""
    parts = argparse.Namespace()
    for module, names in {
        f"{package}.training": ["train"],
        f"{package}.lifecycle": ["ask_gate"],
        f"{package}.monitoring": ["check"],
        "ml_lifecycle.evaluation.scores": ["predict_scores", "probability_matrix"],
        "ml_lifecycle.monitoring": ["Looks"],
        "ml_lifecycle.data.rows": ["to_records"],
    }.items():
        for name in names:
            setattr(parts, name, getattr(importlib.import_module(module), name))
    parts.pd = importlib.import_module("pandas")
    parts.data = importlib.import_module("ml_lifecycle.data")
    parts.settings = importlib.import_module(f"{package}.settings").load()
    return parts


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody how far it is."""


def main() -> None:
    """Make a project of each table, and replay in its environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="a table of your own")
    parser.add_argument("--target", default="target")
    parser.add_argument("--time", default="", help="its time column")
    parser.add_argument("--search", type=float, help="[training] seconds; default: as is")
    parser.add_argument("--inside", help="the package to replay; used by this script itself")
    given = parser.parse_args()
    if given.inside:
        return inside(given.inside)
    tables = known(Path(os.environ.get("ML_LIFECYCLE_DATA", "no such folder")))
    tables = [t for t in tables if t.time or any("ordered = true" in new for _, new in t.edits)]
    if given.table:
        tables = [Table(given.table, given.target, given.time)]
    for table in [None, *tables] if not given.table else tables:
        root, package, python = rendered(table, given.search)
        subprocess.run([python, "-m", package, "check-data"], cwd=root, check=True)
        command = [python, __file__, "--inside", package]
        print(f"\n{root.name}", flush=True)
        if code := subprocess.run(command, cwd=root, check=False).returncode:
            sys.exit(code)


if __name__ == "__main__":
    main()
