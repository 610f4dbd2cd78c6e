"""Which rows may be trained on, which only tested on, and the proof.

In: typed rows. Out: disjoint index arrays. By time where there is time, by group where there is a
group key, else by a hash of the row, which keeps a test row a test row when the table grows, and
equal rows on one side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..errors import CheckFailed, DataError
from .contract import Contract
from .profile import as_float
from .settings import DataSettings

Fold = tuple[np.ndarray, np.ndarray]
FEWEST = 10
FINER = "choose a finer `group` in project.toml, another `test_share`, or bring more rows"
PARTS = 3  # of the groups, with time and groups: each is judged by a model of the others' past


@dataclass(frozen=True)
class Split:
    """Positions of rows, int64: those to search and train on, and those to test on.

    folds: what a model that judges is fitted on, and the test rows that it judges. With time and
    groups there are several, so that no judge saw a group of its rows, or their future.
    """

    train: np.ndarray
    test: np.ndarray
    folds: tuple[Fold, ...]

    def take(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return the training and the test rows, each counted anew from 0."""
        train, test = (frame.iloc[rows].reset_index(drop=True) for rows in (self.train, self.test))
        return train, test


def row_hashes(frame: pd.DataFrame) -> np.ndarray:
    """Return one uint64 a row that depends on its own values only, not on place or neighbours."""
    plain = frame.copy()
    for name in frame.select_dtypes("datetime"):
        plain[name] = as_float(frame[name])
    return pd.util.hash_pandas_object(plain, index=False).to_numpy()


def split_rows(frame: pd.DataFrame, contract: Contract, data: DataSettings) -> Split:
    """Cut `frame` into training and test rows; raise `DataError` if one of them cannot work."""
    late = _late(frame, data)
    if late is None:
        keys = frame[[data.group]] if data.group else frame
        late = row_hashes(keys) < np.uint64(data.test_share * np.iinfo(np.uint64).max)
    train, test = np.flatnonzero(~late), np.flatnonzero(late)
    folds: tuple[Fold, ...] = ((train, test),)
    if data.group and (data.time or data.ordered):
        folds = tuple(_cross(frame[[data.group]], late))
    parts, target = Split(train, test, folds), frame[contract.target.name]
    for fitted, _ in folds:
        if data.group and frame[data.group].iloc[fitted].nunique() < 2:
            raise DataError(f"column '{data.group}': all training rows have one value; {FINER}")
        _check_use(target.iloc[fitted], len(target), "training")
    _check_use(target.iloc[test], len(target), "test")
    check_apart(frame, parts, data.group)
    return parts


def _cross(keys: pd.DataFrame, late: np.ndarray) -> Iterator[Fold]:
    """Yield folds of cross-fitting: the late rows of some groups, and the early rows of the others.

    Groups are dealt out by their hash (Chernozhukov et al., 2018, definition 3.1, by group).
    """
    part = (pd.Series(row_hashes(keys)).rank(method="dense").to_numpy(dtype="int64") - 1) % PARTS
    for number in range(PARTS):
        judged = late & (part == number)
        if judged.any():
            yield np.flatnonzero(~late & (part != number)), np.flatnonzero(judged)


def _late(frame: pd.DataFrame, data: DataSettings) -> np.ndarray | None:
    """Return which rows lie in the last part of time (whole moments), or None without time."""
    if data.time:
        moments = frame[data.time].rank(method="min").to_numpy()
    elif data.ordered:
        moments = np.arange(len(frame), dtype="float64")
    else:
        return None
    late = moments > np.quantile(moments, 1 - data.test_share)
    return late if late.any() else moments == moments.max()


def _check_use(target: pd.Series, rows: int, side: str) -> None:
    way_out = "change `time`, `group` or `test_share` in project.toml"
    if len(target) < FEWEST:
        would = f"only {len(target)} of {rows} rows would be the {side} part"
        raise DataError(f"{would}, {FEWEST} are needed; bring more rows, or {way_out}")
    if target.nunique() < 2:
        same = f"all {len(target)} rows of the {side} part have the value {str(target.iloc[0])!r}"
        raise DataError(f"column '{target.name}': {same}; {way_out}")


def check_apart(frame: pd.DataFrame, parts: Split, group: str) -> None:
    """Raise `CheckFailed` if a judge has one of its rows, or of their groups, on both sides."""
    for fitted, judged in parts.folds:
        if np.intersect1d(fitted, judged).size:
            raise CheckFailed("a row is on both sides of the split")
        both = set(frame[group].iloc[fitted]) & set(frame[group].iloc[judged]) if group else ()
        if both:
            raise CheckFailed(f"{len(both)} values of '{group}' are on both sides of the split")


def check_unseen(frame: pd.DataFrame, parts: Split, seen: Sequence[np.ndarray]) -> None:
    """Raise `CheckFailed` if a judge saw its rows; seen: by fold, fingerprints of what it saw.

    A row that stands in both parts of the table, word for word, is no proof of that.
    """
    marks, smuggled = row_hashes(frame), 0
    for (fitted, judged), known in zip(parts.folds, seen, strict=True):
        twice = np.isin(marks[judged], marks[fitted])
        smuggled += int((np.isin(marks[judged], known) & ~twice).sum())
    if smuggled:
        raise CheckFailed(f"{smuggled} test rows were trained on: their scores mean nothing")
