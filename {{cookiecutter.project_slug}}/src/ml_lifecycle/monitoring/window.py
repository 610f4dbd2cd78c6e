"""Served rows as they are compared: typed, with the time and the group of each.

In: rows as the ledger has them, or typed ones. Out: a frame, moments, keys.
"""

from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd

from ..data.contract import Contract
from ..data.rows import to_frame
from ..evaluation.task import groups_of
from ..release.bundle import Release

Stretch = tuple[datetime, datetime]  # the first and the last moment


def served_frame(release: Release, served: pd.DataFrame) -> pd.DataFrame:
    """Return the typed rows that were served, with their columns of time and group."""
    return to_frame(release.contract, list(served["inputs"]), ("feature", "time", "group"))


def moments_of(window: pd.DataFrame, contract: Contract, at: pd.Series | None) -> pd.Series | None:
    """Return the time of each row, as datetime64; None where rows have none."""
    served = None if at is None else pd.Series(at.to_numpy(), window.index)
    for time in contract.with_role("time"):
        if time.kind == "date" and time.name in window:
            given = window[time.name]
            return given if served is None else given.fillna(served)
    return served


def keys_of(window: pd.DataFrame, contract: Contract) -> pd.Series | None:
    """Return the group of each row, its own where it does not say; None where no row does."""
    for column in contract.with_role("group"):
        if column.name in window and window[column.name].notna().any():
            return pd.Series(groups_of(window, column.name), window.index)
    return None


def outside(served: pd.DataFrame, stretches: Sequence[Stretch]) -> np.ndarray:
    """Return, (rows,) bool, which rows were served in none of the stretches of time."""
    kept = np.ones(len(served), dtype=bool)
    for first, last in stretches:
        kept &= ~served["created_at"].between(first, last).to_numpy()
    return kept
