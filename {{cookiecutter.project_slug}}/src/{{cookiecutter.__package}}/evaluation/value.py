"""What the predictions are worth in money, and the threshold that makes the most of them.

In: truth, guess and the [value] of project.toml. Out: value per row with an interval, beside what
doing nothing, treating everyone and the champion are worth on the same rows.
"""

from typing import Any

import numpy as np
import pandas as pd

from ..settings import Value
from .scores import PLAIN, interval
from .slices import Judged

Choice = tuple[np.ndarray, float | None]  # a guess, and the threshold it is acted on from


def of_actions(truth: np.ndarray, acted: np.ndarray | bool, value: Value) -> np.ndarray:
    """Return money per row when acting where `acted` holds; truth: 0/1."""
    hit = np.where(truth == 1, value.true_positive, value.false_positive)
    miss = np.where(truth == 1, value.false_negative, value.true_negative)
    return np.where(acted, hit, miss)


def of_errors(truth: np.ndarray, guess: np.ndarray, value: Value) -> np.ndarray:
    """Return money per row (never positive) lost by guessing too much or too little."""
    error = guess - truth
    return -np.where(error > 0, value.over * error, -value.under * error)


def best_threshold(truth: np.ndarray, guess: np.ndarray, value: Value) -> float:
    """Return the probability from which acting earns the most, from rows not trained on."""
    gain = of_actions(truth, True, value) - of_actions(truth, False, value)
    # Rows with the same guess are acted on together, or not at all.
    total = pd.Series(gain).groupby(-guess).sum().cumsum()
    if total.max() <= 0:
        return 1.0
    best, levels = total.argmax(), np.append(-total.index, 0.0)
    return float(levels[best : best + 2].mean())


def best_constant(truth: np.ndarray, value: Value) -> float:
    """Return the number that costs the least if it is always guessed: a quantile of the truth.

    The one at under / (over + under), the median where both cost the same (Koenker and Bassett,
    1978).
    """
    both = value.over + value.under
    share = value.under / both if value.over > 0 and value.under > 0 else 0.5
    return float(np.quantile(truth, share)) if both else float(np.median(truth))


def losing(rows: list[dict[str, Any]], currency: str) -> list[str]:
    """Return a sentence for each way to do without the model that surely earns more.

    rows: as `worth` returns them; the champion is for the gate to compare with.
    """
    return [
        f"the model surely earns less than '{row['choice']}', by {-row['lead']['value']:.4g} "
        f"{currency} a row ({-row['lead']['high']:.4g} to {-row['lead']['low']:.4g})"
        for row in rows
        if row["lead"] and row["choice"] != "the champion" and row["lead"]["high"] < 0
    ]


def money(truth: np.ndarray, choice: Choice, value: Value) -> np.ndarray:
    """Return money per row of acting on a guess; of more than two classes each row is acted on."""
    guess, threshold = choice
    if guess.ndim == 2:
        right = (guess.argmax(axis=1) == truth).astype(int)
        return of_actions(right, True, value)
    if threshold is None:
        return of_errors(truth, guess, value)
    return of_actions(truth, guess >= threshold, value)


def worth(judged: Judged, champion: Choice | None, usual: float) -> list[dict[str, Any]]:
    """Return for the model and for each way to do without it: money per row, and the model's lead.

    Both with an interval, the lead paired on the same rows. usual: what regression is compared
    with, see `best_constant`; classes are compared with their commonest in these rows.
    """
    truth, guess, threshold = judged.truth, judged.guess, judged.threshold
    choices: dict[str, Choice] = {"the model": (guess, threshold)}
    if guess.ndim == 2:
        commonest = np.eye(guess.shape[1])[np.bincount(truth).argmax()]
        choices["always the commonest"] = np.tile(commonest, (len(truth), 1)), None
    elif threshold is None:
        choices[f"always {usual:.4g}"] = np.full(len(truth), usual), None
    else:
        choices["do nothing"] = guess, np.inf
        choices["treat everyone"] = guess, -np.inf
    if champion is not None:
        choices["the champion"] = champion
    value = judged.problem.settings.value
    earned = {name: money(truth, choice, value) for name, choice in choices.items()}
    ours = earned["the model"]
    return [
        {
            "choice": name,
            "money": interval(PLAIN, truth, rows, judged.weights),
            "lead": None if rows is ours else interval(PLAIN, truth, ours - rows, judged.weights),
        }
        for name, rows in earned.items()
    ]
