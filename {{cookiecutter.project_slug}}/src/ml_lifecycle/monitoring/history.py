"""Cut what was served into parts that are judged one by one: days, months, or kinds of rows.

In: served rows. Out: named parts of them.
"""

import pandas as pd

from ..data.contract import Contract
from ..errors import WrongUse

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


def _value(served: pd.DataFrame, name: str) -> pd.Series:
    return served["inputs"].map(lambda inputs: str(inputs.get(name)))


def _period(served: pd.DataFrame, by: str, contract: Contract) -> pd.Series:
    moments = pd.to_datetime(served["created_at"], utc=True).dt.tz_localize(None)
    for column in contract.with_role("time"):
        if column.kind == "date":
            given = pd.to_datetime(
                _value(served, column.name), format="ISO8601", errors="coerce", utc=True
            )
            moments = given.dt.tz_localize(None).fillna(moments)
    return moments.dt.to_period(PERIODS[by]).astype(str)
