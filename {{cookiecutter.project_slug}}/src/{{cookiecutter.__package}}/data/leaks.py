"""Columns that know the target: too good alone, or adding up to it.

In: typed rows. Out: suspects with the score that makes them one. A score is 0 for knowing nothing
and 1 for knowing all: 2·AUC - 1 for classes (mean over one-against-rest), R² for numbers.
"""

from itertools import combinations

import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import LabelBinarizer, OrdinalEncoder

from .contract import NUMERIC, Contract
from .profile import as_float

ROWS = 8000  # enough to tell 0.98 from 0.95; a sample keeps the check at a few seconds
TREES = 20
LEAF = 30
CERTAIN = 0.98
GOOD = 0.4


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
        if _score(matrix[[name]], target, contract, seed, trees=1) < GOOD / 2:
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
    folder = KFold(3, shuffle=True, random_state=seed)
    if contract.task == "regression":
        forest = RandomForestRegressor(trees, min_samples_leaf=LEAF, random_state=seed)
        guess = cross_val_predict(forest, matrix, target, cv=folder)
        return float(r2_score(target, guess))
    forest = RandomForestClassifier(trees, min_samples_leaf=LEAF, random_state=seed)
    counts = target.value_counts()
    known = target.isin(counts.index[counts >= 10])
    target, matrix = target[known], matrix[known]
    if target.nunique() < 2:
        return 0.0
    guess = cross_val_predict(forest, matrix, target, cv=3, method="predict_proba")
    truth = LabelBinarizer().fit_transform(target)
    guess = guess[:, 1:] if truth.shape[1] == 1 else guess
    areas = [roc_auc_score(t, g) for t, g in zip(truth.T, guess.T, strict=True)]
    return float(2 * np.mean(areas) - 1)


def find_sums(typed: pd.DataFrame, contract: Contract) -> list[tuple[tuple[str, str], str]]:
    """Return pairs of columns whose sum or difference is the target in every row."""
    if contract.task != "regression":
        return []
    target = typed[contract.target.name].to_numpy()
    columns = {
        c.name: typed[c.name].to_numpy() for c in contract.named("feature") if c.kind in NUMERIC
    }
    found = []
    for a, b in combinations(columns, 2):
        for first, second, sign, total in (
            (a, b, "+", columns[a] + columns[b]),
            (a, b, "-", columns[a] - columns[b]),
            (b, a, "-", columns[b] - columns[a]),
        ):
            if np.abs(total[:100] - target[:100]).max() < 1e-6 and np.allclose(total, target):
                found.append(((first, second), sign))
    return found
