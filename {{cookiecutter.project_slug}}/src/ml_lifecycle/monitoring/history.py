"""Cut what was served into parts that are judged one by one: days, months, or kinds of rows.

In: served rows. Out: named parts of them.
"""

from dataclasses import replace
from typing import Any

import pandas as pd

from ..data.contract import Contract
from ..data.profile import profile
from ..data.values import spell
from ..errors import WrongUse
from ..release.bundle import Release, holdout
from .baseline import Baseline, baseline
from .settings import DriftSettings
from .window import keys_of, moments_of

PERIODS = {"day": "D", "month": "M"}
MOST = 400  # parts


def parted(served: pd.DataFrame, by: str, contract: Contract) -> list[tuple[str, pd.DataFrame]]:
    """Return the parts of served rows in order; by: day, month, or a column that was sent.

    The time is that of the rows where they say one, else that of the request.

    Raises:
        WrongUse: no such column, or one with more values than anybody would read.

    """
    if not len(served):
        return []
    known = sorted({name for inputs in served["inputs"] for name in inputs})
    if by not in PERIODS and by not in known:
        raise WrongUse(f"--by {by}: give day, month or one of {', '.join(known)}")
    key = _period(served, by, contract) if by in PERIODS else _value(served, by)
    many = key.nunique()
    if many > MOST:
        raise WrongUse(f"--by {by}: {many:,} parts, {MOST} at most; cut by month, or by a category")
    groups = {str(name): rows for name, rows in served.groupby(key.to_numpy())}
    numbers = pd.to_numeric(pd.Series([*groups], dtype=object), errors="coerce")
    order = pd.DataFrame({"number": numbers, "name": [*groups]}).sort_values(["number", "name"])
    return [(name, groups[name].reset_index(drop=True)) for name in order["name"]]


def of_part(
    release: Release, known: Baseline, by: str, name: str, drift: DriftSettings
) -> tuple[Release, Baseline] | None:
    """Return a release and its baseline as if only its test rows of one part were there.

    Days and months are compared with all test rows; a value of a column with those that have it,
    and the column itself with nothing. None where that are too few.
    """
    frame, contract, reference = holdout(release), release.contract, release.reference
    if by in PERIODS or by not in frame:
        return release, known
    mine = (frame[by].map(_said) == name).to_numpy()
    if mine.sum() < drift.min_rows:
        return None
    part = frame[mine].reset_index(drop=True)
    moments, keys, columns = moments_of(part, contract, None), keys_of(part, contract), {}
    for column in contract.with_role("feature"):
        if column.name != by and (like := reference.columns.get(column.name)):
            found = profile(part[column.name], column, like, moments, keys)
            columns[column.name] = replace(found, seen=like.seen)
    alike = replace(release, reference=replace(reference, columns=columns))
    return alike, baseline(alike, mine)


def _value(served: pd.DataFrame, name: str) -> pd.Series:
    return served["inputs"].map(lambda inputs: _said(inputs.get(name)))


def _said(value: Any) -> str:
    return spell(value) or "missing"


def _period(served: pd.DataFrame, by: str, contract: Contract) -> pd.Series:
    moments = pd.to_datetime(served["created_at"], utc=True).dt.tz_localize(None)
    for column in contract.with_role("time"):
        if column.kind == "date":
            given = pd.to_datetime(
                _value(served, column.name), format="ISO8601", errors="coerce", utc=True
            )
            moments = given.dt.tz_localize(None).fillna(moments)
    return moments.dt.to_period(PERIODS[by]).astype(str)
