"""A table summed up in a fixed size: what the release and the drift check share.

In: typed rows. Out: one `Profile` a column, and JSON of it. Numbers are counted into bins of equal
mass, categories by value, texts by their length and by the share of their words that training knew.
What is counted by is chosen on training rows and counted on others: what was the commonest by
chance would seem to fall in every later window.
"""

import base64
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from .contract import NUMERIC, Column
from .values import WORD

BINS = 10
CATEGORIES = 200
LISTED = 10_000  # values or words of a column that are remembered, at four bytes each
DAY = 86_400

Repeats = tuple[int, int, int]


@dataclass(frozen=True)
class Counts:
    """Rows by cell, and the median and the range between the quartiles where there are numbers.

    cells: inner edges, ascending, or categories; rows: one more, the last for all other categories;
    effect: see `design_effect`.
    """

    cells: tuple[float | str, ...]
    rows: tuple[int, ...]
    effect: float = 1.0
    median: float | None = None
    iqr: float | None = None


@dataclass(frozen=True)
class News:
    """Which categories training and test rows had, and what tells how many are to come.

    values: the categories, packed; train and both: rows that had one, and how many categories came
    once and twice; late: the same of test rows, of those whose category no training row had, and
    the sum of squares of their counts by category.
    """

    values: str
    train: Repeats
    both: Repeats
    late: Repeats


@dataclass(frozen=True)
class Profile:
    """One column. missing_effect: see `design_effect`; counts: by what is counted of its values.

    words: those that training knew, packed; step: the seconds that distances of dates are counted
    in, 0 where there are none; seen: of categories.
    """

    rows: int = 0
    missing: int = 0
    missing_effect: float = 1.0
    counts: dict[str, Counts] = field(default_factory=dict)
    words: str = ""
    step: int = 0
    seen: News | None = None


def cells(train: pd.Series, column: Column) -> Profile:
    """Return what later rows of a column are counted by: its categories, or its words."""
    present = train[~_missing(train, column)]
    if column.kind in (*NUMERIC, "date"):
        return Profile()
    if column.kind == "text":
        return Profile(words=_packed(_words(present).value_counts().index[:LISTED]))
    names = tuple(present.astype(str).value_counts().index[:CATEGORIES])
    return Profile(counts={"value": Counts(names, (0,) * (len(names) + 1))})


def profile(
    values: pd.Series,
    column: Column,
    like: Profile | None = None,
    moments: pd.Series | None = None,
    groups: pd.Series | None = None,
) -> Profile:
    """Sum up one typed column, in the cells of `like`, which `cells` or an earlier profile gives.

    moments: the time of each row; a date is counted by its distance from it, and not at all
    without. groups: the group of each row, if rows of one may be alike. Columns that follow the
    time are counted by missing values only.
    """
    missing, like = _missing(values, column), like or cells(values, column)
    effect = design_effect(missing.astype("int64"), groups)
    whole = Profile(len(values), int(missing.sum()), effect, words=like.words)
    present = values[~missing]
    if column.follows_time or (column.kind == "date" and moments is None):
        return whole
    if moments is not None and column.kind == "date":
        times = moments[present.index].dropna()
        step = like.step or (DAY if (times == times.dt.normalize()).all() else 1)
        seconds = np.floor(as_float(times) / step) * step - as_float(present[times.index])
        found, whole = {"distance": pd.Series(seconds, times.index)}, replace(whole, step=step)
    elif column.kind == "text":
        words = _words(present)
        familiar = pd.Series(listed(words, like.words), words.index, dtype="float64")
        found = {"length": present.str.len(), "familiar": familiar.groupby(level=0).mean()}
    else:
        found = {"value": present if column.kind in NUMERIC else present.astype(str)}
    counts = {what: _counts(part, like.counts.get(what), groups) for what, part in found.items()}
    return replace(whole, counts=counts)


def _counts(values: pd.Series, like: Counts | None, groups: pd.Series | None) -> Counts:
    """Count numbers or categories into the cells of `like`, numbers else into their own bins."""
    median = iqr = None
    if pd.api.types.is_numeric_dtype(values):
        numbers = as_float(values)
        edges = like.cells if like else _edges(numbers)
        codes = np.searchsorted(edges, numbers)
        if len(numbers):
            low, median, high = np.quantile(numbers, [0.25, 0.5, 0.75]).tolist()
            iqr = high - low
    else:
        edges = like.cells if like else ()
        codes = pd.Index(edges, dtype=object).get_indexer(values)
        codes[codes < 0] = len(edges)
    rows = tuple(np.bincount(codes, minlength=len(edges) + 1).tolist())
    return Counts(edges, rows, design_effect(pd.Series(codes, values.index), groups), median, iqr)


def _edges(values: np.ndarray) -> tuple[float, ...]:
    """Return edges between bins of equal mass; a value that fills a bin has one of its own."""
    if not len(values):
        return ()
    inner = np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1])
    full = inner[:-1][np.diff(inner) == 0]
    return tuple(np.unique([*inner, *np.nextafter(full, -np.inf)]).tolist())


def design_effect(codes: pd.Series, groups: pd.Series | None) -> float:
    """Return how many rows count as one, for rows of a group are alike; 1 where each is its own.

    codes: the cell of each row, from 0; groups: the group of these rows, and maybe of others. The
    variance of the cells' shares over groups, against that of as many rows by themselves, the mean
    over cells (Rao and Scott, 1984, of first order).
    """
    if groups is None or not len(codes):
        return 1.0
    alike = pd.factorize(groups[codes.index], use_na_sentinel=False)[0]
    sizes, cell, shares = np.bincount(alike), codes.max() + 1, np.bincount(codes) / len(codes)
    pairs, rows = np.unique(alike * cell + codes.to_numpy(), return_counts=True)
    apart = (rows**2).sum() + (sizes**2).sum() * (shares**2).sum()
    apart -= 2 * (rows * sizes[pairs // cell] * shares[pairs % cell]).sum()
    alone, many = len(codes) * (1 - (shares**2).sum()), len(sizes)
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


def news(train: pd.Series, test: pd.Series) -> News:
    """Return what is to be known of new categories, from those of training and test rows."""
    train, test = (part.dropna().astype(str) for part in (train, test))
    both, before = pd.concat([train, test]).value_counts(), train.value_counts()
    late = test[~test.isin(before.index[:LISTED])].value_counts()
    tested = len(test), int(late.sum()), int((late**2).sum())
    return News(_packed(both.index[:LISTED]), _repeats(before), _repeats(both), tested)


def _repeats(counts: pd.Series) -> Repeats:
    return int(counts.sum()), int((counts == 1).sum()), int((counts == 2).sum())


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


def _words(texts: pd.Series) -> pd.Series:
    """Return the words of all texts below one another, with the index of their text."""
    return texts.astype(str).str.casefold().str.findall(WORD).explode().dropna()
