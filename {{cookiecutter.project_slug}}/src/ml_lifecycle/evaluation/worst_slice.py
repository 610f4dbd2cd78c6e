"""Where the model fails that nobody asked about: one rule, found in half of the test rows.

In: judged test rows. Out: the rule, as a query for [slices], with the scores inside and outside it
in the other half; or nothing, if the model is not surely worse there.
"""

import keyword
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.tree import DecisionTreeRegressor

from ..data.contract import NAMED, NUMERIC, Contract
from .scored import FEW, ScoredRows
from .scores import Interval, bootstrap_scores, losses, percentile_interval
from .slices import MOST

DEPTH = 3
Question = tuple[str, str, np.ndarray]  # a condition, its opposite, and what they compare


@dataclass(frozen=True)
class WorstSlice:
    """Where a model is surely worse: the rule, and the scores there and in the rest."""

    rule: str
    rows: int
    score: Interval
    rest: Interval


def worst_slice(scored: ScoredRows) -> WorstSlice | None:
    """Return where the model is surely worse, None if nowhere that could be found.

    The rule is chosen by the loss on one half of the groups and judged by the metric on the other,
    so its interval is not flattered by the search.
    """
    codes, uniques = pd.factorize(scored.task.groups(scored.frame))
    half = (np.random.default_rng(0).random(len(uniques)) < 0.5)[codes]
    questions = list(_questions(scored.frame, scored.task.contract))
    if not questions or half.sum() < 4 * FEW:
        return None
    matrix = np.column_stack([values for *_, values in questions])
    tree = DecisionTreeRegressor(max_depth=DEPTH, min_samples_leaf=max(FEW, len(half) // 40))
    tree.set_params(random_state=0).fit(matrix[half], losses(scored.y_true, scored.y_pred)[half])
    worst, leaves = matrix[[tree.predict(matrix).argmax()]], tree.apply(matrix)
    inside = leaves == tree.apply(worst)
    there, elsewhere = inside & ~half, ~inside & ~half
    if min(there.sum(), elsewhere.sum()) < FEW:
        return None
    one, other = (
        bootstrap_scores(
            scored.task.score, scored.y_true[at], scored.y_pred[at], scored.weights[:, at]
        )
        for at in (there, elsewhere)
    )
    if not percentile_interval(one - other).high < 0:
        return None
    rule, rows = _rule(tree, worst, questions), int(there.sum())
    return WorstSlice(rule, rows, percentile_interval(one), percentile_interval(other))


def _questions(frame: pd.DataFrame, contract: Contract) -> Iterator[Question]:
    for column in contract.with_role("feature", "sensitive"):
        if "`" in column.name:  # no query can name it
            continue
        values, name = frame[column.name], column.name.replace("%", "%%")
        if not name.isidentifier() or keyword.iskeyword(name):
            name = f"`{name}`"
        if column.kind in NUMERIC and values.notna().any():
            # A missing number goes with the small ones; `not x > 3` says so, `x <= 3` would not.
            under = f"not {name} > %.6g" if values.hasnans else f"{name} <= %.6g"
            yield f"{name} > %.6g", under, values.fillna(values.min() - 1).to_numpy(float)
        elif column.kind in NAMED and values.nunique() <= MOST:
            for value in sorted(values.dropna().unique()):
                said = repr(value).replace("%", "%%") + "%.0s"
                same = (values == value).to_numpy(float)
                yield f"{name} == {said}", f"{name} != {said}", same


def _rule(tree: DecisionTreeRegressor, row: np.ndarray, questions: list[Question]) -> str:
    """Return the way of `row` (1, questions) to its leaf as a query; the tighter of two bounds."""
    said: dict[str, str] = {}
    for node in tree.decision_path(row).indices[:-1]:
        place, bound = tree.tree_.feature[node], tree.tree_.threshold[node]
        above, below, _ = questions[place]
        condition = above if row[0, place] > bound else below
        said[condition] = condition % bound
    return " and ".join(said.values())
