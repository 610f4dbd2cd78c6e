"""Which columns of a window moved against the release's reference, and which pipes broke.

In: the reference (profiles) and a window of served rows. Out: one `Movement` a column. A column
moved if the difference is significant for all columns together *and* large enough to have a name.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..data.contract import NUMERIC, Column, Contract
from ..data.profile import Profile, profile
from ..settings import Drift

SHARE = 0.6  # of the error budget goes to the columns, the rest to the loss
# What pipes do to a unit: decimal shifts, seconds, minutes, hours, months, dozens.
WHOLE = (10.0, 100.0, 1000.0, 60.0, 3600.0, 24.0, 12.0)
BROKEN = (2.54, 2.2046, 1.6093)  # inch, pound, mile; whole numbers do not survive these
ALIKE, NEAR = 0.2, 0.07  # how far, in logarithms, the two factors and the unit may be apart
EXPECTED = 5.0


@dataclass(frozen=True)
class Movement:
    """What happened to one column. fault: a broken pipe, said in words; else empty."""

    column: str
    p_value: float
    effect: float
    moved: bool
    fault: str


def movements(
    reference: dict[str, Profile], window: pd.DataFrame, contract: Contract, drift: Drift
) -> list[Movement]:
    """Compare each feature of typed rows with its reference profile."""
    columns = [c for c in contract.named("feature") if c.name in reference]
    # Bonferroni over columns and over the two tests of each: distribution and missing values.
    level = SHARE * drift.false_alarms / (2 * max(len(columns), 1))
    return [_movement(c, reference[c.name], window[c.name], level, drift) for c in columns]


def _movement(
    column: Column, before: Profile, values: pd.Series, level: float, drift: Drift
) -> Movement:
    after = profile(values, column, like=before)
    p_value, effect = chi_square(*_cells(before, after))
    moved = p_value < level and effect >= drift.effect
    fault = _missing(before, after, level, drift) or _unit(column, before, after, moved)
    fault = fault or _unseen(before, after, values)
    return Movement(column.name, p_value, effect, moved, fault)


def _cells(before: Profile, after: Profile) -> np.ndarray:
    old, new = before["counts"], after["counts"]
    if isinstance(old, dict):
        old, new = list(old.values()), [new.get(name, 0) for name in old]
    return np.array([old, new], dtype="float64")


def chi_square(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the p-value of Pearson's test that two rows of counts are alike, and Cohen's w.

    Cells are merged until both expect 5 (Cochran, 1954). w is corrected for chance:
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
    """Merge the smallest cells, in order of size, until each is expected 5 times in both rows."""
    share = cells.sum(axis=1).min() / max(cells.sum(), 1)
    merged: list[np.ndarray] = []
    for cell in sorted(cells.T, key=lambda c: c.sum()):
        if merged and merged[-1].sum() * share < EXPECTED:
            merged[-1] = merged[-1] + cell
        else:
            merged.append(cell)
    if len(merged) > 1 and merged[-1].sum() * share < EXPECTED:
        merged[-2:] = [merged[-2] + merged[-1]]
    return np.column_stack(merged)


def _missing(before: Profile, after: Profile, level: float, drift: Drift) -> str:
    old, new = before["missing"] / before["rows"], after["missing"] / after["rows"]
    if new - old < drift.missing:
        return ""
    # One-sided hypergeometric test: a rise is a fault, a fall is a repair.
    total, all_missing = before["rows"] + after["rows"], before["missing"] + after["missing"]
    p_value = stats.hypergeom.sf(after["missing"] - 1, total, all_missing, after["rows"])
    return f"missing values rose from {old:.1%} to {new:.1%}" if p_value < level else ""


def _unit(column: Column, before: Profile, after: Profile, moved: bool) -> str:
    """Say if median and spread grew by the same factor, and that factor is one between units."""
    if not moved or column.kind not in NUMERIC or "median" not in after:
        return ""
    old, new = ([part["median"], part["iqr"]] for part in (before, after))
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.log(np.divide(new, old))  # not finite for a zero or another sign: no unit
    units = WHOLE if column.kind == "integer" else WHOLE + BROKEN
    near = np.abs(abs(grown.mean()) - np.log(units)).min() < NEAR
    if not near or np.ptp(grown) > ALIKE:
        return ""
    return f"values are about {np.exp(grown.mean()):.3g} times what they were: another unit?"


def _unseen(before: Profile, after: Profile, values: pd.Series) -> str:
    """Say if at least 1 % of the rows hold categories that no row before the release had."""
    if "known" not in before:
        return ""
    unseen = values[values.notna() & ~values.astype(str).isin(before["known"])]
    if len(unseen) < max(5, 0.01 * after["rows"]):
        return ""
    names = ", ".join(repr(str(name)[:40]) for name in unseen.value_counts().index[:3])
    return f"{len(unseen)} rows hold values never seen before: {names}"


def as_rows(found: list[Movement]) -> list[dict[str, Any]]:
    """Return movements for a table, the largest effect first."""
    ordered = sorted(found, key=lambda m: (not m.fault, -m.effect))
    return [
        {
            "column": m.column,
            "what": m.fault or ("moved" if m.moved else "as before"),
            "effect (w)": m.effect,
            "p": m.p_value,
        }
        for m in ordered
    ]
