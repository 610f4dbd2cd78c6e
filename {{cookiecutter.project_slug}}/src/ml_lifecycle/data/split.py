"""Which rows may be trained on, which only tested on, and the proof.

In: typed rows. Out: two disjoint index arrays, and folds inside the first. By time where there is
time, by group where there is a group key, else by a hash of the row, which keeps a test row a test
row when the table grows, and equal rows on one side.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from ..errors import CheckFailed, DataError
from .contract import Contract
from .profile import as_float
from .settings import DataSettings

Fold = tuple[np.ndarray, np.ndarray]
FEWEST = 10
FINER = "choose a finer `group` in project.toml, another `test_share`, or bring more rows"
GROUP_SHARE = 0.5  # with time and groups: the share of groups whose late rows are the test


@dataclass(frozen=True)
class Split:
    """Positions of rows, int64. Rows in neither would leak: late rows of a training group."""

    train: np.ndarray
    test: np.ndarray

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
    keys = frame[[data.group]] if data.group else frame
    share = data.test_share if late is None else GROUP_SHARE
    test = row_hashes(keys) < np.uint64(share * np.iinfo(np.uint64).max)
    train = ~test
    if late is not None:
        test, train = (late & test, ~late & train) if data.group else (late, ~late)
    parts = Split(np.flatnonzero(train), np.flatnonzero(test))
    target = frame[contract.target.name]
    _check_use(target.iloc[parts.train], len(target), "training")
    _check_use(target.iloc[parts.test], len(target), "test")
    check_apart(frame, parts, data.group)
    if data.group and frame[data.group].iloc[parts.train].nunique() < 2:
        raise DataError(f"column '{data.group}': all training rows have one value; {FINER}")
    return parts


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
    """Raise `CheckFailed` if a row, or a group where there is a group key, is on both sides."""
    if np.intersect1d(parts.train, parts.test).size:
        raise CheckFailed("a row is on both sides of the split")
    if group:
        both = set(frame[group].iloc[parts.train]) & set(frame[group].iloc[parts.test])
        if both:
            raise CheckFailed(f"{len(both)} values of '{group}' are on both sides of the split")


def check_unseen(frame: pd.DataFrame, parts: Split, trained_on: np.ndarray) -> None:
    """Raise `CheckFailed` if a model saw test rows; trained_on: fingerprints of what it saw.

    A row that stands in both parts of the table, word for word, is no proof of that.
    """
    marks = row_hashes(frame)
    twice = np.isin(marks[parts.test], marks[parts.train])
    if smuggled := int((np.isin(marks[parts.test], trained_on) & ~twice).sum()):
        raise CheckFailed(f"{smuggled} test rows were trained on: their scores mean nothing")


def subsample(frame: pd.DataFrame, most: int, group: str, seed: int) -> pd.DataFrame:
    """Return at most about `most` rows in their order, drawn at random; groups stay whole."""
    if len(frame) <= most:
        return frame
    keys, names = pd.factorize(frame[group] if group else np.arange(len(frame)))
    drawn = np.random.default_rng(seed).random(len(names)) < most / len(frame)
    return frame[drawn[keys]].reset_index(drop=True)


def cv_folds(
    frame: pd.DataFrame, contract: Contract, count: int, seed: int, ordered: bool
) -> Iterator[Fold]:
    """Return (train, validation) positions: forward in time, by group, or stratified."""
    time, group, target = contract.time, contract.group, frame[contract.target.name]
    if time or ordered:
        return _forward(frame, time, group, count)
    if group:
        keys = frame[group].astype(str)
        count = min(count, keys.nunique())
        if contract.task == "regression":
            return GroupKFold(count, shuffle=True, random_state=seed).split(frame, groups=keys)
        folder = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        return folder.split(frame, target, keys)
    least = 0 if contract.task == "regression" else int(target.value_counts().min())
    if least < 2:
        return KFold(count, shuffle=True, random_state=seed).split(frame)
    return StratifiedKFold(min(count, least), shuffle=True, random_state=seed).split(frame, target)


def _forward(frame: pd.DataFrame, time: str, group: str, count: int) -> Iterator[Fold]:
    """Yield folds that train on the past and validate on the part of time that follows."""
    order = frame[time] if time else pd.Series(np.arange(len(frame)))
    place = order.rank(method="min", pct=True).to_numpy()
    early = late = np.ones(len(frame), dtype=bool)
    if group:
        # One more bit of the same hash, so that folds cut through the training groups afresh.
        late = row_hashes(frame[[group]]) % np.uint64(2) == 1
        early = ~late
    for number in range(count, 2 * count):
        start, end = number / (2 * count), (number + 1) / (2 * count)
        train, valid = early & (place <= start), late & (place > start) & (place <= end)
        if train.any() and valid.any():
            yield np.flatnonzero(train), np.flatnonzero(valid)
