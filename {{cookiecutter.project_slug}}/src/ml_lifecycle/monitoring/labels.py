"""For which rows outcomes come: if sooner for some kinds than for others, the loss is theirs only.

In: scores of rows that were served, and which have an outcome. Out: the bias in words, or nothing.
"""

import numpy as np
from scipy import stats

from .baseline import Baseline

APART = 0.2  # standard deviations between those with an outcome and those without
FEWEST = 50  # rows of either
CHANCE = 0.01


def label_bias(known: Baseline, codes: np.ndarray, labelled: np.ndarray) -> str:
    """Say which column tells rows with outcomes from those without.

    codes: (rows, columns), see `Baseline`; labelled: (rows,) bool. Welch's test of the mean scores,
    Bonferroni over columns.
    """
    counts = np.array([labelled.sum(), (~labelled).sum()])
    if counts.min() < FEWEST or not codes.size:
        return ""
    parts = codes[labelled], codes[~labelled]
    apart = parts[0].mean(axis=0) - parts[1].mean(axis=0)
    error = np.sqrt(sum(part.var(axis=0) / len(part) for part in parts))
    z = np.abs(apart) / np.maximum(error, 1e-12)
    sure = (2 * stats.norm.sf(z) * len(z) < CHANCE) & (np.abs(apart) >= APART)
    names = [name for name, found in zip(known.coders, sure, strict=True) if found]
    if not names:
        return ""
    told = ", ".join(f"'{name}'" for name in names[:3])
    return f"outcomes came for {labelled.mean():.0%} of the rows, and not alike: by {told}"
