"""A table summed up in a fixed size: what the release and the drift check share.

In: typed rows. Out: one JSON-ready summary a column. Numbers are counted into bins of equal mass,
categories by value, texts by their length and by the share of their words that training knew. What
is counted by is chosen on training rows and counted on others: what was the commonest by chance
would seem to fall in every later window.
"""

import base64
from typing import Any

import numpy as np
import pandas as pd

from .contract import NUMERIC, Column

BINS = 10
CATEGORIES = 200
LISTED = 10_000  # values or words of a column that are remembered, at four bytes each
OTHER = "(other)"
# Scripts that put no spaces between words are read letter by letter.
WORD = r"[\u2e80-\u9fff]|\w+"
DAY = 86_400

Profile = dict[str, Any]


def cells(train: pd.Series, column: Column) -> Profile:
    """Return what later rows of a column are counted by: its categories, or its words."""
    present = train[~_missing(train, column)]
    if column.kind in (*NUMERIC, "date"):
        return {}
    if column.kind == "text":
        return {"words": _packed(_words(present).value_counts().index[:LISTED])}
    names = present.astype(str).value_counts().index[:CATEGORIES]
    return {"counts": dict.fromkeys(names, 0) | {OTHER: 0}}


def profile(
    values: pd.Series, column: Column, like: Profile | None = None, moments: pd.Series | None = None
) -> Profile:
    """Sum up one typed column, in the cells of `like`, which `cells` or an earlier profile gives.

    moments: the time of each row; a date is counted by its distance from it, and not at all
    without. Returns rows, missing, and for numbers (distances in seconds): edges (inner,
    ascending), counts (one more than edges), median, iqr; for texts two of these,
    `length` and `familiar`; else counts by category, with `(other)` for all categories not in
    `like`. Columns that follow the time have rows and missing only.
    """
    missing = _missing(values, column)
    summary: Profile = {"rows": len(values), "missing": int(missing.sum())}
    present = values[~missing]
    like = cells(values, column) if like is None else like
    if column.follows_time:
        return summary
    if column.kind in NUMERIC:
        return summary | _numbers(as_float(present), like)
    if column.kind == "date":
        return summary if moments is None else summary | _distances(present, moments, like)
    if column.kind == "text":
        return summary | _texts(present, like)
    return summary | _categories(present.astype(str), like)


def as_float(values: pd.Series) -> np.ndarray:
    """Return float64; dates become seconds since 1970."""
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("datetime64[s]").astype("int64").to_numpy(dtype="float64")
    return values.to_numpy(dtype="float64")


def news(train: pd.Series, test: pd.Series) -> Profile:
    """Return which categories training and test rows had, and what tells how many are to come.

    values: the categories, packed; train and both: rows that had one, and how many categories came
    once and twice; late: the same of test rows, of those whose category no training row had, and
    the sum of squares of their counts by category.
    """
    train, test = (part.dropna().astype(str) for part in (train, test))
    both, before = pd.concat([train, test]).value_counts(), train.value_counts()
    late = test[~test.isin(before.index[:LISTED])].value_counts()
    return {
        "values": _packed(both.index[:LISTED]),
        "train": _repeats(before),
        "both": _repeats(both),
        "late": [len(test), int(late.sum()), int((late**2).sum())],
    }


def _repeats(counts: pd.Series) -> list[int]:
    return [int(counts.sum()), int((counts == 1).sum()), int((counts == 2).sum())]


def listed(values: pd.Series, packed: str) -> np.ndarray:
    """Return which of the strings are among the packed ones, as bool."""
    codes, spelled = pd.factorize(values)
    return np.isin(_marks(spelled), np.frombuffer(base64.b64decode(packed), "<u4"))[codes]


def _packed(values: pd.Index) -> str:
    """Return sorted 32-bit hashes as base64: one unknown word in 400,000 is taken for a known."""
    return base64.b64encode(np.unique(_marks(values)).astype("<u4").tobytes()).decode()


def _marks(values: pd.Index) -> np.ndarray:
    hashes = pd.util.hash_array(np.asarray(values, dtype=object), categorize=False)
    return hashes.astype("uint32")


def _missing(values: pd.Series, column: Column) -> pd.Series:
    return values == "" if column.kind == "text" else values.isna()


def _numbers(values: np.ndarray, like: Profile) -> Profile:
    edges = like["edges"] if "edges" in like else _edges(values)
    counts = np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1).tolist()
    if not len(values):
        return {"edges": edges, "counts": counts}
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return {"edges": edges, "counts": counts, "median": median, "iqr": high - low}


def _edges(values: np.ndarray) -> list[float]:
    """Return edges between bins of equal mass; a value that fills a bin has one of its own."""
    if not len(values):
        return []
    inner = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    full = inner[:-1][np.diff(inner) == 0]
    return np.unique([*inner, *np.nextafter(full, -np.inf)]).tolist()


def _distances(present: pd.Series, moments: pd.Series, like: Profile) -> Profile:
    """Count dates by seconds before the row's time, in whole days where training's times were."""
    times = moments[present.index]
    whole = like.get("step", DAY if (times.dropna() == times.dropna().dt.normalize()).all() else 1)
    both = times.notna()
    seconds = np.floor(as_float(times[both]) / whole) * whole - as_float(present[both])
    return {"step": whole} | _numbers(seconds, like)


def _texts(present: pd.Series, like: Profile) -> Profile:
    words = _words(present)
    familiar = pd.Series(listed(words, like["words"]), words.index, dtype="float64")
    shares = familiar.groupby(level=0).mean().to_numpy()
    lengths = present.str.len().to_numpy(dtype="float64")
    return {
        "words": like["words"],
        "length": _numbers(lengths, like.get("length", {})),
        "familiar": _numbers(shares, like.get("familiar", {})),
    }


def _words(texts: pd.Series) -> pd.Series:
    """Return the words of all texts below one another, with the index of their text."""
    return texts.astype(str).str.casefold().str.findall(WORD).explode().dropna()


def _categories(values: pd.Series, like: Profile) -> Profile:
    counts = values.value_counts()
    kept = counts.reindex([name for name in like["counts"] if name != OTHER], fill_value=0)
    return {"counts": kept.to_dict() | {OTHER: int(counts.sum() - kept.sum())}}
