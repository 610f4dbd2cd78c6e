"""Columns that know too much: of the target, of what comes later, or of one another.

In: typed rows. Out: findings, with what makes a column suspect. A score is 0 for knowing nothing
and 1 for knowing all: 2·AUC - 1 for classes (mean over one-against-rest), R² for numbers.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import KFold, cross_val_score

from ..settings import Settings
from .contract import NUMERIC, Contract
from .profile import as_float
from .strength import FOLDS, LEAF, strength

ROWS = 8000  # enough to tell 0.98 from 0.95; a sample keeps the check at a few seconds
TREES = 20
CERTAIN = 0.98
GOOD = 0.4
FAR = 0.2  # how far a rough score may be from the right one
OTHERS = 100  # columns that stand for all others, the strongest
MOSTLY = 0.95
LATER = 0.1  # of the rows
GAP = 0.1  # of the share missing, between two groups of rows
DECIDE = "Add to `ignore` in project.toml what is not known when predicting; else to `keep`"


@dataclass(frozen=True)
class Finding:
    """Something about a column that a person should know; blocking: must decide on."""

    column: str
    text: str
    blocking: bool = False


def find_leaks(typed: pd.DataFrame, contract: Contract, settings: Settings) -> Iterator[Finding]:
    """Yield the columns that give the target away, on at most 8,000 rows that have one."""
    seed = settings.training.seed
    sample = typed.sample(min(ROWS, len(typed)), random_state=seed)
    yield from _sum(sample, contract, settings.data.keep)
    yield from _later(sample, contract)
    yield from _alone(sample, contract, seed)


def _sum(sample: pd.DataFrame, contract: Contract, keep: tuple[str, ...]) -> Iterator[Finding]:
    """Yield the columns that add up to the target, by least squares, if any do."""
    numeric = [column.name for column in contract.with_role("feature") if column.kind in NUMERIC]
    names = [name for name in numeric if sample[name].notna().mean() > MOSTLY]
    rows = sample.dropna(subset=names)
    if contract.task != "regression" or len(rows) < 5 * len(names) or len(names) < 2:
        return
    y_true, scale = rows[contract.target.name], rows[names].abs().max().clip(lower=1e-300)
    matrix = np.column_stack([rows[names] / scale, np.ones(len(rows))])
    *shares, constant = np.linalg.lstsq(matrix, y_true)[0]
    close = 1e-6 * y_true.abs().max()
    weights = (shares / scale)[np.abs(shares) > close]
    error = rows[weights.index] @ weights + constant - y_true
    if len(weights) < 2 or error.abs().max() > close or set(weights.index) <= set(keep):
        return
    terms = [f"{'-' if weight < 0 else '+'} {name}" for name, weight in weights.items()]
    total = " ".join(terms).removeprefix("+ ")
    what = total if np.allclose(weights.abs(), 1) else f"a weighted sum of {total}"
    text = f"{what} is exactly the target: a leak. {DECIDE}"
    yield Finding(" and ".join(weights.index), text, blocking=True)


def _later(sample: pd.DataFrame, contract: Contract) -> Iterator[Finding]:
    """Yield the dates that lie after the row's own time; whole days are compared as such."""
    for time in contract.with_role("time"):
        if time.kind != "date":
            return
        moments = sample[time.name]
        whole_days = (moments == moments.dt.normalize()).all()
        for column in contract.with_role("feature"):
            if column.kind == "date":
                dates = sample[column.name]
                share = ((dates.dt.normalize() if whole_days else dates) > moments).mean()
                if share > LATER:
                    text = f"lies after '{time.name}' in {share:.0%} of the rows: known only later?"
                    yield Finding(column.name, f"{text} {DECIDE}", blocking=True)


def _alone(sample: pd.DataFrame, contract: Contract, seed: int) -> Iterator[Finding]:
    """Yield columns near-perfect alone (0.98), or good (0.4) and better than all the others."""
    target, forest = sample[contract.target.name], RandomForestRegressor
    if contract.task != "regression":
        forest = RandomForestClassifier
        target = target[target.map(target.value_counts()) >= 10]
        if target.nunique() < 2:
            return
    matrix = _matrix(sample, contract).loc[target.index]
    model = forest(TREES, min_samples_leaf=LEAF, random_state=seed)
    rough = strength(matrix, target)
    # Only the strongest can be better than all the others together, for those hold it.
    tried = {*rough.nlargest(3).index, *rough.index[rough >= CERTAIN - FAR]}
    found = {name: _score(model, matrix[[name]], target) for name in matrix if name in tried}
    for name, alone in found.items():
        text = f"alone it predicts with a score of {alone:.2f} (0: nothing, 1: all)"
        if alone >= CERTAIN:
            yield Finding(name, f"{text}: a leak? {DECIDE}", blocking=True)
        elif alone >= GOOD and alone == max(found.values()):
            others = rough.drop(name).nlargest(OTHERS).index
            rest = _score(model, matrix[others], target) if len(others) else 0.0
            text += f", all other columns together with {rest:.2f}. Is it known when predicting?"
            if alone > rest:
                yield Finding(name, f"{text} {DECIDE}")


def _matrix(sample: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    columns = {}
    for column in contract.with_role("feature"):
        values = sample[column.name]
        if column.kind in (*NUMERIC, "date"):
            # The trees count in 32 bits, where larger numbers overflow.
            columns[column.name] = np.clip(as_float(values), -1e30, 1e30)
        else:
            columns[column.name] = pd.factorize(values, sort=True)[0]
    return pd.DataFrame(columns, index=sample.index)


def _score(model: Any, matrix: pd.DataFrame, target: pd.Series) -> float:
    """Return the mean score over the folds."""
    if target.dtype == "float64":
        folder = KFold(FOLDS, shuffle=True, random_state=model.random_state)
        return float(cross_val_score(model, matrix, target, cv=folder, scoring="r2").mean())
    areas = cross_val_score(model, matrix, target, cv=FOLDS, scoring="roc_auc_ovr")
    return float(2 * areas.mean() - 1)


def find_twins(frame: pd.DataFrame, names: list[str]) -> Iterator[Finding]:
    """Yield the columns that are an earlier one over again, as it is or in other words."""
    seen: dict[bytes, str] = {}
    for name in names:
        codes, spelled = pd.factorize(frame[name])
        every = len(spelled) == len(frame)
        # Where each row has a value of its own, the pattern says nothing: compare the values.
        key = pd.util.hash_array(np.asarray(spelled, dtype=object)) if every else codes
        twin = seen.setdefault(key.tobytes(), name)
        if twin != name:
            same = "equal to" if frame[twin].equals(frame[name]) else "one to one with"
            yield Finding(name, f"is {same} '{twin}' in every row; one of them is enough")


def find_gaps(frame: pd.DataFrame, typed: pd.DataFrame, contract: Contract) -> Iterator[Finding]:
    """Yield the columns whose share missing depends on the target or on a sensitive group."""
    gone = frame[contract.features].isna()
    gone = gone.loc[:, gone.any() & ~gone.all()].astype("float64")
    for column in contract.with_role("target", "sensitive"):
        groups = typed[column.name]
        if column.kind in (*NUMERIC, "date"):
            groups = pd.qcut(groups.rank(method="first"), 4, ["lowest", "low", "high", "highest"])
        shares = gone.groupby(groups, observed=True).mean()
        shares = shares[groups.value_counts().reindex(shares.index) >= 50]
        for name in shares.columns[(shares.max() - shares.min()) > GAP]:
            if chi2_contingency(pd.crosstab(groups, gone[name])).pvalue < 1e-4:
                most = f"{shares[name].max():.0%} of {column.name} {shares[name].idxmax()!r}"
                least = f"{shares[name].min():.0%} of {shares[name].idxmin()!r}"
                yield Finding(name, f"is missing in {most}, {least}. {DECIDE}")
