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
    values: pd.Series,
    column: Column,
    like: Profile | None = None,
    moments: pd.Series | None = None,
    groups: pd.Series | None = None,
) -> Profile:
    """Sum up one typed column, in the cells of `like`, which `cells` or an earlier profile gives.

    moments: the time of each row; a date is counted by its distance from it, and not at all
    without. groups: the group of each row, if rows of one may be alike. Returns rows, missing and
    missing_effect (see `design_effect`), and for numbers (distances in seconds): edges (inner,
    ascending), counts (one more than edges), their effect, median, iqr; for texts two of these,
    `length` and `familiar`; else counts by category, with `(other)` for all categories not in
    `like`, and their effect. Columns that follow the time have rows and missing only.
    """
    missing = _missing(values, column)
    present, like = values[~missing], cells(values, column) if like is None else like
    alike = None if groups is None else pd.factorize(groups[values.index], use_na_sentinel=False)[0]
    summary: Profile = {"rows": len(values), "missing": int(missing.sum())}
    summary["missing_effect"] = design_effect(missing.to_numpy(dtype="int64"), alike)
    alike = None if alike is None else alike[~missing]
    if column.follows_time:
        return summary
    if column.kind in NUMERIC:
        return summary | _numbers(as_float(present), like, alike)
    if column.kind == "date":
        return summary if moments is None else summary | _distances(present, moments, like, alike)
    if column.kind == "text":
        return summary | _texts(present, like, alike)
    return summary | _categories(present.astype(str), like, alike)


def design_effect(codes: np.ndarray, groups: np.ndarray | None) -> float:
    """Return how many rows count as one, for rows of a group are alike; 1 where each is its own.

    codes: (rows,) the cell of each row, from 0; groups: (rows,) codes of the groups. The variance
    of the cells' shares over groups, against that of as many rows by themselves, the mean over
    cells (Rao and Scott, 1984, of first order).
    """
    if groups is None or not len(codes):
        return 1.0
    sizes, cell = np.bincount(groups), codes.max() + 1
    shares, many = np.bincount(codes) / len(codes), int((sizes > 0).sum())
    pairs, rows = np.unique(groups * cell + codes, return_counts=True)
    apart = (rows**2).sum() + (sizes**2).sum() * (shares**2).sum()
    apart -= 2 * (rows * sizes[pairs // cell] * shares[pairs % cell]).sum()
    alone = len(codes) * (1 - (shares**2).sum())
    return max(1.0, float(apart / alone * many / (many - 1))) if alone > 0 and many > 1 else 1.0


def once_a_group(values: pd.Series, groups: pd.Series | None) -> pd.Series:
    """Return the values without those that a group repeats."""
    if groups is None:
        return values
    return values[~pd.DataFrame({0: values, 1: groups[values.index]}).duplicated()]


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


def _numbers(values: np.ndarray, like: Profile, groups: np.ndarray | None = None) -> Profile:
    edges = like["edges"] if "edges" in like else _edges(values)
    codes = np.searchsorted(edges, values)
    counts = np.bincount(codes, minlength=len(edges) + 1).tolist()
    summary = {"edges": edges, "counts": counts, "effect": design_effect(codes, groups)}
    if not len(values):
        return summary
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return summary | {"median": median, "iqr": high - low}


def _edges(values: np.ndarray) -> list[float]:
    """Return edges between bins of equal mass; a value that fills a bin has one of its own."""
    if not len(values):
        return []
    inner = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    full = inner[:-1][np.diff(inner) == 0]
    return np.unique([*inner, *np.nextafter(full, -np.inf)]).tolist()


def _distances(
    present: pd.Series, moments: pd.Series, like: Profile, groups: np.ndarray | None
) -> Profile:
    """Count dates by seconds before the row's time, in whole days where training's times were."""
    times = moments[present.index]
    whole = like.get("step", DAY if (times.dropna() == times.dropna().dt.normalize()).all() else 1)
    both = times.notna()
    seconds = np.floor(as_float(times[both]) / whole) * whole - as_float(present[both])
    alike = None if groups is None else groups[both.to_numpy()]
    return {"step": whole} | _numbers(seconds, like, alike)


def _texts(present: pd.Series, like: Profile, groups: np.ndarray | None) -> Profile:
    words = _words(present)
    familiar = pd.Series(listed(words, like["words"]), words.index, dtype="float64")
    shares = familiar.groupby(level=0).mean()
    worded = None if groups is None else groups[present.index.isin(shares.index)]
    shares = shares.reindex(present.index).dropna().to_numpy()
    lengths = present.str.len().to_numpy(dtype="float64")
    return {
        "words": like["words"],
        "length": _numbers(lengths, like.get("length", {}), groups),
        "familiar": _numbers(shares, like.get("familiar", {}), worded),
    }


def _words(texts: pd.Series) -> pd.Series:
    """Return the words of all texts below one another, with the index of their text."""
    return texts.astype(str).str.casefold().str.findall(WORD).explode().dropna()


def _categories(values: pd.Series, like: Profile, groups: np.ndarray | None) -> Profile:
    names = pd.Index([name for name in like["counts"] if name != OTHER], dtype=object)
    codes = names.get_indexer(values)
    codes[codes < 0] = len(names)
    counts = np.bincount(codes, minlength=len(names) + 1).tolist()
    effect = design_effect(codes, groups)
    return {"counts": dict(zip([*names, OTHER], counts, strict=True)), "effect": effect}
