"""What kind of values a column of text holds, and how they are written.

In: the present values of one column. Out: a kind and a format. The order of the questions matters:
two words before numbers, numbers before dates, dates before ids, text and categories.
"""

import pandas as pd

from .contract import BOOLEANS, Kind
from .read import DataError
from .rows import numbers

DATES = ("ISO8601", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%Y%m%d")
MOSTLY = 0.95  # of the values must fit; the rest is then named as wrong
CODES = 24  # whole numbers with at most so many values may be codes
LISTED = 50  # categories written into the contract; beyond, any value is allowed


def kind_of(present: pd.Series, role: str) -> tuple[Kind, str]:
    """Return the kind of the values, and their format: a date pattern or the decimal mark."""
    if role == "time":
        return _time(present)
    distinct = present.unique()
    if {str(v).casefold() for v in distinct} in BOOLEANS and len(distinct) == 2:
        return "boolean", ""
    for decimal in ("", ".", ","):
        found = numbers(present, decimal)
        if found.notna().mean() > MOSTLY:
            return _number(found.dropna(), role), decimal
    for pattern in DATES[:-1]:
        if len(str(distinct[0])) >= 8 and _are_dates(present, pattern):
            return "date", pattern
    words = present.str.split().str.len().mean()
    if len(distinct) > MOSTLY * len(present) and len(present) >= 50:
        return ("text" if words >= 3 else "id"), ""
    return ("text" if words >= 5 and len(distinct) > LISTED else "category"), ""


def _time(present: pd.Series) -> tuple[Kind, str]:
    for pattern in DATES:
        if _are_dates(present, pattern):
            return "date", pattern
    if numbers(present).notna().all():
        return "number", ""
    raise DataError(
        f"column '{present.name}' is the time column, but {present.iloc[0]!r} is no date in any "
        f"of the forms {', '.join(DATES)}"
    )


def _are_dates(present: pd.Series, pattern: str) -> bool:
    for values in (present.head(200), present):
        if (
            pd.to_datetime(values, format=pattern, errors="coerce", utc=True).notna().mean()
            <= MOSTLY
        ):
            return False
    return True


def _number(known: pd.Series, role: str) -> Kind:
    """Tell codes (few whole numbers, none of them rare) from counts (with a thin tail)."""
    if (known % 1 != 0).any():
        return "number"
    shares = known.value_counts(normalize=True)
    if role == "target":
        return "category" if len(shares) <= 10 and len(shares) < 0.05 * len(known) else "integer"
    close = known.max() - known.min() < 2 * CODES
    codes = 2 < len(shares) <= CODES and close and shares.min() >= 0.01
    return "category" if codes and len(known) >= 50 * len(shares) else "integer"
