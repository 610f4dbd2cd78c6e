"""Linear models and nets: a table of weights, of which a row picks its lines, then products.

In: a fitted estimator. Out: what makes the answer of a row's entries of the matrix.
"""

from collections.abc import Callable
from operator import mul
from typing import Any

import numpy as np

from .parts import Model, NotCompiled, both, expit, softmax

FINISH: dict[str, Callable[[list[float]], list[float]]] = {
    "identity": list,
    "logistic": lambda values: both(expit(values[0])),
    "softmax": softmax,
}


def logistic(estimator: Any) -> Model:
    """Compile a `LogisticRegression`: one sum for two classes, one a class for more."""
    if estimator.coef_.shape[0] == 1:
        total = _weighted(estimator.coef_[0], estimator.intercept_[0])
        return lambda places, values: both(expit(total(places, values)))
    table, bias = np.ascontiguousarray(estimator.coef_.T), estimator.intercept_
    return lambda places, values: softmax((values @ table[places] + bias).tolist())


def ridge(estimator: Any) -> Model:
    """Compile a `Ridge`."""
    total = _weighted(estimator.coef_, estimator.intercept_)
    return lambda places, values: [total(places, values)]


def _weighted(weights: np.ndarray, bias: float) -> Callable[[list[int], list[float]], float]:
    weight_of, start = weights.tolist().__getitem__, float(bias)
    return lambda places, values: sum(map(mul, values, map(weight_of, places)), start)


def net(estimator: Any) -> Model:
    """Compile an MLP: the lines of the first layer that a row picks, then matrix products."""
    finish = FINISH.get(estimator.out_activation_)
    if estimator.activation != "relu" or finish is None:
        raise NotCompiled(f"a net with {estimator.activation}")
    first, *others = (np.ascontiguousarray(layer, dtype="float64") for layer in estimator.coefs_)
    bias, *biases = estimator.intercepts_
    layers = list(zip(others, biases, strict=True))

    def answer(places: list[int], values: list[float]) -> list[float]:
        found = values @ first.take(places, axis=0) + bias
        for weights, start in layers:
            found = np.maximum(found, 0.0) @ weights + start
        return finish(found.tolist())

    return answer
