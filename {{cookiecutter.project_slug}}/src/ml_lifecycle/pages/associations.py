"""What goes with what: Cramér's V of each pair of columns, numbers cut into tenths.

In: columns. Out: a square table from 0 (independent) to 1 (one says the other), and its picture.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup

from .columns import absent, as_numbers
from .plots import axes, svg

ROWS, CELLS, DRAWN = 10_000, 10, 30  # rows looked at, cells a column, columns in the picture

MIDDLE: dict[str, Any] = {"ha": "center", "va": "center", "fontsize": 6}


def associations(columns: Mapping[str, pd.Series]) -> pd.DataFrame:
    """Return Cramér's V of each pair, without its bias (Bergsma, 2013); a missing value is a cell.

    Columns that do not vary are left out. One product of the indicators counts all pairs at once.
    """
    cells = {name: _cells(values) for name, values in columns.items()}
    cells = {name: codes for name, codes in cells.items() if len(codes) > 1 and codes.max() > 0}
    if not cells:
        return pd.DataFrame()
    less = np.array([codes.max() for codes in cells.values()])
    marks = np.hstack([np.eye(codes.max() + 1, dtype="float32")[codes] for codes in cells.values()])
    both, rows, starts = marks.T @ marks, len(marks), np.cumsum([0, *(less + 1)[:-1]])
    expected = np.outer(both.diagonal(), both.diagonal()) / rows
    squares = np.add.reduceat((both - expected) ** 2 / expected, starts)
    phi = np.add.reduceat(squares, starts, axis=1) / rows - np.outer(less, less) / (rows - 1)
    size = less - less**2 / (rows - 1)
    v = np.sqrt(np.clip(phi / np.minimum.outer(size, size), 0, 1))
    return pd.DataFrame(v, list(cells), list(cells))


def _cells(values: pd.Series) -> np.ndarray:
    """Return the cell of each value: a tenth of the numbers, one of the nine commonest, another."""
    if len(values) > ROWS:
        values = values.sample(ROWS, random_state=0)
    numbers = as_numbers(values)
    if numbers is None:
        values = values.mask(~values.isin(values.value_counts().index[: CELLS - 1]), "\0")
    elif values.nunique() > CELLS:
        edges = np.unique(np.nanquantile(numbers, np.linspace(0, 1, CELLS + 1)[1:-1]))
        values = pd.Series(np.searchsorted(edges, numbers), values.index)
    return pd.factorize(values.mask(absent(values)), use_na_sentinel=False)[0]


def heatmap(together: pd.DataFrame) -> Markup:
    """Draw the columns that go with others most."""
    if len(together) < 2:
        return Markup("")
    best = (together - np.eye(len(together))).max().nlargest(DRAWN).index
    top = [name for name in together if name in best]
    table, places = together.loc[top, top].to_numpy(), np.arange(len(top)) + 0.5
    plot = axes("Cramér's V", "", "", 1.6 + 0.2 * len(top))
    plot.pcolormesh(table, cmap="Blues", vmin=0, vmax=1, edgecolor="white")
    for (y, x), v in np.ndenumerate(table):
        if x != y and v >= 0.1:
            colour = "white" if v > 0.6 else "black"
            plot.annotate(f"{v:.2f}", (x + 0.5, y + 0.5), **MIDDLE, color=colour)
    labels = [name[:24] for name in top]
    plot.set_xticks(places, labels, rotation=45, ha="right", fontsize=8)
    plot.set_yticks(places, labels, fontsize=8)
    plot.invert_yaxis()
    return svg(plot, "How far each pair of columns goes together")
