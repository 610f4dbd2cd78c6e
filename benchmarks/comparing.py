"""Our verdicts and the peers' alarms on the same windows, and the tables: see verdicts.py.

In: a package, and what to measure, as JSON. Out: tables. It runs in the project's environment; the
measuring is done by `judging.py` in that, and by `peers/` in environments of their own.
"""

import json
import os
import subprocess
import sys
from argparse import Namespace
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from streams import CHANGE, SHIFTS
from training import WORK, run

HERE = Path(__file__).parent
# Evidently 0.7 does not import with pandas 3, nor NannyML 0.13 without statsmodels.
PEERS = {
    "evidently": ["evidently==0.7.23", "pandas<3", "pyarrow"],
    "nannyml": ["nannyml==0.13.1", "pandas<3", "pyarrow", "statsmodels"],
}
# What the columns of the table are, by the names that the measuring scripts give them.
HEADS = {
    "held": "the estimate's interval holds the true loss",
    "plain": "KS/χ² at .05, any column",
    "plain, Bonferroni": "KS/χ² at .05/30",
    "evidently default": "Evidently, default (half of the columns)",
    "evidently any": "Evidently, any column",
    "evidently Bonferroni": "Evidently, KS/χ² at .05/30",
    "nannyml any": "NannyML, any column (3 sd)",
    "nannyml Bonferroni": "NannyML, any column (3.1 sd, Bonferroni)",
    "nannyml reconstruction": "NannyML, reconstruction",
    "nannyml estimated": "NannyML, estimated AUC",
    "nannyml realised": "NannyML, realised AUC",
}
VERDICTS = ("fault", "retrain", "watch")
# No chatter to their makers, and one thread for each process.
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "OMP_NUM_THREADS": "1"}


def ours(given: Namespace, shifts: list[str]) -> pd.DataFrame:
    """Measure our check and the plain tests in the project's environment; return all answers."""
    sizes = "-".join(map(str, given.rows))
    out = folder() / ("years.jsonl" if given.years else f"windows-{sizes}.jsonl")
    command = [sys.executable, HERE / "judging.py", folder(), given.package, out]
    command += ["--streams", given.streams]
    command += ["--times", given.times, "--shown", shown(given), "--years", given.years]
    command += ["--days", given.days]
    command += ["--rows", *given.rows, "--shifts", *shifts]
    done = subprocess.run(list(map(str, command)), env=os.environ | QUIET, check=False)
    if done.returncode:
        sys.exit(done.returncode)
    return pd.read_json(out, lines=True)


def folder() -> Path:
    """Return where releases, and what peers are shown, are kept between runs."""
    made = WORK / "verdicts"
    made.mkdir(parents=True, exist_ok=True)
    return made


def shown(given: Namespace) -> int:
    """Return how many of the windows of a kind the peers are shown."""
    return 0 if given.no_peers else min(given.times, given.peer_times)


def home(name: str) -> Path:
    """Return the Python of a peer, which is installed first if it is not there."""
    root = WORK / name
    python = root / "bin" / "python"
    if not (root / "ready").exists():
        run([sys.executable, "-m", "venv", "--clear", root], WORK)
        run([python, "-m", "pip", "install", "--quiet", *PEERS[name]], WORK)
        (root / "ready").touch()
    return python


def peer(name: str, rows: int, given: Namespace, shifts: list[str]) -> pd.DataFrame:
    """Return the alarms of a peer."""
    job = {"streams": given.streams, "shown": shown(given), "rows": rows, "shifts": shifts}
    command = [home(name), HERE / "peers" / f"{name}.py", folder(), json.dumps(job)]
    done = subprocess.run(
        list(map(str, command)), env=os.environ | QUIET, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(done.returncode)
    found = pd.DataFrame(json.loads(done.stdout.splitlines()[-1]))
    return found.rename(columns=lambda column: column if column == "shift" else f"{name} {column}")


def line(shift: str, rows: int, found: pd.DataFrame, others: list[pd.DataFrame]) -> str:
    """Return a line of the table: shares of windows."""
    verdicts = found["verdict"]
    cells = [f"{(verdicts == one).mean():.3f}" for one in VERDICTS]
    cells.insert(0, f"{(~verdicts.isin(['quiet', 'insufficient data'])).mean():.3f}")
    cells.append(f"{verdicts.isin(SHIFTS[shift].right).mean():.3f}")
    shares: dict[str, float] = {}
    for part in (found, *others):
        mine = part[part["shift"] == shift].drop(
            columns=["shift", "rows", "verdict"], errors="ignore"
        )
        shares |= mine.astype("float64").mean().to_dict()
    for name in HEADS:
        if name in shares:
            cells.append("" if np.isnan(shares[name]) else f"{shares[name]:.2f}")
    return f"| {shift} | {rows:,} | {' | '.join(cells)} |"


def windows(given: Namespace, shifts: list[str]) -> None:
    """Print the table of shifts and sizes."""
    found = ours(given, shifts)
    names = [] if given.no_peers else list(PEERS)
    jobs = [(name, rows) for rows in given.rows for name in names]
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        said = threads.map(lambda job: peer(*job, given, shifts), jobs)
        alarms = dict(zip(jobs, said, strict=True))
    heads = [text for name, text in HEADS.items() if name.startswith(("held", "plain", *names))]
    print(f"{given.times} windows a line, {shown(given)} of them for the peers.\n")
    print(f"| shift | rows | alarm | {' | '.join(VERDICTS)} | right | {' | '.join(heads)} |")
    print("|---" * (6 + len(heads)) + "|---|")
    for shift in shifts:
        for rows in given.rows:
            mine = found[(found["shift"] == shift) & (found["rows"] == rows)]
            print(line(shift, rows, mine, [alarms[n, rows] for n in names]))


def years(given: Namespace) -> None:
    """Print how many quiet years see a false alarm, and how late a change is seen."""
    found = ours(given, ["none", "concept"])
    quiet, changed = (found.loc[found["shift"] == shift, "days"] for shift in ("none", "concept"))
    print(f"{given.years} years of {given.days} days without drift; how many see at least one:\n")
    alarm = quiet.map(lambda days: any(day not in ("quiet", "insufficient data") for day in days))
    print(f"| any alarm | {' | '.join(VERDICTS)} |\n|---|---|---|---|")
    shares = [quiet.map(lambda days, one=one: one in days).mean() for one in VERDICTS]
    print(f"| {' | '.join(f'{share:.3f}' for share in (alarm.mean(), *shares))} |")
    for name, heard in (("retrain", {"retrain"}), ("any alarm", {"retrain", "fault", "watch"})):
        late = changed.map(lambda days, heard=heard: delay(days[CHANGE:], heard))
        middle, most = np.quantile(late, [0.5, 0.9], method="higher")
        print(f"\nA concept change, days until {name}: median {middle:g}, 90 % {most:g}.")


def delay(days: list[str], heard: set[str]) -> float:
    """Return on which day, from 1, a verdict is heard; infinite if never."""
    return next((day for day, verdict in enumerate(days, 1) if verdict in heard), np.inf)


def main() -> None:
    """Run what is asked for."""
    given = Namespace(**json.loads(sys.argv[1]))
    if unknown := set(given.shift) - set(SHIFTS):
        sys.exit(f"unknown: {', '.join(unknown)}; known: {', '.join(SHIFTS)}")
    years(given) if given.years else windows(given, given.shift or list(SHIFTS))


if __name__ == "__main__":
    main()
