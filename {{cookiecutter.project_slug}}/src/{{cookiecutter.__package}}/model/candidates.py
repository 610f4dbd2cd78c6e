"""The ladder: candidates from simple to complex, each with the settings that are searched.

In: the problem. Out: unfitted pipelines. A new candidate is one more rung here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from ..evaluation.task import Task
from .features import Style, category_names, features

STEPS = 120  # of the net in one pass over the rows


@dataclass(frozen=True)
class Dimension:
    """The range of one setting: numbers on a logarithmic scale (whole ones if `low` is), or values.

    A place is where a value lies in the range, from 0 to 1.
    """

    low: float = 0.0
    high: float = 0.0
    values: tuple[Any, ...] = ()

    def from_unit(self, place: float) -> Any:
        """Return the value at a place."""
        if self.values:
            return self.values[min(int(place * len(self.values)), len(self.values) - 1)]
        value = self.low * (self.high / self.low) ** place
        return round(value) if isinstance(self.low, int) else float(f"{value:.3g}")

    def to_unit(self, value: Any) -> float:
        """Return the place of a value; the inverse of `from_unit`."""
        if self.values:
            return (self.values.index(value) + 0.5) / len(self.values)
        return float(np.log(value / self.low) / np.log(self.high / self.low))


@dataclass(frozen=True)
class Candidate:
    """A rung: how it is built, what its settings may be, and those that are tried first."""

    name: str
    build: Callable[..., Pipeline]
    space: Mapping[str, Dimension]
    initial_params: tuple[Mapping[str, Any], ...]


LINEAR = {"numbers": Dimension(values=("linear", "quantile")), "strength": Dimension(1e-4, 1e2)}
LINEAR_STARTS = (
    {"numbers": "quantile", "strength": 0.1},
    {"numbers": "linear", "strength": 1.0},
    {"numbers": "quantile", "strength": 0.003},
)
TREES = {
    "learning_rate": Dimension(0.02, 0.2),
    "max_iter": Dimension(40, 600),
    "max_leaf_nodes": Dimension(3, 64),
    "min_samples_leaf": Dimension(5, 100),
    "max_features": Dimension(0.2, 1.0),
}
TREES_STARTS = tuple(
    dict(zip(TREES, values, strict=True))
    for values in ((0.08, 120, 16, 20, 0.5), (0.08, 150, 4, 30, 0.4), (0.05, 300, 31, 20, 0.5))
)
NET = {
    "numbers": Dimension(values=("linear", "quantile")),
    "alpha": Dimension(1e-3, 10.0),
    "units": Dimension(16, 128),
    "learning_rate_init": Dimension(5e-4, 1e-2),
    "max_iter": Dimension(8, 60),
}
NET_STARTS = tuple(
    dict(zip(NET, values, strict=True))
    for values in (("quantile", 0.1, 64, 0.003, 20), ("linear", 1.0, 32, 0.003, 30))
)


def ladder(task: Task, target: pd.Series) -> list[Candidate]:
    """Return the candidates in order of complexity, for a training on rows with that target."""
    contract, seed = task.contract, task.settings.training.seed
    regression = contract.task == "regression"
    places = list(range(len(category_names(contract))))

    def pipeline(style: Style, model: BaseEstimator, root: bool = False) -> Pipeline:
        if root:
            model = TransformedTargetRegressor(
                model, func=np.sqrt, inverse_func=np.square, check_inverse=False
            )
        return Pipeline([("features", features(contract, style)), ("model", model)])

    def baseline() -> Pipeline:
        dummy = DummyRegressor() if regression else DummyClassifier(strategy="prior")
        return pipeline("trees", dummy)

    def linear(numbers: Style, strength: float, root: bool = False) -> Pipeline:
        if regression:
            return pipeline(numbers, Ridge(alpha=1 / strength), root)
        return pipeline(numbers, LogisticRegression(C=strength, max_iter=300))

    def trees(root: bool = False, **space: Any) -> Pipeline:
        model = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        fixed = {"categorical_features": places or None, "early_stopping": False}
        return pipeline("trees", model(random_state=seed, **fixed, **space), root)

    def net(numbers: Style, units: int, root: bool = False, **space: Any) -> Pipeline:
        batch = int(np.clip(len(target) / STEPS, 16, 1024))
        fixed = {"hidden_layer_sizes": (units,), "batch_size": batch, "random_state": seed}
        if not regression:
            return pipeline(numbers, MLPClassifier(**fixed, **space))
        scaled = TransformedTargetRegressor(
            MLPRegressor(**fixed, **space), transformer=StandardScaler()
        )
        return pipeline(numbers, scaled, root)

    # A target that is never negative may be learnt as its root, which evens out a long tail.
    rooted = regression and target.min() >= 0
    roots = {"root": Dimension(values=(False, True))} if rooted else {}
    long_tail = rooted and bool(target.skew() > 1)

    def candidate(
        name: str, build: Callable[..., Pipeline], space: Any, *initial_params: Any
    ) -> Candidate:
        either = [
            {"root": long_tail != (n % 2 == 1)} if rooted else {}
            for n in range(len(initial_params))
        ]
        first = tuple(dict(s) | r for s, r in zip(initial_params, either, strict=True))
        return Candidate(name, build, space | roots, first)

    return [
        Candidate("baseline", baseline, {}, ({},)),
        candidate("linear", linear, LINEAR, *LINEAR_STARTS),
        candidate("trees", trees, TREES, *TREES_STARTS),
        candidate("net", net, NET, *NET_STARTS),
    ]
