"""What no column shows alone: two that no longer go together, and many that moved a little each.

In: scores of the test rows and of a window, see `Baseline`. Out: `Together`.
"""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from .baseline import Baseline

PAIRS = 0.05  # a difference of correlations that is worth a name
ALONG, FAR = 0.05, 0.1  # a shift along a component in its sd, and of all columns (Mahalanobis)
COMPONENTS = 10
NARROW = 1e-3  # variance of a component that holds nothing
NAMED = 3
FEWEST = 50  # rows with another value than the commonest, before two columns can go together


@dataclass(frozen=True)
class Together:
    """What columns did together; p_value: the chance of it without drift; said: empty if nothing.

    columns: those it is about.
    """

    p_value: float = 1.0
    said: str = ""
    columns: tuple[str, ...] = ()


def pairs(known: Baseline, codes: np.ndarray, level: float) -> Together:
    """Compare the correlations of all pairs of columns, (rows, columns) scores of a window."""
    names = list(known.coders)
    if len(names) < 2:
        return Together()
    before, wide = correlations(known.codes)
    after, _ = correlations(codes)
    # Without drift the window's variance is the test rows', which are known better.
    rows = 1 / len(known.codes) + 1 / len(codes)
    with np.errstate(divide="ignore", invalid="ignore"):
        apart = np.arctanh(after) - np.arctanh(before)
        z = np.nan_to_num(np.abs(apart) / np.sqrt(wide * rows))
    z[np.abs(after - before) < PAIRS] = 0
    rare = _rare(known.codes) * len(codes) < FEWEST
    z[rare] = z[:, rare] = 0
    upper = np.triu_indices(len(names), 1)
    best = int(z[upper].argmax())
    i, j = (int(side[best]) for side in upper)
    p_value = min(1.0, len(upper[0]) * 2 * float(stats.norm.sf(z[i, j])))
    if p_value >= level:
        return Together(p_value)
    said = f"'{names[i]}' and '{names[j]}' went together ({before[i, j]:.2f})"
    return Together(p_value, f"{said}, and do so by {after[i, j]:.2f} now", (names[i], names[j]))


def _t_squared(found: float, columns: int, rows: int) -> float:
    """Return the chance of a T², if the covariance is that of so many test rows."""
    free = rows - columns
    return (
        float(stats.f.sf(found * free / (columns * (rows - 1)), columns, free)) if free > 0 else 1.0
    )


def _rare(codes: np.ndarray) -> np.ndarray:
    """Return, (columns,), the share of rows that do not hold the commonest value of a column."""
    common = [np.unique(column, return_counts=True)[1].max() for column in codes.T]
    return 1 - np.array(common) / len(codes)


def correlations(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return (columns, columns) correlations, and the variance of the arctanh of each, times rows.

    By the influence function of a correlation, uv - r (u² + v²) / 2 of standardised u and v, so
    that heavy tails and ties are as they are; NaN where a column has one value only.
    """
    centred = codes - codes.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        u = centred / centred.std(axis=0)
        rows, square = len(u), u**2
        r = u.T @ u / rows
        cube = (u * square).T @ u / rows
        fourth = (square**2).mean(axis=0)
        both = square.T @ square / rows
        variance = both - r * (cube + cube.T)
        variance += r**2 / 4 * (fourth[:, None] + fourth[None, :] + 2 * both)
        return r, variance / (1 - r**2) ** 2


def shift(known: Baseline, codes: np.ndarray, level: float) -> Together:
    """Ask whether the window's mean moved, along the widest components or anywhere.

    The components are those of the test rows' scores (Hotelling, 1933), the whole is T² (Hotelling,
    1931); a group of rows that grows moves the widest ones, though each column hardly.
    """
    names = list(known.coders)
    if len(names) < 2:
        return Together()
    variance, vectors = np.linalg.eigh(np.cov(known.codes, rowvar=False))
    variance, vectors = variance[::-1], vectors[:, ::-1]
    kept = variance > NARROW * variance[0]
    rows = 1 / len(known.codes) + 1 / len(codes)
    moved = (codes.mean(axis=0) - known.codes.mean(axis=0)) @ vectors[:, kept]
    far = moved / np.sqrt(variance[kept])
    first = np.abs(far[:COMPONENTS])
    along = np.where(first >= ALONG, 2 * stats.norm.sf(first / np.sqrt(rows)), 1.0)
    everywhere, df = float((far**2).sum() / rows), int(kept.sum())
    distance = np.sqrt(max(everywhere - df, 0) * rows)
    whole = _t_squared(everywhere, df, len(known.codes)) if distance >= FAR else 1.0
    best = int(along.argmin())
    p_value = min(1.0, 2 * min(len(along) * float(along[best]), whole))
    if p_value >= level:
        return Together(p_value)
    part = vectors[:, best] * moved[best] if along[best] < 1 else vectors[:, kept] @ moved
    top = tuple(names[k] for k in np.abs(part).argsort()[::-1][:NAMED])
    said = f"rows of another kind became more: {', '.join(repr(name) for name in top)} moved with"
    return Together(p_value, f"{said} each other, by {distance:.2f} sd in all", top)
