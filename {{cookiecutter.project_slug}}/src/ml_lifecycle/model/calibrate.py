"""Say 30 % where three in ten happen: calibration by one number, found out of fold.

In: y_true and y_pred of rows that were not trained on. Out: a temperature for
`TemperatureScaledClassifier`. It moves no row past another, so the ranking of rows stays as it is.
"""

import numpy as np
from scipy.optimize import minimize_scalar

from ..estimators import LEAST, apply_temperature

CERTAINTY = 1.645  # standard errors: 95 % on one side


def fit_temperature(y_true: np.ndarray, y_pred: np.ndarray) -> float:
    """Return the temperature with the least log loss; 1 unless that is surely less than at 1.

    y_true: (rows,) class numbers; y_pred: (rows,) of the second of two, or (rows, classes).
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
