"""Which rows may be trained on, which only tested on, and the proof.

In: typed rows. Out: two disjoint index arrays, and folds inside the first. By time where there is
time, by group where there is a group key, else by a hash of the row, which keeps a test row a test
row when the table grows, and equal rows on one side.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold

from ..errors import CheckFailed
from ..settings import Settings
from .contract import Contract
from .profile import as_float
from .text import DataError

Fold = tuple[np.ndarray, np.ndarray]
FEWEST = 10
FINER = "choose a finer `group` in project.toml, another `test_share`, or bring more rows"
GROUP_SHARE = 0.5  # with time and groups: the share of groups whose late rows are the test


@dataclass(frozen=True)
class Split:
    """Positions of rows, int64. Rows in neither would leak: late rows of a training group."""

    train: np.ndarray
    test: np.ndarray


def fingerprints(frame: pd.DataFrame) -> np.ndarray:
    """Return one uint64 a row that depends on its own values only, not on place or neighbours."""
    plain = frame.copy()
    for name in frame.select_dtypes("datetime"):
        plain[name] = as_float(frame[name])
    return pd.util.hash_pandas_object(plain, index=False).to_numpy()


def split(frame: pd.DataFrame, contract: Contract, settings: Settings) -> Split:
    """Cut `frame` into training and test rows; raise `DataError` if one of them cannot work."""
    data = settings.data
    late = _late(frame, settings)
    keys = frame[[data.group]] if data.group else frame
    share = GROUP_SHARE if late is not None else data.test_share
    chosen = fingerprints(keys) < np.uint64(share * np.iinfo(np.uint64).max)
    if late is None:
        train, test = ~chosen, chosen
    elif data.group:
        train, test = ~late & ~chosen, late & chosen
    else:
        train, test = ~late, late
    parts = Split(np.flatnonzero(train), np.flatnonzero(test))
    for side, rows in (("training", parts.train), ("test", parts.test)):
        _check_use(frame[contract.target.name], rows, side, contract)
    check_apart(frame, parts, data.group)
    if data.group and frame[data.group].iloc[parts.train].nunique() < 2:
        raise DataError(f"column '{data.group}': all training rows have one value; {FINER}")
    return parts


def _late(frame: pd.DataFrame, settings: Settings) -> np.ndarray | None:
    """Return which rows lie in the last part of time (whole moments), or None without time."""
    if settings.data.time:
        moments = frame[settings.data.time].rank(method="min").to_numpy()
    elif settings.data.ordered:
        moments = np.arange(len(frame), dtype="float64")
    else:
        return None
    late = moments > np.quantile(moments, 1 - settings.data.test_share)
    return late if late.any() else moments == moments.max()


def _check_use(target: pd.Series, rows: np.ndarray, side: str, contract: Contract) -> None:
    values = target.iloc[rows]
    if len(rows) < FEWEST:
        raise DataError(
            f"only {len(rows)} of {len(target)} rows would be the {side} part, {FEWEST} are "
            "needed; bring more rows, or change `test_share`, `time` or `group` in project.toml"
        )
    if values.nunique() < 2:
        raise DataError(
            f"column '{target.name}': all {len(rows)} rows of the {side} part have the value "
            f"{str(values.iloc[0])!r}; change `time`, `group` or `test_share` in project.toml"
        )


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
    marks = fingerprints(frame)
    twice = np.isin(marks[parts.test], marks[parts.train])
    if smuggled := int((np.isin(marks[parts.test], trained_on) & ~twice).sum()):
        raise CheckFailed(f"{smuggled} test rows were trained on: their scores mean nothing")


def subsample(frame: pd.DataFrame, most: int, settings: Settings) -> pd.DataFrame:
    """Return at most about `most` rows in their order, drawn at random; groups stay whole."""
    if len(frame) <= most:
        return frame
    group = settings.data.group
    keys, names = pd.factorize(frame[group] if group else np.arange(len(frame)))
    drawn = np.random.default_rng(settings.training.seed).random(len(names)) < most / len(frame)
    return frame[drawn[keys]].reset_index(drop=True)


def folds(frame: pd.DataFrame, contract: Contract, settings: Settings) -> Iterator[Fold]:
    """Return (train, validation) positions: forward in time, by group, or stratified."""
    data, count, seed = settings.data, settings.training.folds, settings.training.seed
    if data.time or data.ordered:
        return _forward(frame, settings)
    if data.group:
        keys = frame[data.group].astype(str)
        folder = GroupKFold(min(count, keys.nunique()), shuffle=True, random_state=seed)
        return folder.split(frame, groups=keys)
    target = frame[contract.target.name]
    smallest = 0 if contract.task == "regression" else int(target.value_counts().min())
    if smallest < 2:
        return KFold(count, shuffle=True, random_state=seed).split(frame)
    stratified = StratifiedKFold(min(count, smallest), shuffle=True, random_state=seed)
    return stratified.split(frame, target)


def _forward(frame: pd.DataFrame, settings: Settings) -> Iterator[Fold]:
    """Yield folds that train on the past and validate on the part of time that follows."""
    data, count = settings.data, settings.training.folds
    order = frame[data.time] if data.time else pd.Series(np.arange(len(frame)))
    place = order.rank(method="min", pct=True).to_numpy()
    late_group = np.zeros(len(frame), dtype=bool)
    if data.group:
        # One more bit of the same hash, so that folds cut through the training groups afresh.
        late_group = fingerprints(frame[[data.group]]) % np.uint64(2) == 1
    for number in range(count):
        start, end = ((number + count) / (2 * count), (number + count + 1) / (2 * count))
        train, valid = place <= start, (place > start) & (place <= end)
        if data.group:
            train, valid = train & ~late_group, valid & late_group
        if train.any() and valid.any():
            yield np.flatnonzero(train), np.flatnonzero(valid)
