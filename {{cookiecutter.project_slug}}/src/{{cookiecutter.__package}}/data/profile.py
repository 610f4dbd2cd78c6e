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
    missing = values == "" if column.kind == "text" else values.isna()
    summary: Profile = {"rows": len(values), "missing": int(missing.sum())}
    present = values[~missing]
    if column.kind in (*NUMERIC, "date"):
        return summary | _numbers(as_float(present), like)
    return summary | _categories(present.astype(str), like)


def as_float(values: pd.Series) -> np.ndarray:
    """Return float64; dates become seconds since 1970."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("datetime64[s]").astype("int64").to_numpy(dtype="float64")
    return values.to_numpy(dtype="float64")


def _numbers(values: np.ndarray, like: Profile | None) -> Profile:
    if like:
        edges = like["edges"]
    else:
        inner = np.linspace(0, 1, BINS + 1)[1:-1]
        edges = np.unique(np.quantile(values, inner)).tolist() if len(values) else []
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).tolist()
    if not len(values):
        return {"edges": edges, "counts": counts}
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    spread = {"median": median, "iqr": high - low}
    ends = {"minimum": float(values.min()), "maximum": float(values.max())}
    return {"edges": edges, "counts": counts} | spread | ends


def _categories(values: pd.Series, like: Profile | None) -> Profile:
    counts = values.value_counts()
    names = like["counts"] if like else counts.index[:CATEGORIES]
    kept = counts.reindex([name for name in names if name != OTHER], fill_value=0)
    return {"counts": kept.to_dict() | {OTHER: int(counts.sum() - kept.sum())}}
