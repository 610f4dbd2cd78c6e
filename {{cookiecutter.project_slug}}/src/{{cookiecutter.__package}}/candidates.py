"""The ladder: candidates from simple to complex, each with the parameters that are searched.

In: the task. Out: unfitted pipelines. Each has to beat the simpler one by more than a standard
error (the baseline: by 1.645 of them), else the simpler one stays. The last rung, a blend of the
best of up to three candidates, is made by `select`, and taken unless it is lower by a standard
error. A new candidate is one more rung here, with its types in TRUSTED. A `Dimension` is searched
on a log scale, by whole numbers if its bounds are.
"""

from collections.abc import Callable
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

from ml_lifecycle.evaluation import Task
from ml_lifecycle.model import Candidate, Dimension
from ml_lifecycle.release import TrustPolicy

from .features import Style, category_names, features
from .features import __name__ as feature_module

STEPS = 120  # of the net in one pass over the rows
BASELINE = "baseline"
# The types that a release may hold beyond those that skops trusts by itself, and beyond the classes
# of features.py. They are named here, in code under review, and never read from the release. Each
# is a decision: read what the type does when it is loaded.
TRUSTED = [
    "functools.partial",
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.model_selection._split.KFold",
    "sklearn.model_selection._split.StratifiedKFold",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.utils._bunch.Bunch",
    "sklearn.utils.validation.check_array",
]
TRUST = TrustPolicy(types=frozenset(TRUSTED), modules=(feature_module,))

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
    for values in ((0.08, 120, 16, 20, 0.5), (0.08, 150, 4, 30, 0.4), (0.08, 400, 16, 20, 0.5))
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
    contract, seed = task.contract, task.seed
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

    def trees(root: bool = False, **params: Any) -> Pipeline:
        model = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        fixed = {"categorical_features": places or None, "early_stopping": False}
        return pipeline("trees", model(random_state=seed, **fixed, **params), root)

    def net(numbers: Style, units: int, root: bool = False, **params: Any) -> Pipeline:
        batch = int(np.clip(len(target) / STEPS, 16, 1024))
        fixed = {"hidden_layer_sizes": (units,), "batch_size": batch, "random_state": seed}
        if not regression:
            return pipeline(numbers, MLPClassifier(**fixed, **params))
        scaled = TransformedTargetRegressor(
            MLPRegressor(**fixed, **params), transformer=StandardScaler()
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
        Candidate(BASELINE, baseline, {}, ({},)),
        candidate("linear", linear, LINEAR, *LINEAR_STARTS),
        candidate("trees", trees, TREES, *TREES_STARTS),
        candidate("net", net, NET, *NET_STARTS),
    ]
