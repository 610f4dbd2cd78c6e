"""One column as a picture: its values, how they move over time, what is missing.

In: typed values, and when each row was. Out: inline SVG.
"""

from typing import Any

import matplotlib as mpl
import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .plots import BLUE, COLOURS, GREY, ORANGE, svg

UNITS, PERIODS = ("min", "h", "D", "W", "M", "Q", "Y"), 40  # the finest of at most so many periods
NAMED, BARS = 5, 30  # categories with a colour of their own, bars of a histogram
STYLE: Any = {
    "date.converter": "concise",
    "font.size": 7,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.titley": 1.02,  # else it is looked for, which takes long
    "axes.spines.top": False,
    "axes.spines.right": False,
}
LARGE = 2.0**50  # whole numbers beyond have no halves between them
WIDE = 3.0  # a range of so many times that of 99 % of the values: the others are drawn in


def periods(rows: pd.DataFrame, time: str, ordered: bool) -> pd.Series | None:
    """Return the period of each row as a moment or a number; None where there is no time."""
    if not time and not ordered:
        return None
    when = rows[time] if time else pd.Series(rows.index, rows.index)
    if when.dtype.kind == "M":
        starts = (when.dt.to_period(unit).dt.start_time for unit in UNITS)
        when = next((found for found in starts if found.nunique() <= PERIODS), when)
    if when.nunique() > PERIODS:
        blocks = (when.rank(method="first") - 1) * PERIODS // len(when)
        when = when.groupby(blocks).transform("median")
    return when if when.nunique() > 1 else None


def absent(values: pd.Series) -> pd.Series:
    """Return which values are missing; a text is missing where it is empty."""
    return values.isna() | values.eq("")


def as_numbers(values: pd.Series) -> np.ndarray | None:
    """Return float64, of dates as matplotlib counts them; None of words."""
    if values.dtype.kind == "M":
        return np.asarray(mdates.date2num(values), dtype="float64")
    return values.to_numpy("float64") if values.dtype.kind in "fiu" else None


def draw(name: str, values: pd.Series, when: pd.Series | None, late: Any) -> Markup:
    """Draw a column: its values, and if there is time, these and what is missing over time.

    when: the period of each row; late: that in which the test rows begin.
    """
    gone, timed = absent(values), when is not None
    known, holes, figure = values[~gone], gone.any(), Figure(figsize=(8.5 if timed else 4.2, 1.7))
    if known.empty:
        return Markup("")
    # Names of categories stand at the left.
    left = 0.06 if known.dtype.kind in "fiuM" else 0.18
    over = [(left, 0.43 - left), (0.5, 0.25 if holes else 0.48), (0.82, 0.16)]
    places = over[: 2 + holes] if timed else [(2 * left, 0.96 - 2 * left)]
    with mpl.rc_context(STYLE):
        plots = [figure.add_axes((start, 0.24, width, 0.6)) for start, width in places]
        (_numbers if left < 0.1 else _categories)(plots, known, when)
        if len(plots) > 2:
            plots[2].plot(100 * gone.groupby(when).mean(), color=ORANGE)
            plots[2].set(ylim=(0, None), title="% missing over time")
        for plot in plots[1:] if late is not None else []:
            plot.axvline(late, color="black", linestyle=":")
        for locator in (a.get_major_locator() for plot in plots for a in (plot.xaxis, plot.yaxis)):
            if isinstance(locator, mdates.AutoDateLocator):
                locator.minticks, locator.maxticks = 2, dict.fromkeys(locator.maxticks, 6)
        return svg(plots[0], f"The column {name}")


def _numbers(plots: list[Axes], values: pd.Series, when: pd.Series | None) -> None:
    """Draw a histogram, and median and quartiles of each period."""
    numbers, title, dated = as_numbers(values), "rows by value", values.dtype.kind == "M"
    assert numbers is not None
    least, low, high, most = np.quantile(numbers, [0, 0.005, 0.995, 1])
    if most - least > WIDE * (high - low) > 0:
        numbers, title = np.clip(numbers, low, high), "rows by value; the outermost 1 % drawn in"
        least, most = low, high
    edges = np.unique(np.linspace(least, most, min(BARS, len(np.unique(numbers))) + 1))
    if not dated and (numbers % 1 == 0).all() and np.abs(numbers).max() < LARGE:
        width = (most - least) // BARS + 1
        edges = np.arange(least, most + width + 1, width) - 0.5
    elif len(edges) == 1:
        edges = least + np.array([-1, 1]) * max(1, abs(least) / 100)
    rows, _ = np.histogram(numbers, edges)
    plots[0].stairs(rows, mdates.num2date(edges) if dated else edges, fill=True, color=BLUE)
    plots[0].set_title(title)
    for over in plots[1:2]:
        low, median, high = (values.groupby(when).quantile(q) for q in (0.25, 0.5, 0.75))
        over.fill_between(median.index, low, high, color=BLUE, alpha=0.2, linewidth=0)
        over.plot(median, color=BLUE)
        over.set_title("median and quartiles over time")


def _categories(plots: list[Axes], values: pd.Series, when: pd.Series | None) -> None:
    """Draw the share of each of the commonest categories, and its share of each period."""
    counts = values.value_counts()
    named = counts.index[: NAMED if len(counts) > NAMED + 1 else NAMED + 1]
    codes = pd.Series(named.get_indexer(values), values.index).replace(-1, len(named))
    labels = ["".join(c if c.isprintable() else " " for c in str(name))[:22] for name in named]
    labels += [f"{len(counts) - len(named)} others"] if len(counts) > len(named) else []
    shares = 100 * codes.value_counts(normalize=True).sort_index()
    colours = [*COLOURS[1 : len(named) + 1], GREY][: len(labels)]
    bars = plots[0].barh(range(len(labels)), shares, color=colours)
    plots[0].bar_label(bars, fmt="%.3g", padding=2)
    plots[0].set_yticks(range(len(labels)), labels)
    plots[0].set(xlim=(0, 1.25 * shares.max()), xticks=[], title="share of the rows in %")
    plots[0].set_ylim(max(len(labels), 4) - 0.5, -0.5)
    plots[0].spines["bottom"].set_visible(False)
    for over in plots[1:2]:
        table = 100 * codes.groupby(when).value_counts(normalize=True).unstack(fill_value=0)
        over.stackplot(table.index, table.T, colors=colours, linewidth=0)
        over.set(ylim=(0, 100), title="share in % over time")
