"""What the predictions are worth in money, and the threshold that makes the most of them.

In: truth, guess and the [value] of project.toml. Out: value per row with an interval, beside what
doing nothing, treating everyone and the champion are worth on the same rows.
"""

from typing import Any

import numpy as np

from ..settings import Value
from .scores import Interval, interval, mean

Choice = tuple[np.ndarray, float | None]  # a guess, and the threshold it is acted on from


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


def money(truth: np.ndarray, choice: Choice, value: Value) -> np.ndarray:
    """Return money per row of acting on a guess; of more than two classes each row is acted on."""
    guess, threshold = choice
    if guess.ndim == 2:
        right = (guess.argmax(axis=1) == truth).astype(int)
        return of_actions(right, np.ones(len(right), bool), value)
    if threshold is None:
        return of_errors(truth, guess, value)
    return of_actions(truth, guess >= threshold, value)


def worth(
    truth: np.ndarray,
    model: Choice,
    champion: Choice | None,
    usual: float,
    value: Value,
    weights: np.ndarray,
) -> list[dict[str, Any]]:
    """Return for the model and for each way to do without it: money per row, and the model's lead.

    Both with an interval, the lead paired on the same rows. usual: what regression is compared
    with, the median of the training rows; classes are compared with their commonest in these rows.
    """
    guess, threshold = model
    choices: dict[str, Choice] = {"the model": model}
    if guess.ndim == 2:
        commonest = np.eye(guess.shape[1])[np.bincount(truth).argmax()]
        choices["always the commonest"] = np.tile(commonest, (len(truth), 1)), None
    elif threshold is None:
        choices["always the median"] = np.full(len(truth), usual), None
    else:
        choices["do nothing"] = guess, np.inf
        choices["treat everyone"] = guess, -np.inf
    if champion is not None:
        choices["the champion"] = champion
    earned = {name: money(truth, choice, value) for name, choice in choices.items()}
    per_row = mean(lambda _, amounts: amounts)

    def said(amounts: np.ndarray) -> Interval:
        return interval(per_row, truth, amounts, weights)

    ours = earned["the model"]
    return [
        {
            "choice": name,
            "money": said(rows),
            "lead": said(ours - rows) if rows is not ours else None,
        }
        for name, rows in earned.items()
    ]
