"""The one way from typed rows to the model's matrix.

In: the contract. Out: a `ColumnTransformer` that is fitted with the model and served with it. A new
feature is a transformer here; nothing is computed anywhere else.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from ml_lifecycle.data import WORD, Contract

Style = Literal["linear", "quantile", "trees"]
WORDS = {"linear": 5000, "quantile": 5000, "trees": 100}  # trees take no sparse matrix
# A text without a word is a word too: a column of such texts only would be an error.
TOKEN = rf"(?u){WORD}|^\W*$"
CATEGORIES = 200  # histogram boosting takes at most 255
NUMBERS = ("number", "integer")
EPOCH, DAY = pd.Timestamp(0), pd.Timedelta(days=1)
PARTS = {"month": 12, "day_of_week": 7, "hour": 24}  # each with how many there are


class DateParts(TransformerMixin, BaseEstimator):
    """Days since 1970, then month, weekday and hour of each date column, as float64.

    circle: each of the last three as sine and cosine, so that December is next to January.
    """

    def __init__(self, circle: bool = False) -> None:  # noqa: D107
        self.circle = circle

    def fit(self, X: pd.DataFrame, y: object = None) -> "DateParts":
        """Learn the names only: the parts of a date do not depend on other rows."""
        validate_data(self, X, skip_check_array=True)
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return (rows, 4 or 7 · columns); missing dates are NaN in all of them."""
        check_is_fitted(self)
        validate_data(self, X, skip_check_array=True, reset=False)
        parts: list[Any] = []
        for name in X.columns:
            parts.append((X[name] - EPOCH) / DAY)
            for what, length in PARTS.items():
                part = getattr(X[name].dt, what)
                turn = 2 * np.pi * part / length
                parts += [np.sin(turn), np.cos(turn)] if self.circle else [part]
        return np.column_stack([np.asarray(part, dtype="float64") for part in parts])

    def get_feature_names_out(self, input_features: object = None) -> np.ndarray:
        """Return the names of the matrix's columns, as `since month` of a column `since`."""
        check_is_fitted(self)
        ways = (" sine", " cosine") if self.circle else ("",)
        parts = ["days", *(f"{part}{way}" for part in PARTS for way in ways)]
        names = [f"{name} {part}" for name in self.feature_names_in_ for part in parts]
        return np.array(names, dtype=object)


def features(contract: Contract, style: Style) -> ColumnTransformer:
    """Return the unfitted transformer for `linear` models and nets, or for `trees`.

    Columns of the roles target, time, group, id, sensitive and ignored are no features. `short` are
    categories that the contract lists: 50 at most, the others are long.

    quantile: as linear, with numbers spread to a normal distribution, which tames long tails.
    Categories come first, one column each for trees, so that their places are known.
    """
    columns = contract.with_role("feature")
    short = category_names(contract)
    by_kind = {
        "category": short,
        "long category": [
            c.name for c in columns if c.kind in ("category", "id") and c.name not in short
        ],
        "number": [c.name for c in columns if c.kind in NUMBERS],
        "date": [c.name for c in columns if c.kind == "date"],
    }
    ways = _trees(contract) if style == "trees" else _linear(contract, style)
    steps: list[tuple[str, Any, Any]] = [
        (kind, ways[kind], names) for kind, names in by_kind.items() if names
    ]
    for place, column in enumerate(columns, 1):
        if column.kind == "text":
            words = TfidfVectorizer(max_features=WORDS[style], token_pattern=TOKEN)
            steps.append((f"words of feature {place}", words, column.name))
    return ColumnTransformer(steps, sparse_threshold=0 if style == "trees" else 0.05)


def category_names(contract: Contract) -> list[str]:
    """Return the categories that are few enough to stand for themselves in the matrix."""
    columns = contract.with_role("feature")
    return [
        c.name for c in columns if c.kind == "boolean" or (c.kind == "category" and c.categories)
    ]


def _mean_target(contract: Contract) -> TargetEncoder:
    """Return the encoder of long categories: the shrunken mean of the target, cross-fitted.

    After Micci-Barreca (2001).
    """
    # Said of numbers, since counts would be taken for classes; found out of classes, of which rows
    # may hold two of many. Not stratified: that takes five rows of a class.
    kind = "continuous" if contract.task == "regression" else "auto"
    return TargetEncoder(target_type=kind, cv=KFold(5, shuffle=True, random_state=0))


def _linear(contract: Contract, style: Style) -> dict[str, Any]:
    known = SimpleImputer(strategy="constant", fill_value="(missing)")
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=CATEGORIES
    )
    numbers = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    quantiles = QuantileTransformer(n_quantiles=100, output_distribution="normal", random_state=0)
    scale = quantiles if style == "quantile" else StandardScaler()
    return {
        "category": make_pipeline(known, one_hot),
        "long category": make_pipeline(_mean_target(contract), StandardScaler()),
        "number": make_pipeline(numbers, scale),
        "date": make_pipeline(DateParts(circle=True), numbers, StandardScaler()),
    }


def _trees(contract: Contract) -> dict[str, Any]:
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=CATEGORIES,
    )
    return {
        "category": codes,
        "long category": _mean_target(contract),
        "number": "passthrough",
        "date": DateParts(),
    }
