"""Do more rows than expected hold values that nobody has seen before?

In: what the release says of a column's values, and a window. Out: a fault in words, or nothing. A
column with a tail shows new values for ever; how many is estimated from those seen once.
"""

import pandas as pd
from scipy import stats

from ..data.contract import Column
from ..data.profile import Profile, listed

FEWEST = 5  # rows
MORE = 0.01  # of the rows, beyond what is expected
UNLIKE = 0.05  # chance of as many new values in the test, below which it is not like the training


def unseen(seen: Profile, values: pd.Series, column: Column, level: float) -> str:
    """Say if surely more rows than expected hold values that neither rows nor contract knew.

    seen: as `news` returns it; level: the chance of saying so of a column that did not change.
    """
    present = values.dropna().astype(str)
    known = listed(present, seen["values"]) | present.isin(column.categories or ()).to_numpy()
    new, rows = present[~known], len(present)
    expected, p_value = surplus(len(new), rows, seen)
    if p_value >= level or len(new) < max(FEWEST, expected + MORE * rows):
        return ""
    names = ", ".join(repr(str(name)[:40]) for name in new.value_counts().index[:3])
    usual = f" (about {expected:.0f} were to be expected)" if expected >= 1 else ""
    return f"{len(new)} rows hold values never seen before: {names}{usual}"


def surplus(count: int, rows: int, seen: Profile) -> tuple[float, float]:
    """Return how many of `rows` should hold new values, and the chance of `count` or more.

    The share of new values is that of values seen once (Good, 1953), with the variance of Robbins
    (1968). Where test rows surely had more than the training rows let expect, it is theirs: values
    that come with the time, or with a group, repeat before others see them.
    """
    of, once, twice = seen["both"]
    share, variance = once, once + 2 * twice
    before, once, twice = seen["train"]
    tested, late, squares = seen["late"]
    if _tail(late, tested, once, once + 2 * twice, before) < UNLIKE:
        share, variance, of = late, squares, tested
    return rows * share / max(of, 1), _tail(count, rows, share, variance, of)


def _tail(count: int, rows: int, share: int, variance: int, of: int) -> float:
    """Return the chance of `count` or more of `rows`, if `share` was counted in `of` others.

    Negative binomial: Poisson, with a share that is known with that variance only.
    """
    # One more than was counted: where none was, one may yet come.
    scale = (variance + 1) / (share + 1) / max(of, 1)
    shape = (share + 1) ** 2 / (variance + 1)
    return float(stats.nbinom.sf(count - 1, shape, 1 / (1 + rows * scale)))
