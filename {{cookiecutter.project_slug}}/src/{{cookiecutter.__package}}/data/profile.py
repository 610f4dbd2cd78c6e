"""A table summed up in a fixed size: what the contract, the release and the drift check share.

In: typed rows. Out: one JSON-ready summary a column. Numbers are counted into bins of equal mass,
categories by value, so that a later window can be compared without the rows.
"""

from typing import Any

import numpy as np
import pandas as pd

from .contract import NUMERIC, Column

BINS = 10
CATEGORIES = 200
OTHER = "(other)"

Profile = dict[str, Any]


def profile(values: pd.Series, column: Column, like: Profile | None = None) -> Profile:
    """Sum up one typed column; with `like`, in the bins or categories of that profile.

    Returns rows, missing, and for numbers (dates as seconds): edges (inner, ascending), counts
    (one more than edges), minimum, maximum, median, iqr; else: counts by category, with `(other)`
    for categories beyond the 200 commonest, or not in `like`.
    """
    summary: Profile = {"rows": len(values), "missing": int(_missing(values, column).sum())}
    present = values[~_missing(values, column)]
    if column.kind in (*NUMERIC, "date"):
        return summary | _numbers(as_float(present), like)
    return summary | _categories(present.astype(str), like)


def as_float(values: pd.Series) -> np.ndarray:
    """Return float64; dates become seconds since 1970."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("datetime64[s]").astype("int64").to_numpy(dtype="float64")
    return values.to_numpy(dtype="float64")


def _missing(values: pd.Series, column: Column) -> pd.Series:
    return values == "" if column.kind == "text" else values.isna()


def _numbers(values: np.ndarray, like: Profile | None) -> Profile:
    if not len(values):
        edges = like["edges"] if like else []
        return {"edges": edges, "counts": [0] * (len(edges) + 1)}
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    if like:
        edges = np.asarray(like["edges"], dtype="float64")
    else:
        edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    return {
        "edges": edges.tolist(),
        "counts": counts.tolist(),
        "median": float(median),
        "iqr": float(high - low),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
    }


def _categories(values: pd.Series, like: Profile | None) -> Profile:
    counts = values.value_counts()
    if like:
        known = [name for name in like["counts"] if name != OTHER]
        kept = counts.reindex(known, fill_value=0)
    else:
        kept = counts.head(CATEGORIES)
    rest = int(counts.sum() - kept.sum())
    return {"counts": {str(name): int(n) for name, n in kept.items()} | {OTHER: rest}}
