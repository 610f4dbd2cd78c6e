"""What a person watches besides: age, predictions, missing and new values, outcomes to come.

In: a release and a window of served rows. Out: a `Vital` for each line of the page; no verdict
rests on them.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..evaluation.scored import served_scores
from ..ledger.traffic import Traffic
from ..release.bundle import Release
from ..words import called, counted
from .baseline import DAY, Baseline, middle
from .changes import Histogram
from .unseen import never_seen

CELLS = 10
LATE = 0.9  # of the outcomes that came, after how long an outcome is late
OVERDUE = 0.25  # of the rows that should have one by now
TWICE, ENOUGH, FAILED = 2, 100, 0.01  # times as slow; requests to compare with; of the requests


@dataclass(frozen=True)
class Vital:
    """A number of the window beside that of the release, in words; odd: whether to look at it."""

    name: str
    now: str
    before: str
    odd: bool = False


def vitals(
    release: Release, known: Baseline, fresh: pd.DataFrame, window: pd.DataFrame
) -> list[Vital]:
    """Return what is worth a line; fresh: as `Ledger.served` returns rows; window: typed."""
    y_pred = served_scores(release.classes, fresh)
    said = [_age(release, known, fresh, window), _predictions(release.classes, known, y_pred)]
    come = _outcomes(fresh) if "outcome_at" in fresh else None
    return [one for one in [*said, *_values(release, window), come] if one]


def service_vitals(before: Traffic, now: Traffic) -> list[Vital]:
    """Return how fast and how whole the service's answers are, beside those of earlier checks."""
    if not now.requests:
        return []
    then, took = (1000 * part.seconds / max(part.requests, 1) for part in (before, now))
    known, share = before.requests >= ENOUGH, now.failed / now.requests
    usual = before.failed / max(before.requests, 1)
    slow = Vital(
        "milliseconds of a request",
        f"{took:,.1f} ({counted(now.requests, 'request')})",
        f"{then:,.1f} before" if known else "",
        known and took > TWICE * then,
    )
    failed = f"{usual:.2%} before" if known else ""
    return [
        slow,
        Vital("requests that failed", f"{share:.2%}", failed, share > max(FAILED, TWICE * usual)),
    ]


def pictured(classes: tuple[str, ...], known: Baseline, y_pred: np.ndarray) -> Histogram:
    """Return how predictions are distributed: tenths of the test rows', or classes."""
    if known.y_pred.ndim == 2:
        cells: tuple[str, ...] = classes
        places = [part.argmax(axis=1) for part in (known.y_pred, y_pred)]
    else:
        edges = np.unique(np.quantile(known.y_pred, np.linspace(0, 1, CELLS + 1)[1:-1]))
        cells = (*(f"≤ {edge:,.3g}" for edge in edges), "more")
        places = [np.searchsorted(edges, part) for part in (known.y_pred, y_pred)]
    shares = [np.bincount(place, minlength=len(cells)) / len(place) for place in places]
    return Histogram(cells, tuple(shares[0].tolist()), tuple(shares[1].tolist()))


def _age(
    release: Release, known: Baseline, fresh: pd.DataFrame, window: pd.DataFrame
) -> Vital | None:
    """Tell how much later the rows are than the test rows, and what the staleness curve says."""
    curve, later = release.evaluation.staleness, middle(window, release.contract) - known.middle
    if np.isnan(later):
        if "created_at" not in fresh:
            return None
        # Rows that do not say when: since the training.
        came = pd.to_datetime(fresh["created_at"], utc=True).median()
        days = (came - pd.Timestamp(release.manifest.trained_at)).total_seconds() / DAY
        return Vital("age of the model", f"{max(days, 0):,.0f} days since its training", "")
    if not curve or later < 0:
        return None
    unit, metric = curve[0].unit, called(release.evaluation.metric)
    ages, scores = [point.age for point in curve], [point.score for point in curve]
    now = f"served rows are {later:,.0f} {unit} later than its test rows"
    expected = float(np.interp(later, ages, scores))
    reach = "" if later <= ages[-1] else f", where the curve ends ({ages[-1]:,.0f} {unit})"
    said = f"so old, models scored {metric} {expected:.3f}{reach}; fresh ones {scores[0]:.3f}"
    # Where intervals lie apart, age was seen to cost.
    oldest = next((p for p in curve if p.age >= later), curve[-1])
    best, worst = sorted([oldest, curve[0]], key=lambda point: point.score, reverse=True)
    return Vital("age of the model", now, said, best is curve[0] and worst.high < best.low)


def _predictions(classes: tuple[str, ...], known: Baseline, y_pred: np.ndarray) -> Vital:
    if known.y_pred.ndim == 2:
        shares = pictured(classes, known, y_pred)
        apart = np.abs(np.subtract(shares.after, shares.before))
        place = int(apart.argmax())
        now, before = f"{shares.after[place]:.1%}", f"{shares.before[place]:.1%}"
        return Vital(f"predicted '{classes[place]}'", now, before)
    name = f"mean probability of '{classes[1]}'" if classes else "mean prediction"
    return Vital(name, f"{y_pred.mean():,.4g}", f"{known.y_pred.mean():,.4g}")


def _values(release: Release, window: pd.DataFrame) -> list[Vital]:
    """Tell the shares of values that are missing, and of names that training never saw."""
    profiles = release.reference.columns
    columns = [c for c in release.contract.with_role("feature") if c.name in profiles]
    if not columns or not len(window):
        return []
    missing = sum(int(window[c.name].isna().sum()) for c in columns) / len(columns) / len(window)
    before = np.mean([p.missing / max(p.rows, 1) for p in profiles.values()])
    found = [Vital("missing values", f"{missing:.2%}", f"{before:.2%}")]
    known = [(c, seen) for c in columns if (seen := profiles[c.name].seen)]
    if known:
        new = sum(len(never_seen(seen, window[c.name], c)) for c, seen in known)
        found.append(Vital("values never seen", f"{new / len(known) / len(window):.2%}", ""))
    return found


def _outcomes(fresh: pd.DataFrame) -> Vital | None:
    """Tell how many outcomes have come, and how many are later than those usually are."""
    came = pd.to_datetime(fresh["outcome_at"], utc=True)
    asked = pd.to_datetime(fresh["created_at"], utc=True)
    have = fresh["outcome"].notna().to_numpy()
    now = f"{have.sum():,} of {counted(len(fresh), 'row')} have one"
    if not have.any():
        return Vital("outcomes", now, "")
    delays = (came - asked)[have]
    usual, late = delays.median(), delays.quantile(LATE)
    due = (asked <= max(asked.max(), came.max()) - late).to_numpy()
    overdue = due & ~have
    days = usual.total_seconds() / DAY
    said = f"they come after {f'{days:,.1f} days' if days >= 1 else f'{24 * days:,.1f} hours'}"
    if overdue.any():
        now += f", {counted(int(overdue.sum()), 'row')} wait longer than usual"
    return Vital("outcomes", now, said, bool(overdue.sum() > OVERDUE * max(due.sum(), 1)))
