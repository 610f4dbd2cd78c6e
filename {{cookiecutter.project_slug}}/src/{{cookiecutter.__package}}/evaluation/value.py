"""What the predictions are worth in money, and the threshold that makes the most of them.

In: truth, guess and the [value] of project.toml. Out: value per row with an interval, beside what
doing nothing and treating everyone are worth on the same rows.
"""

from dataclasses import asdict

import numpy as np

from ..settings import Value
from .scores import interval


def of_actions(truth: np.ndarray, acted: np.ndarray, value: Value) -> np.ndarray:
    """Return money per row when acting where `acted` (bool) holds; truth: 0/1."""
    hit = np.where(truth == 1, value.true_positive, value.false_positive)
    miss = np.where(truth == 1, value.false_negative, value.true_negative)
    return np.where(acted, hit, miss)


def of_errors(truth: np.ndarray, guess: np.ndarray, value: Value) -> np.ndarray:
    """Return money per row (never positive) lost by guessing too much or too little."""
    error = guess - truth
    return -np.where(error > 0, value.over * error, -value.under * error)


def best_threshold(truth: np.ndarray, guess: np.ndarray, value: Value) -> float:
    """Return the probability from which acting earns the most, from rows not trained on."""
    order = np.argsort(-guess, kind="stable")
    gain = of_actions(truth, np.ones(len(truth), bool), value) - of_actions(
        truth, np.zeros(len(truth), bool), value
    )
    ranked = guess[order]
    # Rows with the same guess are acted on together, or not at all.
    last_of_ties = np.append(ranked[:-1] != ranked[1:], True)
    total = np.where(last_of_ties, np.cumsum(gain[order]), -np.inf)
    best = int(total.argmax())
    if total[best] <= 0:
        return 1.0
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    return float((ranked[best] + below) / 2)


def worth(
    truth: np.ndarray,
    guess: np.ndarray,
    threshold: float | None,
    usual: float,
    value: Value,
    groups: np.ndarray,
) -> dict[str, dict[str, float]]:
    """Return money per row, with an interval, of the model and of what one would do without it.

    threshold: None for regression and more than two classes. usual: what regression is compared
    with, the median of the training rows.
    """
    if guess.ndim == 2:
        right = (guess.argmax(axis=1) == truth).astype(int)
        choices = {"the model": of_actions(right, np.ones(len(right), bool), value)}
    elif threshold is None:
        choices = {
            "the model": of_errors(truth, guess, value),
            "always the median": of_errors(truth, np.full(len(truth), usual), value),
        }
    else:
        choices = {
            "the model": of_actions(truth, guess >= threshold, value),
            "do nothing": of_actions(truth, np.zeros(len(truth), bool), value),
            "treat everyone": of_actions(truth, np.ones(len(truth), bool), value),
        }
    return {
        name: asdict(interval(lambda _, money: float(money.mean()), truth, money, groups))
        for name, money in choices.items()
    }
