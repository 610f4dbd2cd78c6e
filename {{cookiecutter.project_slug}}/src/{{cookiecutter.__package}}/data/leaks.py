"""Columns that know too much: of the target, of what comes later, or of one another.

In: typed rows. Out: suspects with what makes them one. A score is 0 for knowing nothing and 1 for
knowing all: 2·AUC - 1 for classes (mean over one-against-rest), R² for numbers.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import LabelBinarizer, OrdinalEncoder
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .contract import NUMERIC, Contract
from .profile import as_float

ROWS = 8000  # enough to tell 0.98 from 0.95; a sample keeps the check at a few seconds
SCREEN = 2000  # enough to see that a column knows nothing
TREES = 20
LEAF = 30
CERTAIN = 0.98
GOOD = 0.4
MOSTLY = 0.95
LATER = 0.1  # of the rows
GAP = 0.1  # of the share missing, between two groups of rows


def find_leaks(
    typed: pd.DataFrame, contract: Contract, seed: int
) -> list[tuple[str, float, float]]:
    """Return (column, score alone, score of all the others) of columns that stand out.

    A column stands out if it is near-perfect alone (0.98), or good alone (0.4) and better than
    all the others together. Scores are cross-validated on at most 8,000 rows.
    """
    sample = typed.sample(min(ROWS, len(typed)), random_state=seed)
    target = sample[contract.target.name]
    matrix = _matrix(sample, contract)
    suspects = []
    for name in matrix:
        few = matrix[[name]].head(SCREEN), target.head(SCREEN)
        if _score(*few, contract, seed, trees=1) < GOOD / 2:
            continue
        alone = _score(matrix[[name]], target, contract, seed)
        if alone >= GOOD:
            others = matrix.drop(columns=name)
            rest = _score(others, target, contract, seed) if others.shape[1] else 0.0
            if alone >= CERTAIN or alone > rest:
                suspects.append((name, alone, rest))
    return suspects


def _matrix(sample: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    columns = {}
    for column in contract.named("feature"):
        values = sample[column.name]
        if column.kind in (*NUMERIC, "date"):
            # The trees count in 32 bits, where larger numbers overflow.
            columns[column.name] = np.clip(as_float(values), -1e30, 1e30)
        else:
            encoder = OrdinalEncoder(encoded_missing_value=np.nan)
            columns[column.name] = encoder.fit_transform(values.to_frame())[:, 0]
    return pd.DataFrame(columns, index=sample.index)


def _score(
    matrix: pd.DataFrame, target: pd.Series, contract: Contract, seed: int, trees: int = TREES
) -> float:
    """Return the cross-validated score of a forest, or of one plain tree, which is far cheaper."""
    leaf: dict[str, int] = {"min_samples_leaf": LEAF, "random_state": seed}
    if contract.task == "regression":
        model = RandomForestRegressor(trees, **leaf) if trees > 1 else DecisionTreeRegressor(**leaf)
        folder = KFold(3, shuffle=True, random_state=seed)
        return float(r2_score(target, cross_val_predict(model, matrix, target, cv=folder)))
    counts = target.value_counts()
    known = target.isin(counts.index[counts >= 10])
    target, matrix = target[known], matrix[known]
    if target.nunique() < 2:
        return 0.0
    model = RandomForestClassifier(trees, **leaf) if trees > 1 else DecisionTreeClassifier(**leaf)
    guess = cross_val_predict(model, matrix, target, cv=3, method="predict_proba")
    truth = LabelBinarizer().fit_transform(target)
    guess = guess[:, 1:] if truth.shape[1] == 1 else guess
    areas = [roc_auc_score(t, g) for t, g in zip(truth.T, guess.T, strict=True)]
    return float(2 * np.mean(areas) - 1)


def find_sum(typed: pd.DataFrame, contract: Contract) -> tuple[list[str], str]:
    """Return the columns that add up to the target, and the sum; nothing if they do not.

    Least squares on at most 8,000 rows, with the columns that are rarely missing.
    """
    target = contract.target.name
    sample = typed.head(ROWS)
    names = [c.name for c in contract.named("feature") if c.kind in NUMERIC and c.name in typed]
    names = [name for name in names if sample[name].notna().mean() > MOSTLY]
    rows = sample.dropna(subset=names)
    if contract.task != "regression" or len(rows) < 5 * len(names) or len(names) < 2:
        return [], ""
    matrix, truth = rows[names].to_numpy(), rows[target].to_numpy()
    scale = np.maximum(np.abs(matrix).max(axis=0), 1e-300)
    close = 1e-6 * np.abs(truth).max()
    weights = np.linalg.lstsq(np.column_stack([matrix / scale, np.ones(len(rows))]), truth)[0]
    parts = np.flatnonzero(np.abs(weights[:-1]) > close)
    guess = (matrix[:, parts] / scale[parts]) @ weights[parts] + weights[-1]
    if len(parts) < 2 or np.abs(guess - truth).max() > close:
        return [], ""
    terms = [f"{'-' if weights[part] < 0 else '+'} {names[part]}" for part in parts]
    plain = np.allclose(np.abs(weights[parts] / scale[parts]), 1)
    total = " ".join(terms).removeprefix("+ ")
    return [names[part] for part in parts], total if plain else f"a weighted sum of {total}"


def find_later(typed: pd.DataFrame, contract: Contract, time: str) -> list[tuple[str, float]]:
    """Return the dates that lie after the row's own time, with the share of rows where they do."""
    dates = [column.name for column in contract.named("feature") if column.kind == "date"]
    if not time or not dates or not pd.api.types.is_datetime64_any_dtype(typed[time]):
        return []
    days = typed[time].dt.normalize()
    whole_days = (typed[time] == days).all()
    later = [(typed[n].dt.normalize() if whole_days else typed[n]) > typed[time] for n in dates]
    return [(n, rows.mean()) for n, rows in zip(dates, later, strict=True) if rows.mean() > LATER]


def find_twins(frame: pd.DataFrame, names: list[str]) -> Iterator[tuple[str, str]]:
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
            yield name, f"is {same} '{twin}' in every row; one of them is enough"


def find_gaps(
    frame: pd.DataFrame, typed: pd.DataFrame, contract: Contract
) -> Iterator[tuple[str, str]]:
    """Yield the columns whose share missing depends on the target or on a sensitive group."""
    gone = frame[contract.features].isna()
    gone = gone.loc[:, gone.any() & ~gone.all()].astype("float64")
    for column in contract.named("target", "sensitive"):
        groups = typed[column.name]
        if column.kind in (*NUMERIC, "date"):
            groups = pd.qcut(groups.rank(method="first"), 4, ["lowest", "low", "high", "highest"])
        shares = gone.groupby(groups, observed=True).mean()
        shares = shares[groups.value_counts().reindex(shares.index) >= 50]
        for name in shares.columns[(shares.max() - shares.min()) > GAP]:
            if chi2_contingency(pd.crosstab(groups, gone[name])).pvalue < 1e-4:
                most = f"{shares[name].max():.0%} of {column.name} {shares[name].idxmax()!r}"
                least = f"{shares[name].min():.0%} of {shares[name].idxmin()!r}"
                yield name, f"is missing in {most}, {least}"
