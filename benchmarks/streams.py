"""The streams of the drift benchmark: a world of 30 mixed columns, and what may happen to it.

In: a shift, a number of rows and a seed. Out: rows as a model is served them, and their outcomes.
Numpy and pandas only, so that each peer draws the same windows in an environment of its own.

18 numbers (skewed, whole, heavy-tailed, with gaps; some go together) and 12 categories (one with a
tail of 300) stand for latent normal columns; a third of the columns does not matter for the target.
A fifth of the rows is of a subpopulation that lies half a standard deviation off in six columns.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NUMBERS, TARGET = 18, "target"
SHARES: dict[str, Any] = {
    "c0": (0.5, 0.3, 0.2),
    "c1": (0.4, 0.3, 0.2, 0.1),
    "c2": (0.3, 0.25, 0.2, 0.15, 0.1),
    "c3": (0.7, 0.3),
    "c4": (0.25, 0.25, 0.25, 0.25),
    "c5": (0.4, 0.3, 0.2, 0.1),
    "c6": (0.125,) * 8,
    "c7": 1 / np.arange(1, 301) / (1 / np.arange(1, 301)).sum(),  # Zipf's law
    "c8": (0.4, 0.35, 0.25),
    "c9": (0.6, 0.35, 0.045, 0.005),
    "c10": (0.1,) * 10,
    "c11": (0.6, 0.4),
}
USED = 8  # of the categories; of the numbers it is the first twelve
EFFECTS = np.random.default_rng(7).normal(0, 0.5, (USED, 300))
OFF, OTHERS = [2, 4, 7, 9, 12, 15], (0.25, 0.3, 0.25, 0.2)  # of the subpopulation: numbers, c5
FRONTIER = 2.2  # few training rows lie beyond it, and there the strong columns act the other way
CHANGE = 100  # the day, from 0, on which a year changes, if it does
MISSING = {"n3": 0.01, "n16": 0.05}


@dataclass
class Rows:
    """What lies behind a window: latent normal numbers, (rows, 18), and codes of categories."""

    latent: np.ndarray
    codes: dict[str, np.ndarray]


Latent = Callable[[Rows, Any], None]
Observed = Callable[[pd.DataFrame, Any], None]


@dataclass(frozen=True)
class Shift:
    """What happened. right: the verdicts that are no mistake.

    latent: changes the world in place, before outcomes are drawn; observed: changes what is served;
    reversed_: share of the rows where the strong columns act the other way; others: share of the
    subpopulation; labels: whether outcomes have come.
    """

    right: tuple[str, ...] = ("watch",)
    latent: Latent | None = None
    observed: Observed | None = None
    reversed_: float = 0.0
    others: float = 0.2
    labels: bool = False
    missing: dict[str, float] = field(default_factory=lambda: MISSING)


def moved(place: int, by: float) -> Latent:
    """Move a number by so many standard deviations (of its latent one)."""

    def change(rows: Rows, random: Any) -> None:
        rows.latent[:, place] += by

    return change


def swapped(rows: Rows, random: Any) -> None:
    """Turn a tenth of the rows from the commonest value of c1 into the rarest."""
    codes = rows.codes["c1"]
    common = np.flatnonzero(codes == 0)
    codes[random.permutation(common)[: len(codes) // 10]] = 3


def beyond(rows: Rows, random: Any) -> None:
    """Send a fifth of the rows to where the model has seen few."""
    away = random.random(len(rows.latent)) < 0.2
    rows.latent[away, 8] = FRONTIER + np.abs(random.normal(0, 0.4, away.sum()))


def other_unit(frame: pd.DataFrame, random: Any) -> None:
    """Multiply a number by 100."""
    frame["n2"] *= 100


def new_value(frame: pd.DataFrame, random: Any) -> None:
    """Write a value that nobody has seen into three rows of a hundred."""
    frame.loc[random.random(len(frame)) < 0.03, "c2"] = "c2_new"


def torn(frame: pd.DataFrame, random: Any) -> None:
    """Permute one of two numbers that go together."""
    frame["n1"] = random.permutation(frame["n1"].to_numpy())


SHIFTS = {
    "none": Shift(("quiet",), labels=True),
    "mean by 0.3 sd": Shift(latent=moved(5, 0.3)),
    "mean by 0.02 sd": Shift(("quiet", "watch"), latent=moved(5, 0.02)),
    "10 % of a category": Shift(latent=swapped),
    "missing 1 to 5 %": Shift(("fault",), missing=MISSING | {"n3": 0.05}),
    "unit x 100": Shift(("fault",), observed=other_unit),
    "new category, 3 %": Shift(("fault",), observed=new_value),
    "broken correlation": Shift(observed=torn),
    "subpopulation 20 to 30 %": Shift(others=0.3),
    "concept": Shift(("retrain",), reversed_=0.13, labels=True),
    "concept, big": Shift(("retrain",), reversed_=0.6, labels=True),
    "harmless, 0.5 sd": Shift(latent=moved(10, 0.5)),
    "ignored, 0.5 sd": Shift(latent=moved(13, 0.5)),
    "harm": Shift(("retrain",), latent=beyond, labels=True),
}


def training_table(rows: int, stream: int) -> pd.DataFrame:
    """Return the rows that a model of this stream is trained and judged on, with their target."""
    frame, outcome = _drawn(Shift(), rows, np.random.default_rng(stream))
    return frame.assign(**{TARGET: outcome})


def window(shift: str, rows: int, stream: int, number: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Return features and outcomes ("yes" or "no") of a window that is drawn anew.

    The outcomes are there for all shifts; whether the check may see them is `Shift.labels`.
    """
    seed = [stream, list(SHIFTS).index(shift), rows, number]
    return _drawn(SHIFTS[shift], rows, np.random.default_rng(seed))


def shown_windows(
    folder: Path, job: dict[str, Any]
) -> Iterator[tuple[int, str, int, list[pd.DataFrame]]]:
    """Yield stream, shift, rows, and the windows that peers are shown, with `y_pred` and target.

    folder: of reference.parquet, and of what the model said; job: streams, shown, rows and shifts.
    The windows are drawn again; that numpy draws the same ones everywhere is looked at.
    """
    for stream in range(min(job["streams"], job["shown"])):
        for shift in job["shifts"]:
            answers = np.load(folder / f"stream-{stream}" / f"{shift}-{job['rows']}.npz")
            numbers = range(stream, job["shown"], job["streams"])
            frames = []
            for number, said, mark in zip(numbers, answers["said"], answers["marks"], strict=True):
                frame, outcome = window(shift, job["rows"], stream, number)
                assert mark == frame["n0"].sum(), "this numpy draws other windows"
                frames.append(frame.assign(**{"y_pred": said, TARGET: outcome}))
            yield stream, shift, job["rows"], frames


def _drawn(shift: Shift, rows: int, random: Any) -> tuple[pd.DataFrame, np.ndarray]:
    drawn = _world(rows, shift.others, random)
    if shift.latent:
        shift.latent(drawn, random)
    chance = 1 / (1 + np.exp(-_log_odds(drawn, shift.reversed_, random)))
    outcome = np.where(random.random(rows) < chance, "yes", "no").astype(object)
    frame = _observed(drawn)
    for name, share in shift.missing.items():
        frame.loc[random.random(rows) < share, name] = np.nan
    if shift.observed:
        shift.observed(frame, random)
    return frame, outcome


def _world(rows: int, others: float, random: Any) -> Rows:
    """Draw latent rows: n0 with n1, n4 to n6, n10 with n11 and n12 with n13 go together."""
    latent = random.normal(size=(rows, NUMBERS))
    for one, other, together in ((0, 1, 0.85), (10, 11, 0.6), (12, 13, 0.7)):
        latent[:, other] = together * latent[:, one] + np.sqrt(1 - together**2) * latent[:, other]
    latent[:, 4:7] = np.sqrt(0.5) * (latent[:, 4:7] + random.normal(size=(rows, 1)))
    codes = {n: random.choice(len(shares), rows, p=shares) for n, shares in SHARES.items()}
    codes["c4"] = np.digitize(latent[:, 4] + random.normal(size=rows), (-1, 0, 1))
    other = random.random(rows) < others
    latent[np.ix_(other, OFF)] += 0.5
    codes["c5"][other] = random.choice(len(OTHERS), other.sum(), p=OTHERS)
    return Rows(latent, codes)


def _log_odds(rows: Rows, reversed_: float, random: Any) -> np.ndarray:
    """Return the log-odds of "yes". n10 acts in waves, so that a move of it evens out."""
    z = rows.latent.T
    strong = 1.2 * np.tanh(1.5 * z[2]) + z[5]
    turned = (random.random(len(strong)) < reversed_) ^ (z[8] > FRONTIER)
    found = np.where(turned, -strong, strong) - 1.7
    found += 0.5 * z[0] * z[1] + 0.8 * (z[3] > 0.5) + 0.6 * np.sin(2 * z[4]) + 0.4 * np.abs(z[6])
    found += 0.4 * z[7] + 0.3 * z[8] * (rows.codes["c1"] == 1) + 0.4 * z[9]
    found += 0.7 * np.sin(3 * z[10]) + 0.3 * z[11]
    for effects, name in zip(EFFECTS, list(SHARES)[:USED], strict=True):
        found += effects[rows.codes[name]]
    return found


def _observed(rows: Rows) -> pd.DataFrame:
    """Return the latent rows as a table has them: logarithms, whole numbers, long tails, names."""
    z = rows.latent.T
    numbers = {
        "n0": z[0], "n1": 20 + 5 * z[1], "n2": 10 * np.exp(0.7 * z[2]), "n3": z[3],
        "n4": np.exp(z[4]), "n5": 100 + 15 * z[5], "n6": np.floor(np.exp(0.6 * z[6] + 2)),
        "n7": np.sinh(1.3 * z[7]), "n8": 50 + 10 * z[8], "n9": np.round(8 + 3 * z[9]).clip(0),
        "n10": z[10], "n11": np.exp(0.5 * z[11]), "n12": z[12], "n13": 7 + 2 * z[13],
        "n14": np.sinh(1.5 * z[14]), "n15": np.round(np.clip(45 + 15 * z[15], 18, 90)),
        "n16": z[16], "n17": np.round(100 * np.exp(z[17]), 2),
    }  # fmt: skip
    frame = pd.DataFrame(numbers).round(4)
    for name, codes in rows.codes.items():
        values = np.array([f"{name}_{code}" for code in range(len(SHARES[name]))], dtype=object)
        frame[name] = values[codes]
    return frame.astype({name: object for name in rows.codes})
