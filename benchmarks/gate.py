"""How often the gate is wrong: models whose true difference is known, judged again and again.

    .venv/bin/python benchmarks/gate.py
    .venv/bin/python benchmarks/gate.py --times 200

Two models see the same truth, each through errors of its own and errors that they share; how much
noise makes one better by the margin is found on half a million rows. What the gate of a generated
project says of them is counted, beside the two rules that are common: the higher score wins, and
the same interval without a word about how often one has looked.
"""

import argparse
import importlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from itertools import product
from types import SimpleNamespace
from typing import Any

import numpy as np
from training import example_project

SHARED = 0.6  # of the variance of a model's error: two models of one table err alike
# Variance of the champion's error (of log-odds, or of the number to predict) and of what nobody
# can know of the number: AUC .73, R2 .88 and R2 .39.
USUAL = {"auc": 0.5, "auc, groups of 5": 0.5, "r2": 0.1, "r2, noisy": 0.5}
UNKNOWN = {"r2": 0.1, "r2, noisy": 1.0}
LOSS = 0.003
MANY = 500_000


def score_of(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return AUC for 0/1, R2 for numbers; without a bootstrap, for many rows."""
    if y_true.dtype.kind == "f":
        return float(1 - ((y_true - y_pred) ** 2).mean() / y_true.var())
    order = np.argsort(y_pred)
    ranks, positives = np.flatnonzero(y_true[order]) + 1.0, y_true.sum()
    found = ranks.sum() - positives * (positives + 1) / 2
    return float(found / positives / (len(y_true) - positives))


def world(kind: str, rows: int, noises: list[float], random: Any) -> Any:
    """Return truth, a guess for each noise, and groups of the rows, drawn anew."""
    size = 5 if kind == "auc, groups of 5" else 1
    groups = np.arange(rows) // size

    def drawn() -> np.ndarray:
        own, alike = random.normal(size=rows), random.normal(size=rows // size + 1)[groups]
        return own if size == 1 else np.sqrt(0.5) * (own + alike)

    signal = 1.2 * drawn() - 1
    shared = drawn()
    y_preds = [
        signal + np.sqrt(v) * (np.sqrt(SHARED) * shared + np.sqrt(1 - SHARED) * drawn())
        for v in noises
    ]
    if kind in UNKNOWN:
        return signal + np.sqrt(UNKNOWN[kind]) * random.normal(size=rows), y_preds, groups
    chance = 1 / (1 + np.exp(-signal))
    y_true = (random.random(rows) < chance).astype("int64")
    return y_true, [1 / (1 + np.exp(-g)) for g in y_preds], groups


@cache
def noise_for(kind: str, better_by: float) -> float:
    """Return the variance of the error that makes a model better by so much than the usual one."""
    lower, upper = 0.0, 4 * USUAL[kind]
    base = score_of(*_one(kind, USUAL[kind]))
    for _ in range(14):
        middle = (lower + upper) / 2
        above = score_of(*_one(kind, middle)) - base > better_by
        lower, upper = (middle, upper) if above else (lower, middle)
    return (lower + upper) / 2


def _one(kind: str, noise: float) -> tuple[np.ndarray, np.ndarray]:
    y_true, (y_pred,), _ = world(kind, MANY, [noise], np.random.default_rng(0))
    return y_true, y_pred


def once(kind: str, rows: int, noises: tuple[float, float], question: str, seed: int) -> list[bool]:
    """Return whether each rule promotes: ours, and the higher score."""
    project = parts()
    y_true, (ours, theirs), groups = world(kind, rows, list(noises), np.random.default_rng(seed))
    pair = project.PairedPredictions(y_true, ours, theirs, groups, seed)
    ask = project.superiority if question == "change" else project.non_inferiority
    check = ask(pair, project.metric_of(kind), project.allowed, 1)
    return [check.verdict == "promote", check.gain.value > 0]


def sixty(kind: str, rows: int, noise: float, seed: int) -> list[bool]:
    """Return for sixty equal challengers on one test set whether one gets through, by each rule."""
    project, random = parts(), np.random.default_rng(seed)
    y_true, y_preds, groups = world(kind, rows, [noise] * 61, random)
    passed = np.zeros(3, dtype=bool)
    for look, y_pred in enumerate(y_preds[1:], 1):
        pair = project.PairedPredictions(y_true, y_pred, y_preds[0], groups, seed)
        at = [
            project.superiority(pair, project.metric_of(kind), project.no_margin, n)
            for n in (look, 1)
        ]
        passed |= [*(c.verdict == "promote" for c in at), at[0].gain.value > 0]
    return list(passed)


def creep(kind: str, rows: int, losses: list[float], seed: int) -> list[bool]:
    """Return whether thirty small losses end below the tolerance: with the anchor, and without.

    Each is a refresh, no worse by the tolerance; each month has a test set of its own.
    """
    project, random = parts(), np.random.default_rng(seed)
    at, looks = {True: 0, False: 0}, 0  # how many losses the champion has taken; at the anchor
    for _ in losses[1:]:
        for anchored, place in list(at.items()):
            noises = [losses[place + 1], losses[place], losses[0]]
            y_true, (ours, theirs, first), groups = world(kind, rows, noises, random)
            pair = project.PairedPredictions(y_true, ours, theirs, groups, seed)
            passed = project.non_inferiority(pair, project.metric_of(kind), project.allowed, 1)
            against = project.PairedPredictions(y_true, ours, first, groups, seed)
            looks += anchored
            kept = project.non_inferiority(against, project.metric_of(kind), project.allowed, looks)
            if passed.verdict == "promote" and (kept.verdict == "promote" or not anchored):
                at[anchored] += 1
    allowed = project.allowed.tolerance / LOSS
    return [at[True] > allowed, at[False] > allowed]


@cache
def parts() -> Any:
    """Return what is measured: the functions and the default settings of the library."""
    compare, questions, release, evaluation = (
        importlib.import_module(f"ml_lifecycle.{name}")
        for name in ("evaluation.compare", "release.questions", "release", "evaluation")
    )

    def metric_of(kind: str) -> Any:
        task, name = ("regression", "r2") if kind in UNKNOWN else ("binary", "roc_auc")
        return questions.Metric(name, evaluation.METRICS[task][name])

    allowed = release.GateSettings()
    return SimpleNamespace(
        PairedPredictions=compare.PairedPredictions, superiority=questions.superiority,
        non_inferiority=questions.non_inferiority, metric_of=metric_of, allowed=allowed,
        no_margin=allowed.model_copy(update={"margin": 0.0}),
    )  # fmt: skip


def line(pool: Any, what: str, play: Callable[[int], list[bool]], times: int) -> None:
    """Print one row: the share of each rule, with its standard error for the first."""
    shares = np.mean(list(pool.map(play, range(times), chunksize=4)), axis=0)
    error = np.sqrt(max(shares[0] * (1 - shares[0]), 1 / times) / times)
    cells = [f"{shares[0]:.3f} ± {error:.3f}", *(f"{share:.3f}" for share in shares[1:])]
    print(f"| {what} | {times} | {' | '.join(cells)} |", flush=True)


def simulate(times: int) -> None:
    """Print the tables."""
    margin, tolerance = parts().allowed.margin, parts().allowed.tolerance
    sizes = 300, 1_000, 10_000
    truths = {
        "change": {"equal": 0.0, "worse by the margin": -margin, "better by twice it": 2 * margin},
        "refresh": {
            "equal": 0.0,
            "worse by the tolerance": -tolerance,
            "worse by half of it": -tolerance / 2,
            "better by the margin": margin,
        },
    }
    with ProcessPoolExecutor() as pool:
        for question, known in truths.items():
            print(f"\nA {question}; margin {margin:g}, tolerance {tolerance:g}.\n")
            print("| truth | times | gate promotes | the higher score |", flush=True)
            for kind, (name, gap), rows in product(USUAL, known.items(), sizes):
                play = partial(once, kind, rows, (noise_for(kind, gap), USUAL[kind]), question)
                line(pool, f"{kind}: {name}, {rows:,} rows", play, times)
        print("\n| sixty equal | times | one passes | 95 % at each look | the highest |")
        for kind in ("auc", "r2"):
            play = partial(sixty, kind, 1_000, USUAL[kind])
            line(pool, f"{kind}, margin 0, 1,000 rows", play, max(times // 4, 1))
        losses = list(pool.map(partial(noise_for, "auc"), [-LOSS * n for n in range(31)]))
        print("\n| thirty losses | times | below the anchor's tolerance | without an anchor |")
        play = partial(creep, "auc", 2_000, losses)
        line(pool, f"auc, {LOSS} each, a refresh a month, 2,000 rows", play, max(times // 8, 1))


def main() -> None:
    """Make a project, and simulate in its environment."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--times", type=int, default=400, help="simulations a line")
    parser.add_argument("--inside", action="store_true", help="ml_lifecycle can be imported here")
    given = parser.parse_args()
    if given.inside:
        return simulate(given.times)
    python = example_project("bench-gate") / ".venv" / "bin" / "python"
    command = [python, __file__, "--inside", "--times", str(given.times)]
    sys.exit(subprocess.run(command, check=False).returncode)


if __name__ == "__main__":
    main()
