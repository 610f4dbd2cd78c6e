"""Columns that follow the time: its month or weekday in other words, or what rises with it.

In: typed rows and the contract. Out: which columns, and how. A window of later rows holds only some
of the values of such a column, so that to compare it is to compare the calendar. A column is called
so where many rows could have said otherwise, and hardly any does.
"""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd
from scipy import stats

from .contract import NUMERIC, Column, Contract
from .finding import Finding, Follower
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


def follow_time(typed: pd.DataFrame, contract: Contract, ordered: bool) -> dict[str, Follower]:
    """Return the features that follow the time, by name.

    ordered: the order of the rows is time, though no column says so.
    """
    there = [column for column in contract.columns if column.name in typed]
    times = [c for c in there if c.role == "time" and c.kind in ("date", *NUMERIC)]
    if not times and not ordered:
        return {}
    moments = typed[times[0].name] if times else pd.Series(np.arange(len(typed)), typed.index)
    places = np.flatnonzero(moments.notna())
    if len(places) > ROWS:
        # In the order of rows, neighbours belong together.
        size = 1 if times else BLOCK
        starts = np.random.default_rng(0).choice(len(places) - size, ROWS // size, replace=False)
        places = places[np.unique(starts[:, None] + np.arange(size))]
    sample, moments = typed.iloc[places], moments.iloc[places]
    parts = _parts(moments) if times else {}
    name = f"'{times[0].name}'" if times else "the order of the rows"
    features = [column for column in there if column.role == "feature"]
    found = {c.name: _how(sample[c.name], c, moments, parts, name) for c in features}
    return {column: follower for column, follower in found.items() if follower}


def about_time(followers: Mapping[str, Follower], contract: Contract) -> Iterator[Finding]:
    """Yield a finding on each column that follows the time: what that means, and what to do."""
    for column in contract.with_role("feature"):
        if follower := followers.get(column.name):
            drift = "the drift check does not compare it"
            if not column.follows_time:
                drift = f"with `follows_time: true` in contract.yaml {drift}"
            text = "a model cannot learn from values that it will only meet later; "
            text += f"add it to `ignore`; {drift}"
            if follower.again:
                text = f"a window holds only some of its values, so {drift}; "
                text += "add it to `ignore` if the model should not know the season"
            yield Finding(column.name, f"{follower.how}: {text}")


def _parts(moments: pd.Series) -> dict[str, np.ndarray]:
    """Return the parts of the time as codes, by name; a number has one, without a name."""
    parts = {"": moments}
    if pd.api.types.is_datetime64_any_dtype(moments):
        dt = moments.dt
        parts = {
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
    return {name: pd.factorize(part)[0] for name, part in parts.items()}


def _how(
    values: pd.Series, column: Column, moments: pd.Series, parts: dict[str, np.ndarray], time: str
) -> Follower | None:
    """Return how a column follows the time, which is called `time`."""
    known = (values.notna() & (values != "")).to_numpy()
    codes = pd.factorize(values[known])[0]
    counts, rows = np.bincount(codes), len(codes)
    if not rows or rows - counts.max() < max(FEWEST, USUAL * rows):
        return None
    for name, part in parts.items():
        if word := _function(codes, part[known], len(counts)):
            how = f"{word} the {name} of {time}" if name else f"follows from {time}"
            return Follower(how, again=word != "is" or name not in ONCE)
    dated = pd.api.types.is_datetime64_any_dtype(moments)
    # Where both are dates, one is compared by its distance from the other.
    ranked = column.kind in NUMERIC or (column.kind == "date" and not dated)
    if ranked and (word := _rises(values[known], moments[known])):
        return Follower(f"{word} with {time}")
    # Runs of one value, and how many there would be in any order.
    runs = 1 + np.count_nonzero(np.diff(codes[np.argsort(moments[known], kind="stable")]))
    if not dated and runs <= FEW_RUNS * rows * (1 - ((counts / rows) ** 2).sum()):
        return Follower(f"keeps one value for long stretches of {time}", again=True)
    return None


def _function(codes: np.ndarray, part: np.ndarray, values: int) -> str:
    """Return "is" if each part of the time has one value of its own, "follows from" if one value.

    codes, part: (rows,) codes of value and part; values: how many there are. Each row of a part
    after its first could contradict it.
    """
    rows, groups = len(codes), len(np.unique(part))
    if groups < 2 or rows < PAIRS * groups or values > groups + (1 - AGREE) * rows:
        return ""
    pairs = pd.Series(part * values + codes).value_counts()
    commonest = pairs[~(pairs.index // values).duplicated()]
    if commonest.sum() - groups < AGREE * (rows - groups):
        return ""
    if (commonest.index % values).is_unique:
        return "is"
    return "follows from" if rows >= FULL * groups else ""


def _rises(values: pd.Series, moments: pd.Series) -> str:
    """Return "rises" or "falls" if the order of the values is that of the time, up to ties."""
    ranks, times = stats.rankdata(as_float(values)), stats.rankdata(as_float(moments))
    if times.min() == times.max():
        return ""
    found, most = (
        np.corrcoef(*pair)[0, 1] for pair in ((ranks, times), (np.sort(ranks), np.sort(times)))
    )
    return "" if abs(found) < RISES * most else "rises" if found > 0 else "falls"
