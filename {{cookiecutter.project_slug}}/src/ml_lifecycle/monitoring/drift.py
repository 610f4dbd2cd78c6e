"""Which columns of a window moved against the release's reference, and which pipes broke.

In: the reference (profiles) and a window of served rows. Out: one `ColumnDrift` a column. A column
moved if the difference is significant for all columns together *and* large enough to have a name.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from ..data.contract import NUMERIC, Column, Contract
from ..data.profile import Counts, Profile, once_a_group, profile
from ..data.rows import to_frame
from ..release.bundle import Release
from .performance import LossComparison
from .settings import SHARE, DriftSettings
from .unseen import unseen

# What pipes do to a unit: decimal shifts, seconds, minutes, hours, months, dozens.
WHOLE = (10.0, 100.0, 1000.0, 60.0, 3600.0, 24.0, 12.0)
BROKEN = (2.54, 2.2046, 1.6093)  # inch, pound, mile; whole numbers do not survive these
ALIKE, NEAR = 0.2, 0.07  # how far, in logarithms, the two factors and the unit may be apart
EXPECTED, SURE = 5.0, 20.0


@dataclass(frozen=True)
class ColumnDrift:
    """What happened to one column. fault: a broken pipe, said in words; else empty.

    compared: False where only missing values were, as in columns that follow the time.
    """

    column: str
    p_value: float
    effect: float
    drifted: bool
    fault: str
    compared: bool = True

    @property
    def finding(self) -> str:
        """What happened, in words."""
        plain = "as before" if self.compared else "not compared but for missing values"
        return self.fault or ("moved" if self.drifted else plain)


@dataclass(frozen=True)
class DriftCheck:
    """The verdict on one window of served rows, and all that it rests on."""

    verdict: str
    reason: str
    rows: int
    columns: list[ColumnDrift]
    loss: LossComparison


@dataclass(frozen=True)
class _Pair:
    """One column before and after, and the pairs of rows of counts that are compared."""

    column: Column
    before: Profile
    after: Profile
    counts: list[np.ndarray]

    @property
    def tests(self) -> int:
        """How many questions are asked: missing values, distributions, values never seen."""
        return 1 + len(self.counts) + (self.before.seen is not None)


def compare_columns(
    reference: dict[str, Profile],
    window: pd.DataFrame,
    contract: Contract,
    drift: DriftSettings,
    at: pd.Series | None = None,
) -> list[ColumnDrift]:
    """Compare each feature of typed rows with its reference profile.

    window: features, and the columns of time and group if the contract has them; at: when each
    row was served (UTC), for rows that do not say their time.
    """
    columns = [c for c in contract.with_role("feature") if c.name in reference]
    moments, groups = _moments(window, contract, at), _groups(window, contract)
    pairs = [_pair(c, reference[c.name], window[c.name], moments, groups) for c in columns]
    # Bonferroni over all questions asked.
    level = SHARE * drift.false_alarm_rate / max(sum(pair.tests for pair in pairs), 1)
    values = {c.name: once_a_group(window[c.name], groups) for c in columns}
    return [_movement(pair, values[pair.column.name], level, drift) for pair in pairs]


def column_drift(release: Release, served: pd.DataFrame, drift: DriftSettings) -> list[ColumnDrift]:
    """Compare a window of served rows, as `Ledger.served` returns them, with the reference."""
    window = to_frame(release.contract, list(served["inputs"]), ("feature", "time", "group"))
    at = None
    if "created_at" in served:
        moments = pd.to_datetime(served["created_at"], utc=True).dt.tz_localize(None)
        at = moments.astype("datetime64[s]")
    return compare_columns(release.reference.columns, window, release.contract, drift, at)


def _moments(window: pd.DataFrame, contract: Contract, at: pd.Series | None) -> pd.Series | None:
    """Return the time of each row, as datetime64; None where rows have none."""
    served = None if at is None else pd.Series(at.to_numpy(), window.index)
    for time in contract.with_role("time"):
        if time.kind == "date" and time.name in window:
            given = window[time.name]
            return given if served is None else given.fillna(served)
    return served


def _groups(window: pd.DataFrame, contract: Contract) -> pd.Series | None:
    """Return the group of each row, its own where it does not say; None where no row does."""
    for column in contract.with_role("group"):
        if column.name in window and window[column.name].notna().any():
            alone = pd.Series([f"row {place}" for place in range(len(window))], window.index)
            return window[column.name].astype(object).fillna(alone).astype(str)
    return None


def _pair(
    column: Column,
    before: Profile,
    values: pd.Series,
    moments: pd.Series | None,
    groups: pd.Series | None,
) -> _Pair:
    after = profile(values, column, before, moments, groups)
    if groups is None:  # then its rows are taken to be as much alike as those of the release
        after = replace(after, missing_effect=before.missing_effect)
    both = [name for name in before.counts if name in after.counts]
    counts = [_cells(before.counts[n], after.counts[n], groups is not None) for n in both]
    return _Pair(column, before, after, counts)


def _cells(before: Counts, after: Counts, grouped: bool) -> np.ndarray:
    """Return two rows of counts, of rows that are as good as independent of one another."""
    effects = [[part.effect] for part in (before, after if grouped else before)]
    return np.array([before.rows, after.rows], dtype="float64") / effects


def _movement(pair: _Pair, values: pd.Series, level: float, drift: DriftSettings) -> ColumnDrift:
    column, before, after = pair.column, pair.before, pair.after
    found = [chi_square(*counts) for counts in pair.counts] or [(1.0, 0.0)]
    significant = [(p, effect) for p, effect in found if p < level]
    p_value, effect = max(significant or found, key=lambda pair: pair[1])
    moved = bool(significant) and effect >= drift.min_effect_size
    fault = _missing(before, after, level, drift) or _unit(column, before, after, moved)
    if before.seen and not fault:
        fault = unseen(before.seen, values, column, level)
    return ColumnDrift(column.name, p_value, effect, moved, fault, bool(pair.counts))


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


def _missing(before: Profile, after: Profile, level: float, drift: DriftSettings) -> str:
    old, new = before.missing / before.rows, after.missing / after.rows
    if new - old < drift.max_missing_increase:
        return ""
    # One-sided hypergeometric test: a rise is a fault, a fall is a repair.
    (rows, gone), (others, gone_then) = (
        np.array([part.rows, part.missing]) / part.missing_effect for part in (after, before)
    )
    total, missing = round(rows + others), round(gone + gone_then)
    p_value = stats.hypergeom.sf(round(gone) - 1, total, missing, round(rows))
    return f"missing values rose from {old:.1%} to {new:.1%}" if p_value < level else ""


def _unit(column: Column, before: Profile, after: Profile, moved: bool) -> str:
    """Say if median and spread grew by the same factor, and that factor is one between units."""
    if not moved or column.kind not in NUMERIC or after.counts["value"].median is None:
        return ""
    counts = (part.counts["value"] for part in (before, after))
    old, new = (np.array([part.median, part.iqr], dtype="float64") for part in counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        grown = np.log(np.divide(new, old))  # not finite for a zero or another sign: no unit
    units = WHOLE if column.kind == "integer" else WHOLE + BROKEN
    near = np.abs(abs(grown.mean()) - np.log(units)).min() < NEAR
    if not near or np.ptp(grown) > ALIKE:
        return ""
    return f"values are about {np.exp(grown.mean()):.3g} times what they were: another unit?"
