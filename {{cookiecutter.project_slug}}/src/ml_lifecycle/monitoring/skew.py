"""Is what was answered what the model says offline, of the rows that the ledger has?

In: a release and served rows. Out: a fault in words, or nothing.
"""

import numpy as np
import pandas as pd

from ..evaluation.scored import served_scores
from ..evaluation.scores import predict_scores
from ..release.bundle import Release

LATEST = 2000  # rows that are asked again
NEAR = 1e-6  # as far as a compiled form may be from its pipeline


def skew(release: Release, served: pd.DataFrame, window: pd.DataFrame) -> str:
    """Say how many answers differ from those of the pipeline, since when, and what they have.

    served: rows that this release answered, as `Ledger.served` returns them; window: typed.
    """
    rows, window = served.tail(LATEST), window[release.contract.features].tail(LATEST)
    if not len(rows):
        return ""
    again = predict_scores(release.model, window, release.classes)
    apart = ~np.isclose(served_scores(release.classes, rows), again, rtol=NEAR, atol=NEAR)
    apart = apart.any(axis=1) if apart.ndim == 2 else apart
    if not apart.any():
        return ""
    since = ""
    if "created_at" in rows:
        since = f" since {rows['created_at'][apart].min():%Y-%m-%d %H:%M}"
    said = f"{apart.sum():,} of {len(rows):,} answers{since} are not what the model says offline"
    return f"{said}{_with(window, apart)}"


def _with(window: pd.DataFrame, apart: np.ndarray) -> str:
    """Name the column whose missing values, or whose value, set these rows apart from others."""
    if apart.all():
        return ""
    for name in window:
        gone = window[name].isna().to_numpy()
        if gone[apart].all() and not gone[~apart].any():
            return f", all of them without '{name}'"
        values = set(window[name][apart].astype(str))
        if len(values) == 1 and not values & set(window[name][~apart].astype(str)):
            return f", all of them with '{name}' = {values.pop()[:40]}"
    return ""
