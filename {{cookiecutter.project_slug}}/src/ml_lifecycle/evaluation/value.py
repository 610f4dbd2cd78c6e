"""What the predictions are worth in money, and the threshold that makes the most of them.

In: truth, guess and the [value] of project.toml. Out: value per row with an interval, beside what
doing nothing, treating everyone and the champion are worth on the same rows.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from .scored import ScoredRows
from .scores import PLAIN, Interval, interval
from .settings import ValueSettings

Policy = tuple[np.ndarray, float | None]  # y_pred, and the threshold it is acted on from


@dataclass(frozen=True)
class PolicyValue:
    """Money per row of a way to act, and by how much the model earns more; None of the model."""

    policy: str
    money: Interval
    lead: Interval | None


def of_actions(y_true: np.ndarray, acted: np.ndarray | bool, value: ValueSettings) -> np.ndarray:
    """Return money per row when acting where `acted` holds; truth: 0/1."""
    hit = np.where(y_true == 1, value.true_positive, value.false_positive)
    miss = np.where(y_true == 1, value.false_negative, value.true_negative)
    return np.where(acted, hit, miss)


def of_errors(y_true: np.ndarray, y_pred: np.ndarray, value: ValueSettings) -> np.ndarray:
    """Return money per row (never positive) lost by guessing too much or too little."""
    error = y_pred - y_true
    return -np.where(error > 0, value.cost_over * error, -value.cost_under * error)


def best_threshold(y_true: np.ndarray, y_pred: np.ndarray, value: ValueSettings) -> float:
    """Return the probability from which acting earns the most, from rows not trained on."""
    gain = of_actions(y_true, True, value) - of_actions(y_true, False, value)
    # Rows with the same guess are acted on together, or not at all.
    total = pd.Series(gain).groupby(-y_pred).sum().cumsum()
    if total.max() <= 0:
        return 1.0
    best, levels = total.argmax(), np.append(-total.index, 0.0)
    return float(levels[best : best + 2].mean())


def constant_prediction(y_true: np.ndarray, value: ValueSettings) -> float:
    """Return the number that costs the least if it is always guessed: a quantile of the truth.

    The one at under / (over + under), the median where both cost the same (Koenker and Bassett,
    1978).
    """
    both = value.cost_over + value.cost_under
    share = value.cost_under / both if value.cost_over > 0 and value.cost_under > 0 else 0.5
    return float(np.quantile(y_true, share)) if both else float(np.median(y_true))


def money(y_true: np.ndarray, policy: Policy, value: ValueSettings) -> np.ndarray:
    """Return money per row of acting on a guess; of more than two classes each row is acted on."""
    y_pred, threshold = policy
    if y_pred.ndim == 2:
        right = (y_pred.argmax(axis=1) == y_true).astype(int)
        return of_actions(right, True, value)
    if threshold is None:
        return of_errors(y_true, y_pred, value)
    return of_actions(y_true, y_pred >= threshold, value)


def policy_values(
    scored: ScoredRows, value: ValueSettings, champion: Policy | None, constant: float
) -> list[PolicyValue]:
    """Return for the model and for each way to do without it: money per row, and the model's lead.

    Both with an interval, the lead paired on the same rows. constant: what regression is compared
    with, see `constant_prediction`; classes are compared with their commonest in these rows.
    """
    y_true, y_pred, threshold = scored.y_true, scored.y_pred, scored.threshold
    policies: dict[str, Policy] = {"the model": (y_pred, threshold)}
    if y_pred.ndim == 2:
        commonest = np.eye(y_pred.shape[1])[np.bincount(y_true).argmax()]
        policies["always the commonest"] = np.tile(commonest, (len(y_true), 1)), None
    elif threshold is None:
        policies[f"always {constant:.4g}"] = np.full(len(y_true), constant), None
    else:
        policies["treat none"] = y_pred, np.inf
        policies["treat all"] = y_pred, -np.inf
    if champion is not None:
        policies["the champion"] = champion
    earned = {name: money(y_true, policy, value) for name, policy in policies.items()}
    ours, weights = earned["the model"], scored.weights
    return [
        PolicyValue(
            name,
            interval(PLAIN, y_true, rows, weights),
            None if rows is ours else interval(PLAIN, y_true, ours - rows, weights),
        )
        for name, rows in earned.items()
    ]
