"""Columns that follow the time: its month or weekday in other words, or what rises with it.

In: typed rows and the contract. Out: which columns, and how. A window of later rows holds only some
of the values of such a column, so that to compare it is to compare the calendar. A column is called
so where many rows could have said otherwise, and hardly any does.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from .contract import NUMERIC, Column, Contract
from .leaks import Finding
from .profile import as_float

ROWS, BLOCK = 8000, 500  # rows that are looked at: enough for every part of the calendar
FEWEST, USUAL = 20, 0.05  # rows, and share of rows, that do not have the commonest value
AGREE = 0.99  # share of the rows of a part that have its value; clocks may differ by an hour
PAIRS = 2  # rows a part on average: less could agree because they are copies of one another
FULL = 10  # the same where several parts have one value: a day's rows may come from one place
RISES = 0.99  # of the highest rank correlation that is possible with these ties
FEW_RUNS = 0.05  # of the runs of one value that rows in any order would have
# Parts of the time that never come again.
ONCE = ("", "year", "quarter with its year", "month with its year", "week with its year", "date")

Parts = dict[str, np.ndarray]


@dataclass(frozen=True)
class Follower:
    """How a column follows the time, in words; again: its values come back, as months do."""

    how: str
    again: bool


def follow_time(typed: pd.DataFrame, contract: Contract, ordered: bool) -> dict[str, Follower]:
    """Return the features that follow the time, by name.

    ordered: the order of the rows is time, though no column says so.
    """
    there = [c for c in contract.with_role("feature", "time") if c.name in typed]
    time = next((c for c in there if c.role == "time" and c.kind in ("date", *NUMERIC)), None)
    if time is None and not ordered:
        return {}
    places = np.arange(len(typed))
    moments = typed[time.name] if time else pd.Series(places, typed.index)
    places = places[moments.notna()]
    if len(places) > ROWS:
        places = _drawn(places, time is None)
    sample, moments = typed.iloc[places], moments.iloc[places]
    parts = _parts(moments, time)
    name = f"'{time.name}'" if time else "the order of the rows"
    features = [c for c in there if c.role == "feature"]
    found = {c.name: _how(sample[c.name], c, moments, parts) for c in features}
    return {
        column: Follower(f"{how} {name}", again) for column, (how, again) in found.items() if how
    }


def _drawn(places: np.ndarray, blocks: bool) -> np.ndarray:
    """Return 8,000 of the places, ascending; in blocks of 500 where neighbours belong together."""
    if not blocks:
        return np.sort(np.random.default_rng(0).choice(places, ROWS, replace=False))
    starts = np.linspace(0, len(places) - BLOCK, ROWS // BLOCK).astype(int)
    return places[np.unique(starts[:, None] + np.arange(BLOCK))]


def flagged(contract: Contract, followers: dict[str, Follower]) -> Contract:
    """Return the contract with a flag on the columns that follow the time."""
    columns = (c.replace(follows_time=True) if c.name in followers else c for c in contract.columns)
    return contract.model_copy(update={"columns": tuple(columns)})


def about_time(followers: dict[str, Follower], contract: Contract) -> Iterator[Finding]:
    """Yield a finding on each column that follows the time: what that means, and what to do."""
    for column in contract.with_role("feature"):
        if column.name not in followers:
            continue
        follower = followers[column.name]
        drift = "the drift check does not compare it"
        if not column.follows_time:
            drift = "with `follows_time: true` in contract.yaml the drift check does not compare it"
        if follower.again:
            text = f"a window holds only some of its values, so {drift}; "
            text += "add it to `ignore` if the model should not know the season"
        else:
            text = "a model cannot learn from values that it will only meet later; "
            text += f"add it to `ignore`; {drift}"
        yield Finding(column.name, f"{follower.how}: {text}")


def _parts(moments: pd.Series, time: Column | None) -> Parts:
    """Return the parts of the time as codes, by name; a number has one, without a name."""
    if time is None:
        return {}
    if time.kind != "date":
        return {"": pd.factorize(moments)[0]}
    dt = moments.dt
    names = {
        "year": dt.year,
        "quarter": dt.quarter,
        "month": dt.month,
        "ISO week": dt.isocalendar().week,
        "weekday": dt.day_of_week,
        "day": dt.day,
        "hour": dt.hour,
        "day of the year": dt.day_of_year,
        "day and month": 32 * dt.month + dt.day,
        "clock time": 60 * dt.hour + dt.minute,
        "quarter with its year": 4 * dt.year + dt.quarter,
        "month with its year": 12 * dt.year + dt.month,
        "week with its year": dt.to_period("W"),
        "date": dt.normalize(),
    }
    return {name: pd.factorize(part)[0] for name, part in names.items()}


def _how(values: pd.Series, column: Column, moments: pd.Series, parts: Parts) -> tuple[str, bool]:
    """Return how a column follows the time, and if its values come back; "" if it does not."""
    known = (values.notna() & (values != "")).to_numpy()
    codes = pd.factorize(values[known])[0]
    counts, rows = np.bincount(codes), len(codes)
    if not rows or rows - counts.max() < max(FEWEST, USUAL * rows):
        return "", False
    for name, part in parts.items():
        if word := _function(codes, part[known], counts):
            how = f"{word} the {name} of" if name else "follows from"
            return how, word != "is" or name not in ONCE
    dated = pd.api.types.is_datetime64_any_dtype(moments)
    # Where both are dates, one is compared by its distance from the other.
    ranked = column.kind in NUMERIC or (column.kind == "date" and not dated)
    if ranked and (word := _rises(values[known], moments[known])):
        return f"{word} with", False
    stretched = not dated and _stretched(codes, counts, moments[known])
    return ("keeps one value for long stretches of" if stretched else ""), True


def _function(codes: np.ndarray, part: np.ndarray, counts: np.ndarray) -> str:
    """Return "is" if each part of the time has one value of its own, "follows from" if one value.

    codes, part: (rows,) codes of value and part; counts: rows by value. Each row of a part after
    its first could contradict it.
    """
    rows, values = len(codes), len(counts)
    pairs, sizes = np.unique(part * values + codes, return_counts=True)
    groups = len(np.unique(pairs // values))
    if groups < 2 or rows < PAIRS * groups or values > groups + (1 - AGREE) * rows:
        return ""
    order = np.lexsort((sizes, pairs // values))
    last = np.append(np.diff(pairs[order] // values) > 0, True)
    if sizes[order][last].sum() - groups < AGREE * (rows - groups):
        return ""
    if len(np.unique(pairs[order][last] % values)) == groups:
        return "is"
    return "follows from" if rows >= FULL * groups else ""


def _rises(values: pd.Series, moments: pd.Series) -> str:
    """Return "rises" or "falls" if the order of the values is that of the time, up to ties."""
    ranks, times = stats.rankdata(as_float(values)), stats.rankdata(as_float(moments))
    if times.min() == times.max():
        return ""
    found = np.corrcoef(ranks, times)[0, 1]
    ends = np.sort(times) if found > 0 else np.sort(times)[::-1]
    most = np.corrcoef(np.sort(ranks), ends)[0, 1]
    return "" if abs(found) < RISES * abs(most) else "rises" if found > 0 else "falls"


def _stretched(codes: np.ndarray, counts: np.ndarray, moments: pd.Series) -> bool:
    """Tell if the values, in the order of time, come in few and long runs."""
    rows, ordered = len(codes), codes[np.argsort(moments.to_numpy(), kind="stable")]
    runs = 1 + int((np.diff(ordered) != 0).sum())
    by_chance = rows * (1 - ((counts / rows) ** 2).sum())
    return runs <= FEW_RUNS * by_chance
