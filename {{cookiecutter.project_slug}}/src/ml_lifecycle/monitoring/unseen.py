"""Do more rows than expected hold values that nobody has seen before?

In: what the release says of a column's values, and a window. Out: a fault in words, or nothing. A
column with a tail shows new values for ever; how many is estimated from those seen once.
"""

import pandas as pd
from scipy import stats

from ..data.contract import Column
from ..data.profile import News, listed

FEWEST = 3  # rows
MORE = 0.01  # of the rows, beyond what is expected
UNLIKE = 0.05  # chance of as many new values in the test, below which it is not like the training


def unseen(seen: News, values: pd.Series, column: Column) -> tuple[float, str]:
    """Say if more rows than expected hold values that neither rows nor contract knew.

    seen: as `news` returns it. Returns the chance of that in a column that did not change, and the
    words; they are empty if it is too few to be worth them. Two questions, all new values together
    and the commonest alone, so the chance is that of either.
    """
    new, rows = never_seen(seen, values, column).value_counts(), int(values.notna().sum())
    count, (expected, p_value) = int(new.sum()), surplus(int(new.sum()), rows, seen)
    found = [(1.0, "")]
    if count >= max(FEWEST, expected + MORE * rows):
        names = ", ".join(repr(str(name)[:40]) for name in new.index[:3])
        usual = f" (about {expected:.0f} were to be expected)" if expected >= 1 else ""
        found.append((2 * p_value, f"{count} rows hold values never seen before: {names}{usual}"))
    if count and new.iloc[0] >= max(FEWEST, MORE * rows):
        said = f"{new.iloc[0]} rows hold a value never seen before: {str(new.index[0])[:40]!r}"
        found.append((2 * _alone(new, rows, seen), said))
    return min(found)


def never_seen(seen: News, values: pd.Series, column: Column) -> pd.Series:
    """Return the values, as strings, that neither the rows of the release nor its contract knew."""
    present = values.dropna().astype(str)
    known = listed(present, seen.values) | present.isin(column.categories or ()).to_numpy()
    return present[~known]


def surplus(count: int, rows: int, seen: News) -> tuple[float, float]:
    """Return how many of `rows` should hold new values, and the chance of `count` or more.

    The share of new values is that of values seen once (Good, 1953), with the variance of Robbins
    (1968). Where test rows surely had more than the training rows let expect, it is theirs: values
    that come with the time, or with a group, repeat before others see them.
    """
    of, once, twice = seen.both
    share, variance = once, once + 2 * twice
    if not _steady(seen):
        of, share, variance = seen.late
    return rows * share / max(of, 1), _tail(count, rows, share, variance, of)


def _steady(seen: News) -> bool:
    before, once, twice = seen.train
    tested, late, _ = seen.late
    return _tail(late, tested, once, once + 2 * twice, before) >= UNLIKE


def _alone(new: pd.Series, rows: int, seen: News) -> float:
    """Return at most the chance that a value comes in so many rows, and in none before.

    new: rows by new value, the commonest first. Each of its rows is late as often as rows are, and
    no more values than fit into all rows can have so many.
    """
    everything, most = rows + seen.both[0], new.iloc[0]
    return float(everything / most * (rows / everything) ** most) if _steady(seen) else 1.0


def _tail(count: int, rows: int, share: int, variance: int, of: int) -> float:
    """Return the chance of `count` or more of `rows`, if `share` was counted in `of` others.

    Negative binomial: Poisson, with a share that is known with that variance only.
    """
    # One more than was counted: where none was, one may yet come.
    scale = (variance + 1) / (share + 1) / max(of, 1)
    shape = (share + 1) ** 2 / (variance + 1)
    return float(stats.nbinom.sf(count - 1, shape, 1 / (1 + rows * scale)))
