"""The ladder: candidates from simple to complex, each with the settings that are worth a try.

In: the contract. Out: unfitted pipelines. A new candidate is one more rung here.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline

from ..data.contract import Contract
from .features import category_places, features


@dataclass(frozen=True)
class Candidate:
    """A rung: a name and what to try, the default first."""

    name: str
    build: Callable[..., Pipeline]
    settings: tuple[Mapping[str, Any], ...]


def ladder(contract: Contract, seed: int) -> list[Candidate]:
    """Return the candidates in order of complexity."""
    regression = contract.task == "regression"

    def baseline() -> Pipeline:
        guess = DummyRegressor() if regression else DummyClassifier(strategy="prior")
        return _pipeline(contract, "trees", guess)

    def linear(strength: float) -> Pipeline:
        model = (
            Ridge(alpha=1 / strength)
            if regression
            else LogisticRegression(C=strength, max_iter=1000)
        )
        return _pipeline(contract, "linear", model)

    def trees(**knobs: Any) -> Pipeline:
        model = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
        places = category_places(contract)
        return _pipeline(
            contract,
            "trees",
            model(categorical_features=places or None, random_state=seed, **knobs),
        )

    return [
        Candidate("baseline", baseline, ({},)),
        Candidate("linear", linear, tuple({"strength": s} for s in (1.0, 0.1, 0.01))),
        Candidate(
            "trees",
            trees,
            (
                {"learning_rate": 0.1, "max_leaf_nodes": 31, "max_iter": 100},
                {"learning_rate": 0.05, "max_leaf_nodes": 15, "max_iter": 150},
                {
                    "learning_rate": 0.05,
                    "max_leaf_nodes": 8,
                    "max_iter": 200,
                    "l2_regularization": 1.0,
                },
            ),
        ),
    ]


def _pipeline(contract: Contract, style: Any, model: BaseEstimator) -> Pipeline:
    return Pipeline([("features", features(contract, style)), ("model", model)])
