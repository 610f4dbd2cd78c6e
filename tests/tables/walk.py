"""Walk the table of a project through its verbs, as run by the project's own Python in its folder.

In: the name of the package, the separator of its table. Out: on the last line of stdout, JSON of
what each verb said and of every difference between the ways to ask.
"""

import csv
import gzip
import importlib
import io
import json
import sys
import time
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from ml_lifecycle.data import check_data, validate
from ml_lifecycle.data.limits import servable
from ml_lifecycle.data.values import absent
from ml_lifecycle.release import champion
from ml_lifecycle.service import replay
from ml_lifecycle.tables import read_table
from ml_lifecycle.tables.read import parse

STARTED = time.monotonic()
PACKAGE, SEPARATOR = sys.argv[1:3]
ASKED = 50  # rows over HTTP, each way
WINDOW, FEWEST = 500, 100  # rows of the drift check
SEED = 1


def part(name: str) -> Any:
    """Return a module of the project."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def verb(*arguments: str) -> dict[str, Any]:
    """Run one verb as the command line does; returns its exit code and what it said."""
    out, err, started = io.StringIO(), io.StringIO(), time.monotonic()
    with redirect_stdout(out), redirect_stderr(err):
        try:
            part("cli").main(list(arguments), standalone_mode=False)
            code: Any = 0
        except SystemExit as end:
            code = end.code
        except Exception:
            traceback.print_exc()
            code = "traceback"
    took = round(time.monotonic() - started, 1)
    said = {"out": out.getvalue(), "err": err.getvalue(), "seconds": took}
    return {"verb": arguments[0], "code": code} | said


def main() -> dict[str, Any]:
    """Go on until a verb that the next ones need says no."""
    settings = part("settings").load()
    output = Path("scored.parquet" if ".parquet" in settings.data.source else "scored.csv")
    steps = [("check-data",), ("train",), ("promote",)]
    verbs = []
    for step in steps:
        verbs.append(verb(*step))
        if verbs[-1]["code"] and step[0] != "promote":
            return {"verbs": verbs}
    if verbs[-1]["code"]:
        verbs.append(verb("promote", "--override", "a walk through public tables"))
    verbs.append(verb("predict", settings.data.source, str(output)))
    if any(v["code"] for v in verbs[-2:]):
        return {"verbs": verbs}
    checks = part("data").CHECKS
    checked = check_data(settings.project, settings.data, checks, settings.service)
    with replay.running(settings.project) as address:
        ways = compared(address, checked, settings, output)
        rows = watched(address, checked, settings)
    verbs.append(verb("drift", "--last", str(rows)))
    log = (settings.project.reports / "service.log").read_text(encoding="utf-8")
    return {"verbs": verbs, "log": log, "ways": ways, "window": rows} | known(checked, settings)


def known(checked: Any, settings: Any) -> dict[str, Any]:
    """Return what is known of the table and its champion."""
    found = champion.champion_release(settings.registry)[1].evaluation
    contract = checked.contract
    return {
        "task": contract.task,
        "seconds": round(time.monotonic() - STARTED),
        "rows": len(checked.table.frame),
        "columns": checked.table.frame.shape[1],
        "kinds": {column.name: f"{column.kind} {column.role}" for column in contract.columns},
        "metric": found.metric,
        "score": vars(found.scores[found.metric]),
        "gaps": found.gaps,
        "unassessed": found.unassessed,
    }


def compared(address: str, checked: Any, settings: Any, output: Path) -> dict[str, list[Any]]:
    """Return, by way to ask, every difference from what the file says."""
    table, contract = checked.table, checked.contract
    scored = parse(output.read_bytes(), output.name).frame
    data, root = settings.data, settings.project.root
    raw = read_table(data.source, root, data.header, data.encoding).frame
    features = validate(contract, raw, table.name, ("feature",))
    taken = servable(features, contract, settings.service)
    places = np.random.default_rng(SEED).permutation(np.flatnonzero(taken))[:ASKED]
    added = scored.iloc[places, table.given.shape[1] :].to_dict("records")
    every = [c.name for c in contract.columns if c.role != "target"]
    needed = contract.features
    typed = as_typed(raw[every], contract, table.typed).iloc[places]
    text = raw[every].astype(object).where(raw[every].notna(), None).iloc[places]
    text = text.map(lambda value: value if value is None else str(value))
    answers = [row["prediction" if "prediction" in row else "prediction 2"] for row in added]
    return {
        "file": unchanged(Path(settings.data.source), output, settings.data.header),
        "typed": predicted(address, json_rows(typed), answers, added),
        "text": predicted(address, json_rows(text[needed]), answers, added),
        "records": invoked(address, {"dataframe_records": json_rows(typed[needed])}, answers),
        "split": invoked(address, {"dataframe_split": as_split(text)}, answers),
    }


def as_typed(raw: pd.DataFrame, contract: Any, typed: bool) -> pd.DataFrame:
    """Return the rows as pandas reads them for a caller who knows which words say "no value"."""
    if typed:
        return raw
    gone = {c.name: ["", *absent(c)] for c in contract.columns if c.name in raw}
    text = io.StringIO(raw.to_csv(index=False))
    return pd.read_csv(text, na_values=gone, keep_default_na=False, low_memory=False)


def json_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows as JSON values, by column."""
    return [{n: plain(v) for n, v in row.items()} for row in frame.to_dict("records")]


def plain(value: Any) -> Any:
    """Return one value as `json.dumps` takes it."""
    if value is None or value is pd.NA or value != value:
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat()
    return value.item() if isinstance(value, np.generic) else value


def as_split(frame: pd.DataFrame) -> dict[str, Any]:
    """Return rows in the form that `pandas.DataFrame.to_dict("split")` has."""
    rows = json_rows(frame)
    return {"columns": list(frame.columns), "data": [list(row.values()) for row in rows]}


def predicted(address: str, rows: list[Any], answers: list[Any], added: list[Any]) -> list[Any]:
    """Return the rows, of those sent to /predict, that got another answer, or the refusal."""
    sent = httpx.post(f"{address}/predict", json={"rows": rows}, timeout=60)
    if sent.status_code != 200:
        return [f"{sent.status_code}: {sent.text[:2000]}"]
    said = sent.json()["predictions"]
    found = differences([one["prediction"] for one in said], answers)
    for row, (one, expected) in enumerate(zip(said, added, strict=True)):
        for name, share in (one["probabilities"] or {}).items():
            if not alike(share, expected[f"probability of {name}"]):
                found.append(f"row {row}: probability of {name} {share}, in the file {expected}")
    return found


def invoked(address: str, content: dict[str, Any], answers: list[Any]) -> list[Any]:
    """Return the rows, of those sent to /invocations, that got another answer, or the refusal."""
    sent = httpx.post(f"{address}/invocations", json=content, timeout=60)
    if sent.status_code != 200:
        return [f"{sent.status_code}: {sent.text[:2000]}"]
    return differences(sent.json()["predictions"], answers)


def differences(said: list[Any], answers: list[Any]) -> list[str]:
    """Return a sentence for each answer that is another."""
    pairs = enumerate(zip(said, answers, strict=True))
    return [f"row {row}: {a!r}, in the file {b!r}" for row, (a, b) in pairs if not alike(a, b)]


def alike(one: Any, other: Any) -> bool:
    """Tell if two answers are equal, numbers to nine digits."""
    if isinstance(one, str):
        return one == str(other)
    return bool(np.isclose(float(one), float(other), rtol=1e-9, atol=1e-12))


def unchanged(source: Path, output: Path, header: bool) -> list[str]:
    """Return what of the table is not in the output as it was, to the last sign."""
    if output.suffix == ".parquet":
        given, scored = pq.read_table(source), pq.read_table(output)
        same = given.equals(scored.select(range(given.num_columns)))
        return [] if same else ["a column changed"]
    given, scored = lines(source, SEPARATOR), lines(output, ",")
    scored = scored if header else scored[1:]
    if len(given) != len(scored):
        return [f"{len(given)} lines in, {len(scored)} lines out"]
    pairs = enumerate(zip(given, scored, strict=True), start=1)
    return [f"line {n}: {a} is {b}" for n, (a, b) in pairs if a != b[: len(a)]][:5]


def lines(path: Path, separator: str) -> list[list[str]]:
    """Return the fields of each line."""
    data = path.read_bytes()
    data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    text = io.StringIO(data.decode("utf-8-sig"), newline="")
    return [row for row in csv.reader(text, delimiter=separator, skipinitialspace=True) if row]


def watched(address: str, checked: Any, settings: Any) -> int:
    """Send rows like those of the reference, and their outcomes; returns how many."""
    split = checked.split
    # The reference is the test part: with time, earlier rows may truly be others.
    rows = checked.rows.iloc[split.test if settings.data.time else split.train]
    rows = rows[servable(rows, checked.contract, settings.service)]
    size = min(WINDOW, max(FEWEST, len(rows)))
    rows = rows.sample(size, replace=len(rows) < size, random_state=SEED, ignore_index=True)
    contract, window = checked.contract, replay.Window("now", rows)
    waiting = replay.replay(address, window, contract, settings.service, lambda _: None)
    replay.send_outcomes(address, waiting)
    return len(rows)


if __name__ == "__main__":
    print(json.dumps(main()))
