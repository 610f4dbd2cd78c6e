"""The estimators that a release may hold, and nothing else: to load one is to load this.

In: scikit-learn's estimators. Out: the same, calibrated.
"""

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

LEAST = 1e-12  # a probability of 0 would be an infinite loss


class TemperatureScaledClassifier(ClassifierMixin, BaseEstimator):
    """A classifier whose log-probabilities are divided by a temperature (Guo et al., 2017).

    estimator: the classifier; temperature: found out of fold, see `model.fit_temperature`.

    >>> from sklearn.dummy import DummyClassifier
    >>> cautious = TemperatureScaledClassifier(DummyClassifier(strategy="prior"), temperature=2.0)
    >>> cautious.fit([[0.0]] * 10, ["no"] * 9 + ["yes"]).predict_proba([[0.0]]).round(2)
    array([[0.75, 0.25]])
    """

    def __init__(self, estimator: BaseEstimator, temperature: float = 1.0) -> None:
        """Keep the parameters as they are, as scikit-learn wants it."""
        self.estimator = estimator
        self.temperature = temperature

    def fit(self, X: pd.DataFrame, y: pd.Series) -> "TemperatureScaledClassifier":
        """Fit the classifier; the temperature was found before, out of fold."""
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        return self

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """Return (rows, classes) probabilities."""
        check_is_fitted(self)
        return apply_temperature(self.estimator_.predict_proba(X), self.temperature)

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """Return the likeliest class of each row."""
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    @property
    def n_features_in_(self) -> int:
        """How many columns the classifier was fitted on."""
        check_is_fitted(self)
        return int(self.estimator_.n_features_in_)

    def __sklearn_tags__(self):  # type: ignore[no-untyped-def]
        """Take sparse rows where the classifier does."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.estimator.__sklearn_tags__().input_tags.sparse
        return tags


def apply_temperature(y_pred: np.ndarray, temperature: float) -> np.ndarray:
    """Return calibrated probabilities; y_pred: (rows, classes), or (rows,) of the second of two."""
    if y_pred.ndim == 1:
        return apply_temperature(np.column_stack([1 - y_pred, y_pred]), temperature)[:, 1]
    power = np.clip(y_pred, LEAST, 1.0) ** (1 / temperature)
    return power / power.sum(axis=1, keepdims=True)
