"""Say 30 % where three in ten happen: calibration by one number, found out of fold.

In: truth and guesses of rows that were not trained on. Out: a temperature, and the classifier that
applies it. It moves no row past another, so the ranking of rows stays as it is.
"""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from sklearn.base import BaseEstimator, ClassifierMixin, clone

CERTAINTY = 1.645  # standard errors: 95 % on one side
LEAST = 1e-12  # a probability of 0 would be an infinite loss


class TemperatureScaledClassifier(ClassifierMixin, BaseEstimator):
    """A classifier whose log-probabilities are divided by a temperature (Guo et al., 2017)."""

    def __init__(self, estimator: BaseEstimator, temperature: float = 1.0) -> None:  # noqa: D107
        self.estimator = estimator
        self.temperature = temperature

    def fit(self, X: pd.DataFrame, y: pd.Series) -> "TemperatureScaledClassifier":
        """Fit the classifier; the temperature was found before, out of fold."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return (rows, classes) probabilities."""
        return apply_temperature(self.estimator_.predict_proba(X), self.temperature)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the likeliest class of each row."""
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


def apply_temperature(y_pred: np.ndarray, temperature: float) -> np.ndarray:
    """Return calibrated probabilities; guess: (rows, classes), or (rows,) of the second of two."""
    if y_pred.ndim == 1:
        return apply_temperature(np.column_stack([1 - y_pred, y_pred]), temperature)[:, 1]
    power = np.clip(y_pred, LEAST, 1.0) ** (1 / temperature)
    return power / power.sum(axis=1, keepdims=True)


def fit_temperature(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the temperature with the least log loss; 1 unless that is surely less than at 1.

    truth: (rows,) class numbers; guess: (rows,) of the second of two, or (rows, classes).
    """
    rows = np.arange(len(y_true))

    def loss(temperature: float) -> np.ndarray:
        said = apply_temperature(y_pred, temperature)
        likely = said[rows, y_true] if said.ndim == 2 else np.where(y_true == 1, said, 1 - said)
        return -np.log(np.clip(likely, LEAST, 1.0))

    fitted = minimize_scalar(lambda t: loss(np.exp(t)).mean(), bounds=(-1.5, 1.5), method="bounded")
    gain = loss(1.0) - loss(float(np.exp(fitted.x)))
    sure = gain.mean() > CERTAINTY * gain.std() / np.sqrt(len(gain))
    return float(np.exp(fitted.x)) if sure else 1.0
