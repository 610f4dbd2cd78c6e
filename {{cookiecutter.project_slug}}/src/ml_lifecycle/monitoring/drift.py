"""Which columns of a window moved against the release's reference, and which pipes broke.

In: the reference (profiles) and a window of served rows. Out: one `ColumnDrift` a column. A column
moved if the difference is significant for all columns together *and* large enough to have a name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy import stats

from ..data.contract import NUMERIC, Column, Contract
from ..data.profile import Counts, Profile, once_a_group, profile
from ..release.bundle import Release
from .changes import Histogram, change, histogram, unit_factor
from .ranks import chi_square, place, spread
from .settings import DriftSettings
from .unseen import unseen
from .window import keys_of, moments_of

NOTHING: Mapping[str, float] = {}
# Of the error budget of a column, what each question gets: most go with a change of place.
WEIGHTS = {"place": 0.4, "spread": 0.2, "shape": 0.3, "missing": 0.1, "unit": 0.2, "unseen": 0.3}


@dataclass(frozen=True)
class ColumnDrift:
    """What happened to one column. fault: a broken pipe, said in words; else empty.

    p_value, p_fault: the chance that any column would look so without drift, and of such a fault;
    effect: in standard deviations of place, logarithms of spread, or Cohen's w; change: in the
    column's own unit; compared: False where only missing values were; importance: its part of what
    all columns are worth to the model.
    """

    column: str
    p_value: float
    effect: float
    drifted: bool
    fault: str
    compared: bool = True
    change: str = ""
    p_fault: float = 1.0
    importance: float = 0.0
    histogram: Histogram = field(default_factory=Histogram)

    @property
    def finding(self) -> str:
        """What happened, in words."""
        plain = "as before" if self.compared else "not compared but for missing values"
        return self.fault or (self.change if self.drifted else plain)


@dataclass(frozen=True)
class Found:
    """One question of a kind and its answer: how sure, how far, and what a fault is in words."""

    kind: str
    p_value: float
    effect: float
    said: str = ""


@dataclass(frozen=True)
class _Pair:
    """One column before and after, and the pairs of rows of counts that are compared."""

    column: Column
    before: Profile
    after: Profile
    counts: dict[str, np.ndarray]

    @property
    def found(self) -> list[Found]:
        """What moved, a question each: place, spread and shape of numbers, shares of categories."""
        answers = []
        for name, cells in self.counts.items():
            if self.before.counts[name].median is not None:
                answers += [Found("place", *place(*cells)), Found("spread", *spread(*cells))]
            answers.append(Found("shape", *chi_square(*cells)))
        return answers


def compare_columns(
    reference: dict[str, Profile],
    window: pd.DataFrame,
    contract: Contract,
    drift: DriftSettings,
    levels: Mapping[str, float],
    at: pd.Series | None = None,
    worth: Mapping[str, float] = NOTHING,
) -> list[ColumnDrift]:
    """Compare each feature of typed rows with its reference profile.

    window: features, and the columns of time and group if the contract has them; levels: see
    `Looks.levels`; at: when each row was served (UTC), for rows that do not say their time; worth:
    of columns to the model. Half of the budget is for all columns alike, half goes by that.
    """
    columns = [c for c in contract.with_role("feature") if c.name in reference]
    moments, groups = moments_of(window, contract, at), keys_of(window, contract)
    pairs = [_pair(c, reference[c.name], window[c.name], moments, groups) for c in columns]
    asked = [[*pair.found, _missing(pair, drift)] for pair in pairs]
    faults = [
        _faults(pair, once_a_group(window[pair.column.name], groups), found, drift)
        for pair, found in zip(pairs, asked, strict=True)
    ]
    whole = sum(max(worth.get(c.name, 0.0), 0.0) for c in columns)
    parts = [max(worth.get(c.name, 0.0), 0.0) / (whole or 1.0) for c in columns]
    alike = 1 / max(len(columns), 1)
    compared = []
    for pair, moved, broken, part in zip(pairs, asked, faults, parts, strict=True):
        share = (alike + part) / 2 if whole else alike
        surest = _surest(moved, share, drift), _surest(broken, alike, drift)
        compared.append(_movement(pair, *surest, levels, part))
    return compared


def _surest(found: list[Found], share: float, drift: DriftSettings) -> Found:
    """Return the surest answer of those that are worth a name, its p-value for all columns.

    Bonferroni's (1936), each column by its share of the budget, and its questions by WEIGHTS.
    """
    whole = sum(WEIGHTS[one.kind] for one in found)
    sure = [
        replace(one, p_value=min(1.0, one.p_value * whole / WEIGHTS[one.kind] / share))
        if abs(one.effect) >= drift.min_effect_size
        else replace(one, p_value=1.0)
        for one in found
    ]
    return min(sure, key=lambda one: one.p_value)


def column_drift(
    release: Release,
    served: pd.DataFrame,
    window: pd.DataFrame,
    drift: DriftSettings,
    levels: Mapping[str, float],
) -> list[ColumnDrift]:
    """Compare served rows with the reference.

    served: as `Ledger.served` returns them; window: their `served_frame`.
    """
    at = None
    if "created_at" in served:
        moments = pd.to_datetime(served["created_at"], utc=True).dt.tz_localize(None)
        at = moments.astype("datetime64[s]")
    known = release.reference.columns
    worth = {one.feature: one.importance.value for one in release.evaluation.importances}
    return compare_columns(known, window, release.contract, drift, levels, at, worth)


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
    counts = {
        name: _cells(known, after.counts[name], groups is not None)
        for name, known in before.counts.items()
        if name in after.counts
    }
    return _Pair(column, before, after, counts)


def _cells(before: Counts, after: Counts, grouped: bool) -> np.ndarray:
    """Return two rows of counts, of rows that are as good as independent of one another."""
    effects = [[part.effect] for part in (before, after if grouped else before)]
    return np.array([before.rows, after.rows], dtype="float64") / effects


def _movement(
    pair: _Pair, moved: Found, broken: Found, levels: Mapping[str, float], importance: float
) -> ColumnDrift:
    fault = broken.said if broken.p_value < levels["pipe"] else ""
    return ColumnDrift(
        column=pair.column.name,
        p_value=moved.p_value,
        effect=abs(moved.effect),
        drifted=moved.p_value < levels["columns"],
        fault=fault,
        compared=bool(pair.counts),
        change=change(pair.column, pair.before, pair.after, moved.kind),
        p_fault=broken.p_value,
        importance=importance,
        histogram=histogram(pair.before, pair.after),
    )


def _missing(pair: _Pair, drift: DriftSettings) -> Found:
    """Ask whether missing values rose: a fall is a repair (one-sided, hypergeometric)."""
    before, after = pair.before, pair.after
    old, new = before.missing / before.rows, after.missing / after.rows
    if new - old < drift.max_missing_increase:
        return Found("missing", 1.0, 0.0)
    (rows, gone), (others, gone_then) = (
        np.array([part.rows, part.missing]) / part.missing_effect for part in (after, before)
    )
    total, missing = round(rows + others), round(gone + gone_then)
    p_value = stats.hypergeom.sf(round(gone) - 1, total, missing, round(rows))
    far = 2 * (np.arcsin(np.sqrt(new)) - np.arcsin(np.sqrt(old)))  # Cohen's h
    return Found("missing", float(p_value), max(float(far), drift.min_effect_size))


def _faults(
    pair: _Pair, values: pd.Series, found: list[Found], drift: DriftSettings
) -> list[Found]:
    """Return what would be a broken pipe, in words, and how sure it is."""
    column, before, after = pair.column, pair.before, pair.after
    gone = found[-1]
    faults = [
        replace(gone, said=f"missing values rose: {change(column, before, after, 'missing')}")
    ]
    if column.kind in NUMERIC and pair.counts:
        surest = min(found[:-1], key=lambda one: one.p_value)
        factor = unit_factor(column, before, after)
        said = f"{change(column, before, after, 'place')}, about {factor:.3g} times: another unit?"
        faults.append(Found("unit", surest.p_value, np.inf if factor else 0.0, said))
    if before.seen:
        p_value, said = unseen(before.seen, values, column)
        faults.append(Found("unseen", p_value, np.inf if said else 0.0, said))
    return faults
