"""Two rows of counts, of before and after, compared: where the values lie, how wide, in what shape.

In: counts by cell, (cells,) float64 each, of ordered cells where place or spread are asked for.
Out: the p-value and a bias-free effect.
"""

import numpy as np
from scipy import stats

EXPECTED, SURE = 5.0, 20.0
IN_SD = 2 * np.sqrt(np.pi)  # of a shift of a normal distribution, a difference of mean ranks
IN_LOG = 1 / 0.0919  # of a change of its width, a difference of mean squared ranks


def place(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the p-value that both lie at the same place, and the shift, as if normal, in sd.

    The rank test of Wilcoxon (1945) on mid-ranks, with the pooled variance.
    """
    p_value, difference = _scores(before, after, 1)
    return p_value, IN_SD * difference


def spread(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the p-value that both are as wide, and the logarithm of the ratio, as if normal.

    The rank test of Mood (1954): squared distances of mid-ranks from the middle.
    """
    p_value, difference = _scores(before, after, 2)
    return p_value, IN_LOG * difference


def _scores(before: np.ndarray, after: np.ndarray, power: int) -> tuple[float, float]:
    pooled, sizes = before + after, np.array([before.sum(), after.sum()])
    if not sizes.all():
        return 1.0, 0.0
    shares = pooled / pooled.sum()
    score = (shares.cumsum() - shares / 2 - 0.5) ** power
    difference = score @ after / sizes[1] - score @ before / sizes[0]
    variance = shares @ score**2 - (shares @ score) ** 2
    if variance <= 0:
        return 1.0, 0.0
    z = difference / np.sqrt(variance * (1 / sizes).sum())
    return float(2 * stats.norm.sf(abs(z))), float(difference)


def chi_square(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the p-value of Pearson's test that two rows of counts are alike, and Cohen's w.

    Neighbours are merged until both expect 5 (Cochran, 1954). w is corrected for chance:
    sqrt(max(chi2 - df, 0) / n) with n the window's effective size (Cohen, 1988, chapter 7).
    """
    cells = _merged(np.vstack([before, after]))
    if cells.shape[1] < 2 or (cells.sum(axis=1) == 0).any():
        return 1.0, 0.0
    chi2, p_value, df, _ = stats.chi2_contingency(cells, correction=False)
    rows = cells.sum(axis=1)
    effective = rows[0] * rows[1] / rows.sum()
    return float(p_value), float(np.sqrt(max(chi2 - df, 0.0) / effective))


def _merged(cells: np.ndarray) -> np.ndarray:
    """Merge neighbours in the order given, which must not come from these rows.

    A cell is full if both rows expect 5, or if the shorter row has 20, which is then so far from
    what it expects that no table of the distribution is needed.
    """
    rows = cells.sum(axis=1)
    shorter, share = int(np.argmin(rows)), rows.min() / max(rows.sum(), 1)

    def full(cell: np.ndarray) -> bool:
        return bool(cell.sum() * share >= EXPECTED or cell[shorter] >= SURE)

    merged: list[np.ndarray] = []
    for cell in cells.T:
        if merged and not full(merged[-1]):
            merged[-1] = merged[-1] + cell
        else:
            merged.append(cell)
    if len(merged) > 1 and not full(merged[-1]):
        merged[-2:] = [merged[-2] + merged[-1]]
    return np.column_stack(merged)
