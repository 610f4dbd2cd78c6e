"""The folds that a search validates on: forward in time, by group, or stratified.

In: typed training rows. Out: pairs of positions, to train on and to validate on.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold

from ..data.contract import Contract
from ..data.split import Fold, row_hashes


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
