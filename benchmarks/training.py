"""Table in, champion out: how long it takes and how good it is, with a peer beside us in one run.

    .venv/bin/python benchmarks/training.py --peer flaml --peer autogluon
    .venv/bin/python benchmarks/training.py --table houses.csv --target price
    .venv/bin/python benchmarks/training.py --made 30000 --made 300000
    .venv/bin/python benchmarks/training.py --next --peer flaml --peer autogluon

Each table becomes a project; `check-data`, `train` and `promote` are timed as a person runs them.
The peers get the rows and columns that the project trained on, with their defaults, the seconds
given and both cores, in an environment of their own, and are scored on the same test rows. Real
tables are looked for in the folder that ML_LIFECYCLE_DATA names.

With `--next` nobody is given the last fifth of the table (in time, where there is time or order;
else a fifth by chance), and all are scored on it. The project splits and judges what it is given,
and answers with what serves, fitted on all of it; the peers learn from all of it, too.
"""

import argparse
import csv
import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build" / "bench"
PEERS = {"flaml": ["flaml[automl]==2.7.0"], "autogluon": ["autogluon.tabular[all]==1.6.3"]}
# Run in the project's environment: the rows that are learnt from and scored on, for the peers, and
# how good we are. argv: the folder for the rows; with `--next`, the table of those that come next.
PARTS = """
import json, sys
from pathlib import Path
from sklearn.base import clone
from PACKAGE.settings import load
from ml_lifecycle import WrongUse
from ml_lifecycle.data import load_rows, split_rows, validate
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.release.bundle import trained_on
from ml_lifecycle.release.champion import champion
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.tables.read import read_table
settings, out, following = load(), Path(sys.argv[1]), sys.argv[2:]
frame, contract = load_rows(settings.project, settings.data)
kept = [c.name for c in contract.with_role("feature", "target", "time")]
with Ledger(settings.project.ledger_url) as ledger:
    try:
        version = champion(settings.registry, ledger)
    except WrongUse:  # the gate held
        version = settings.registry.latest()
release = settings.registry.fetch(version)
found, task, model = release.evaluation, settings.task(contract), release.model
score = found.scores[found.metric].value
if following:
    train, test = frame, validate(contract, read_table(following[0], out).frame, following[0])
    if len(trained_on(release)) < len(frame):
        model = clone(model).fit(frame, frame[contract.target.name])
    y_pred = predict_scores(model, test, release.classes)
    score = task.measure(task.y_true(test), y_pred)
else:
    train, test = split_rows(frame[contract.used], contract, settings.data).take(frame)
train[kept].to_parquet(out / "train.parquet")
test[kept].to_parquet(out / "test.parquet")
print(json.dumps({
    "task": contract.task, "metric": found.metric, "target": contract.target.name,
    "classes": release.classes, "score": score, "candidate": release.manifest.candidate,
    "rows": len(frame), "columns": len(kept),
}))
"""


@dataclass(frozen=True)
class Table:
    """A table, and what a person says of it in project.toml."""

    path: Path
    target: str
    time: str = ""
    edits: tuple[tuple[str, str], ...] = ()


def known(folder: Path) -> list[Table]:
    """Return the real tables that are there, with the leaks named that check-data asks about."""
    ignore, ordered = "ignore = []", ("ordered = false", "ordered = true")
    tables = [
        Table(folder / "bank_marketing.csv", "y", "", ((ignore, 'ignore = ["duration"]'), ordered)),
        Table(
            folder / "bike_sharing.csv", "cnt", "dteday",
            ((ignore, 'ignore = ["casual", "registered", "instant"]'),),
        ),
        Table(folder / "telco_churn.csv", "Churn"),
    ]  # fmt: skip
    return [table for table in tables if table.path.is_file()]


def made(rows: int) -> Table:
    """Write a table of 14 mixed columns with a signal that is neither linear nor simple."""
    random = np.random.default_rng(rows)
    numbers = random.normal(size=(rows, 9)).round(4)
    names = random.integers(0, 8, size=(rows, 5))
    signal = numbers[:, 0] + numbers[:, 1] * numbers[:, 2] + np.sin(2 * numbers[:, 3])
    signal += np.where(names[:, 0] > 5, 1.5, 0) + 0.3 * names[:, 1] * (names[:, 2] > 3)
    label = np.where(signal + random.normal(0, 1.5, rows) > 1.5, "yes", "no")
    path = WORK / f"made_{rows}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = [*(f"n{i}" for i in range(9)), *(f"c{i}" for i in range(5)), "target"]
    with path.open("w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        for row, codes, answer in zip(numbers, names, label, strict=True):
            file.write(",".join([*map(str, row), *(f"v{c}" for c in codes), answer]) + "\n")
    return Table(path, "target")


def cut(table: Table) -> tuple[Table, Path]:
    """Write the first four fifths of the rows as a table, and the fifth that comes next.

    A time column is of ISO dates; all rows of a moment stand on one side. Without time or order the
    fifth is drawn by chance.
    """
    with table.path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    most = len(rows) * 4 // 5
    if table.time:
        place = header.index(table.time)
        rows.sort(key=lambda row: row[place])
        most = sum(row[place] <= rows[most - 1][place] for row in rows)
    elif ("ordered = false", "ordered = true") not in table.edits:
        rows = [rows[at] for at in np.random.default_rng(1).permutation(len(rows))]
    folder = WORK / "next"
    folder.mkdir(parents=True, exist_ok=True)
    given, following = (folder / f"{table.path.stem}{which}.csv" for which in ("", "_next"))
    for path, part in ((given, rows[:most]), (following, rows[most:])):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *part])
    return replace(table, path=given), following


def rendered(table: Table | None, seconds: float | None) -> tuple[Path, str, Path]:
    """Make a project of a table, None for the bundled one; return folder, package and Python."""
    stem = table.path.stem if table else "example"
    name = f"bench-{stem.replace('_', '-').lower()}"
    root = WORK / name
    shutil.rmtree(root, ignore_errors=True)
    answers = [f"project_slug={name}"]
    if table:
        answers += [f"data={table.path.resolve()}", f"target={table.target}"]
        answers += [f"time_column={table.time}"]
    cookiecutter = Path(sys.executable).with_name("cookiecutter")
    run(
        [cookiecutter, ROOT, "--no-input", "--default-config", "--output-dir", WORK,
         *answers], WORK,
    )  # fmt: skip
    settings = root / "project.toml"
    text = settings.read_text(encoding="utf-8")
    for old, new in table.edits if table else ():
        assert old in text, old
        text = text.replace(old, new)
    if seconds is not None:
        text = re.sub(r"(?m)^budget_seconds = \S+", f"budget_seconds = {seconds}", text)
    settings.write_text(text, encoding="utf-8")
    run(["make", "setup"], root)
    return root, name.replace("-", "_"), root / ".venv" / "bin" / "python"


def example_project(name: str) -> Path:
    """Make a project of the bundled example, or use the one there; return its folder."""
    cookiecutter = Path(sys.executable).with_name("cookiecutter")
    run(
        [cookiecutter, ROOT, "--no-input", "--default-config", "--overwrite-if-exists",
         "--output-dir", WORK, f"project_slug={name}"], WORK,
    )  # fmt: skip
    run(["make", "setup"], WORK / name)
    return WORK / name


def ours(
    table: Table, seconds: float | None, following: list[Path]
) -> tuple[Path, list[float], dict[str, object]]:
    """Return the project's folder, the seconds of each verb, and what came out."""
    root, package, python = rendered(table, seconds)
    took = []
    for verb in ("check-data", "train", "promote"):
        started = time.monotonic()
        # A gate that holds exits with 1; what was trained is scored all the same.
        run([python, "-m", package, verb], root, 1 if following and verb == "promote" else 0)
        took.append(time.monotonic() - started)
    said = run([python, "-c", PARTS.replace("PACKAGE", package), root, *following], root)
    return root, took, json.loads(said.splitlines()[-1])


def peer(name: str, root: Path, facts: dict[str, object], seconds: int) -> tuple[float, float]:
    """Return the score of a peer on the same rows, and the seconds that it took."""
    home = WORK / name
    python = home / "bin" / "python"
    if not python.exists():
        uv = Path(sys.executable).with_name("uv")
        run([uv, "venv", "--python", sys.executable, home], WORK)
        run([uv, "pip", "install", "--python", python, *PEERS[name], "pyarrow"], WORK)
    script = Path(__file__).parent / "peers" / f"{name}.py"
    started = time.monotonic()
    said = run([python, script, root, json.dumps(facts), seconds], root)
    return float(json.loads(said.splitlines()[-1])["score"]), time.monotonic() - started


def run(command: list[object], folder: Path, most: int = 0) -> str:
    """Return what a command printed; its end with an error is ours too. most: no error up to it."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(list(map(str, command)), cwd=folder, capture_output=True, text=True)
    if not 0 <= done.returncode <= most:
        sys.exit(f"{command}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def main() -> None:
    """Run what is asked for and print one line a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", action="append", default=[], choices=PEERS)
    parser.add_argument("--seconds", type=int, default=60, help="budget of each peer")
    parser.add_argument("--search", type=float, help="[training] seconds of ours; default: as is")
    parser.add_argument("--next", action="store_true", help="score on rows that nobody was given")
    parser.add_argument("--table", type=Path, help="a table of your own")
    parser.add_argument("--target", default="target")
    parser.add_argument("--time", default="", help="its time column")
    parser.add_argument("--made", type=int, action="append", default=[], metavar="ROWS")
    given = parser.parse_args()
    tables = [made(rows) for rows in given.made]
    if given.table:
        tables.append(Table(given.table, given.target, given.time))
    if not tables:
        tables = known(Path(os.environ.get("ML_LIFECYCLE_DATA", "no such folder")))
    print("| table | rows x columns | metric | ours | seconds |", *(f" {p} |" for p in given.peer))
    for table in tables:
        table, *following = cut(table) if given.next else [table]
        root, took, facts = ours(table, given.search, following)
        size = f"{facts['rows']:,} x {facts['columns']}"
        line = f"| {table.path.stem} | {size} | {facts['metric']} | {facts['score']:.4f} "
        verbs = " + ".join(f"{seconds:.0f}" for seconds in took)
        line += f"({facts['candidate']}) | {verbs} = {sum(took):.0f} |"
        print(line, end="", flush=True)
        for name in given.peer:
            score, seconds = peer(name, root, facts, given.seconds)
            print(f" {score:.4f} ({seconds:.0f} s) |", end="", flush=True)
        print()


if __name__ == "__main__":
    main()
