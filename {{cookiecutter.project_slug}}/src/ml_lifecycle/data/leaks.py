"""Columns that know too much: of the target, of what comes later, or of one another.

In: typed rows. Out: findings, with what makes a column suspect. A score is 0 for knowing nothing
and 1 for knowing all: 2·AUC - 1 for classes (mean over one-against-rest), R² for numbers. Forests
for hundreds of columns would take minutes, so they are grown for the strongest only.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.model_selection import KFold, cross_val_score

from ..errors import WrongUse
from ..words import counted
from .contract import NAMED, NUMERIC, Contract
from .finding import Finding, TableView
from .profile import as_float
from .values import reader, words

ROWS = 8000  # enough to tell 0.98 from 0.95; a sample keeps the check at a few seconds
TREES, LEAF, FOLDS = 20, 30, 3
CERTAIN = 0.98
GOOD = 0.4
FAR = 0.2  # how far a rough score may be from the right one
OTHERS = 100  # columns that stand for all others, the strongest
MOSTLY = 0.95
LATER = 0.1  # of the rows
FEW = 10
GAP = 0.1  # of the share missing, between two groups of rows
DECIDE = "Add to `ignore` in project.toml what is not known when predicting; else to `keep`"


def leaks(view: TableView) -> Iterator[Finding]:
    """Yield the columns that give the target away, on at most 8,000 rows that have one."""
    if known := _learnable(view):
        sample = known[1].sample(min(ROWS, len(known[1])), random_state=view.seed)
        yield from _sum(sample, view.contract, view.data.keep)
        yield from _later(sample, view.contract)
        yield from _alone(sample, view.contract, view.seed)


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
    dates = [column.name for column in contract.with_role("feature") if column.kind == "date"]
    for time in [column.name for column in contract.with_role("time") if column.kind == "date"]:
        moments = sample[time]
        whole_days = (moments == moments.dt.normalize()).all()
        for name in dates:
            given = sample[name].dt.normalize() if whole_days else sample[name]
            if (share := (given > moments).mean()) > LATER:
                text = f"lies after '{time}' in {share:.0%} of the rows: known only later? {DECIDE}"
                yield Finding(name, text, blocking=True)


def _alone(sample: pd.DataFrame, contract: Contract, seed: int) -> Iterator[Finding]:
    """Yield columns near-perfect alone (0.98), or good (0.4) and better than all the others."""
    target, forest = sample[contract.target.name], RandomForestRegressor
    if contract.task != "regression":
        forest = RandomForestClassifier
        target = target[target.map(target.value_counts()) >= 10]
        if target.nunique() < 2:
            return
    matrix = _matrix(sample.loc[target.index], contract)
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
    """Return numbers (32 bits, in which trees count, hold no larger ones) and codes."""
    columns = {}
    for column in contract.with_role("feature"):
        columns[column.name] = pd.factorize(sample[column.name], sort=True)[0]
        if column.kind in (*NUMERIC, "date"):
            columns[column.name] = as_float(sample[column.name]).clip(-1e30, 1e30)
    return pd.DataFrame(columns, index=sample.index)


def _score(model: Any, matrix: pd.DataFrame, target: pd.Series) -> float:
    """Return the mean score over the folds."""
    if target.dtype == "float64":
        folder = KFold(FOLDS, shuffle=True, random_state=model.random_state)
        return float(cross_val_score(model, matrix, target, cv=folder, scoring="r2").mean())
    areas = cross_val_score(model, matrix, target, cv=FOLDS, scoring="roc_auc_ovr")
    return float(2 * areas.mean() - 1)


def strength(matrix: pd.DataFrame, target: pd.Series) -> pd.Series:
    """Return about the score that a forest would reach with each column alone, in milliseconds.

    A row's guess is the mean target of rows with alike values, by rank, in the other folds, drawn
    to that of all by one row. matrix: (rows, columns) of float64 or codes, rows in random order;
    target: float64, or classes.
    """
    rows, numeric = len(target), target.dtype == "float64"
    if numeric:
        y_true = target.to_numpy()[:, None] / max(target.abs().max(), 1e-300)
    else:
        y_true = pd.get_dummies(target).to_numpy(dtype="float64")
    score, bins = _explained if numeric else _area, max(2 * rows // LEAF, 2)
    folds, scores = np.arange(rows) % FOLDS, {}
    for name in matrix:
        ranks = matrix[name].rank(method="min", na_option="bottom").to_numpy()
        cells = folds * bins + ((ranks - 1) * bins // rows).astype("int64")
        # By fold, bin and class: rows, and what they sum to.
        count = np.bincount(cells, minlength=FOLDS * bins).reshape(FOLDS, bins, 1)
        total = [np.bincount(cells, part, FOLDS * bins).reshape(FOLDS, bins) for part in y_true.T]
        sums = np.stack(total, axis=2)
        others, many = sums.sum(axis=0) - sums, count.sum(axis=0) - count
        y_pred = (others + y_true.mean(axis=0)) / (many + 1)
        scores[name] = score(count, sums, y_pred, y_true)
    return pd.Series(scores, dtype="float64")


def _explained(
    count: np.ndarray, sums: np.ndarray, y_pred: np.ndarray, y_true: np.ndarray
) -> float:
    error = (y_true**2).sum() + (count * y_pred**2 - 2 * y_pred * sums).sum()
    return float(1 - error / max(len(y_true) * y_true.var(), 1e-300))


def _area(count: np.ndarray, sums: np.ndarray, y_pred: np.ndarray, y_true: np.ndarray) -> float:
    count, sums, y_pred = (part.reshape(-1, part.shape[-1]) for part in (count, sums, y_pred))
    order = np.argsort(y_pred, axis=0)
    right = np.take_along_axis(sums, order, axis=0)
    wrong = count[order, 0] - right
    below = np.cumsum(wrong, axis=0) - wrong / 2
    areas = (below * right).sum(axis=0) / (right.sum(axis=0) * wrong.sum(axis=0))
    return float(2 * areas.mean() - 1)


def twins(view: TableView) -> Iterator[Finding]:
    """Yield the columns that are an earlier one over again, as it is or in other words."""
    frame, seen = view.frame, dict[bytes, str]()
    for name in view.contract.features:
        codes, spelled = pd.factorize(frame[name])
        every = len(spelled) == len(frame)
        # Where each row has a value of its own, the pattern says nothing: compare the values.
        key = pd.util.hash_array(np.asarray(spelled, dtype=object)) if every else codes
        twin = seen.setdefault(key.tobytes(), name)
        if twin != name:
            same = "equal to" if frame[twin].equals(frame[name]) else "one to one with"
            yield Finding(name, f"is {same} '{twin}' in every row; one of them is enough")


def gaps(view: TableView) -> Iterator[Finding]:
    """Yield the columns whose share missing depends on the target or on a sensitive group."""
    if (known := _learnable(view)) is None:
        return
    gone, typed = known[0][view.contract.features].isna(), known[1]
    gone = gone.loc[:, gone.any() & ~gone.all()].astype("float64")
    for column in view.contract.with_role("target", "sensitive"):
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


def target(view: TableView) -> Iterator[Finding]:
    """Ask if there is something to learn, and enough of each class."""
    contract, target, positive = view.contract, view.contract.target, view.data.positive_class
    values = view.frame[target.name]
    counts = words(values, target).value_counts()
    if len(counts) < 2:
        yield Finding(target.name, "has one value only: nothing to learn", blocking=True)
        return
    if missing := int(values.isna().sum()):
        row = values.isna().argmax() + 1
        text = f"is missing in {counted(missing, 'row')}, first in row {row}: left out"
        yield Finding(target.name, text)
    if contract.task == "regression":
        return
    if target.kind not in NAMED or not target.categories:
        text = f"has {len(counts)} different values that are no numbers; choose another target"
        yield Finding(target.name, text, blocking=True)
        return
    if positive and reader(target)(positive) not in counts.index:
        known = ", ".join(map(repr, counts.index))
        raise WrongUse(
            f"[data] positive_class: {positive!r} is no class of '{target.name}': {known}"
        )
    if counts.min() < max(FEW, 0.05 * counts.sum()):
        rows = counted(counts.min(), "row")
        text = f"only {rows} of {counts.sum():,} of class {counts.idxmin()!r}"
        yield Finding(target.name, text)


def _learnable(view: TableView) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """Return raw and typed rows that have a target; None where it is of no use.

    Only then leaks stay unsaid: people want to mend a table once.
    """
    if any(finding.blocking for finding in target(view)):
        return None
    typed = view.typed[view.typed[view.contract.target.name].notna()]
    return view.frame.loc[typed.index], typed
