"""The drift check on windows of the streams, in the environment of a project: see verdicts.py.

In: a folder, and what to measure. Out: JSON lines. A release is made once a stream, by the recipe:
checked, trained, signed and read again. For the peers its test rows lie in the folder, and what the
model said of each window that they are shown.
"""

import argparse
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import cache, partial
from itertools import product
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from streams import CHANGE, SHIFTS, TARGET, training_table, window

ROWS, TEST = 20_000, 0.25
DAILY = 500  # rows a day
START = pd.Timestamp("2026-01-01", tz="UTC")
LEVEL = 0.05
MANY = 20_000  # rows that tell the true loss, of a window that nobody else sees


@cache
def parts(package: str) -> SimpleNamespace:
    """Return what is measured, and what makes a release, of the project and its library."""
    wanted = {
        package: ["LIBRARY"],
        f"{package}.data": ["CHECKS"],
        f"{package}.settings": ["Settings"],
        f"{package}.training": ["train", "code_digest", "HERE"],
        f"{package}.monitoring": ["check"],
        "ml_lifecycle": ["Project"],
        "ml_lifecycle.data": ["DataSettings", "check_data", "load_rows"],
        "ml_lifecycle.data.rows": ["to_records"],
        "ml_lifecycle.evaluation.scores": ["losses", "predict_scores"],
        "ml_lifecycle.model": ["SearchSettings"],
        "ml_lifecycle.monitoring": ["Looks"],
        "ml_lifecycle.release.bundle": ["holdout", "judgement"],
    }
    found = SimpleNamespace()
    for module, names in wanted.items():
        vars(found).update({n: getattr(importlib.import_module(module), n) for n in names})
    return found


def code(package: str) -> str:
    """Return a digest of the code that makes a release."""
    return str(parts(package).LIBRARY + parts(package).code_digest(parts(package).HERE))


def there(folder: Path, package: str, stream: int) -> bool:
    """Return whether the release of a stream was made by this code."""
    made = folder / f"stream-{stream}" / "made.txt"
    return made.is_file() and made.read_text(encoding="utf-8") == code(package)


@cache
def release_of(folder: Path, package: str, stream: int) -> tuple[Any, Any]:
    """Return the release of a stream and its settings; made anew if the code is another."""
    p, root = parts(package), folder / f"stream-{stream}"
    settings = p.Settings(
        project=p.Project.of(root, package),
        data=p.DataSettings(source="table.csv", target=TARGET, test_share=TEST),
        # Each candidate as it starts; boosted trees are kept, as they are in every stream.
        training=p.SearchSettings(folds=2, budget_seconds=0.001, blend=False),
    )
    if not there(folder, package, stream):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        training_table(ROWS, stream).to_csv(root / "table.csv", index=False)
        p.check_data(settings.project, settings.data, p.CHECKS, settings.service)
        version = p.train(*p.load_rows(settings.project, settings.data), settings, quiet)
        release = settings.registry.fetch(settings.registry.get(version.number))
        reference = p.holdout(release).assign(y_pred=p.judgement(release).y_pred)
        reference.to_parquet(root / "reference.parquet")
        (root / "made.txt").write_text(code(package), encoding="utf-8")
    return settings.registry.fetch(settings.registry.latest()), settings


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody how far it is."""


def served(
    release: Any, package: str, shift: str, frame: pd.DataFrame, outcome: np.ndarray, day: int = 0
) -> pd.DataFrame:
    """Return a window of that day as `Ledger.served` does; outcomes only if they have come."""
    p, rows, (no, yes) = parts(package), len(frame), release.classes
    inputs = p.to_records(frame)
    # The frame is typed as `to_frame` types the inputs, which takes as long as the check.
    y_pred = p.predict_scores(release.model, frame, release.classes)
    return pd.DataFrame(
        {
            "request_id": [f"{day}-{number}" for number in range(rows)],
            "row": 0,
            "created_at": START + pd.to_timedelta(day + np.arange(rows) / rows, unit="D"),
            "version": 1,
            "inputs": inputs,
            "prediction": np.where(y_pred >= 0.5, yes, no),
            "probabilities": [{no: 1 - one, yes: one} for one in y_pred.tolist()],
            "outcome": outcome if SHIFTS[shift].labels else None,
            "outcome_at": START + pd.Timedelta(days=day + 1),
        }
    )


def plain(before: pd.DataFrame, after: pd.DataFrame) -> float:
    """Return the least p-value of a column: Kolmogorov and Smirnov's, or a chi-square."""
    found = []
    for name in before.columns:
        old, new = before[name].dropna(), after[name].dropna()
        if pd.api.types.is_numeric_dtype(old):
            found.append(stats.ks_2samp(old, new, method="asymp").pvalue)
        else:
            counts = [old.value_counts(), new.value_counts()]
            cells = pd.concat(counts, axis=1).fillna(0).to_numpy().T
            found.append(stats.chi2_contingency(cells, correction=False).pvalue)
    return float(np.nanmin(found))


def true_loss(release: Any, package: str, shift: str, stream: int) -> float:
    """Return the mean loss of many rows after a shift."""
    p = parts(package)
    frame, outcome = window(shift, MANY, stream, 2_000_000)
    y_pred = p.predict_scores(release.model, frame, release.classes)
    return float(p.losses((outcome == release.classes[1]).astype("float64"), y_pred).mean())


def judged(
    folder: Path, package: str, streams: int, times: int, shown: int, job: tuple[int, str, int]
) -> list[dict[str, Any]]:
    """Judge the windows of one shift and size that belong to a stream; `shown` go to the peers."""
    rows, shift, stream = job
    release, settings = release_of(folder, package, stream)
    p, found, said, marks = parts(package), [], [], []
    reference = pd.read_parquet(folder / f"stream-{stream}" / "reference.parquet")
    truth = true_loss(release, package, shift, stream)
    for number in range(stream, times, streams):
        frame, outcome = window(shift, rows, stream, number)
        given = served(release, package, shift, frame, outcome)
        if number < shown:
            said.append([one[release.classes[1]] for one in given["probabilities"]])
            marks.append(frame["n0"].sum())
        checked = p.check(release, given, settings.drift)
        told = checked.evidence.estimate
        p_value = plain(reference[frame.columns], frame)
        least = LEVEL / len(frame.columns)
        found.append(
            {"rows": rows, "shift": shift, "verdict": checked.verdict}
            | {"held": told and told.low <= truth <= told.high}
            | {"plain": p_value < LEVEL, "plain, Bonferroni": p_value < least}
        )
    np.savez(folder / f"stream-{stream}" / f"{shift}-{rows}.npz", said=said, marks=marks)
    return found


def daily(release: Any, windows: Iterable[pd.DataFrame], package: str, drift: Any) -> list[str]:
    """Return the verdict of each day; what a check has seen goes on to the next."""
    p, said = parts(package), []
    looks = p.Looks()
    for rows in windows:
        found = p.check(release, rows, drift, looks)
        looks = found.evidence.looks
        said.append(found.verdict)
    return said


def year(
    folder: Path, package: str, streams: int, days: int, job: tuple[int, str]
) -> dict[str, Any]:
    """Return the verdicts of a year of so many days; a shift comes at `CHANGE`."""
    number, shift = job
    release, settings = release_of(folder, package, number % streams)

    def windows() -> Iterator[pd.DataFrame]:
        for day in range(days):
            now = shift if day >= CHANGE else "none"
            # Beyond the numbers of the windows that are judged alone.
            drawn = window(now, DAILY, number % streams, 1_000_000 + number * days + day)
            yield served(release, package, now, *drawn, day)

    return {"shift": shift, "days": daily(release, windows(), package, settings.drift)}


def main() -> None:
    """Measure in as many processes as there are cores, and write a JSON line for each result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("folder", "package", "out"):
        parser.add_argument(name, type=Path if name != "package" else str)
    for name in ("streams", "times", "shown", "years", "days"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--rows", type=int, nargs="*")
    parser.add_argument("--shifts", nargs="+")
    parser.add_argument("--make", type=int, help="only make the release of this stream")
    given = parser.parse_args()
    if given.make is not None:
        release_of(given.folder, given.package, given.make)
        return
    common = (given.folder, given.package, given.streams)
    if given.years:
        play, jobs = (
            partial(year, *common, given.days),
            list(product(range(given.years), given.shifts)),
        )
    else:
        play = partial(judged, *common, given.times, given.shown)
        jobs = list(product(given.rows, given.shifts, range(min(given.streams, given.times))))
    # Each in a process that ends by itself: those of a pool wait for threads that training leaves.
    make = [sys.executable, __file__, *map(str, (given.folder, given.package, given.out)), "--make"]
    missing = [n for n in range(given.streams) if not there(*common[:2], n)]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        made = threads.map(lambda stream: subprocess.run([*make, str(stream)]), missing)
        if any(done.returncode for done in made):
            sys.exit(1)
    with ProcessPoolExecutor() as pool, given.out.open("w", encoding="utf-8") as out:
        for place, found in enumerate(pool.map(play, jobs), 1):
            for line in found if isinstance(found, list) else [found]:
                out.write(json.dumps(line, default=bool) + "\n")
            print(f"\r{place} of {len(jobs)}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


if __name__ == "__main__":
    main()
