"""The one way from typed rows to the model's matrix.

In: the contract. Out: a `ColumnTransformer` that is fitted with the model and served with it. A new
feature is a transformer here; nothing is computed anywhere else.
"""

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from ..data.contract import NUMERIC, Contract
from ..data.profile import as_float

Style = Literal["linear", "trees"]
WORDS = 100
CATEGORIES = 200  # histogram boosting takes at most 255


class DateParts(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """Days since 1970, month, weekday and hour of each date column, as float64."""

    def fit(self, X: pd.DataFrame, y: object = None) -> "DateParts":
        """Learn nothing: the parts of a date do not depend on other rows."""
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return (rows, 4 · columns); missing dates are NaN in all four."""
        parts = []
        for name in X.columns:
            dates = X[name].dt
            days = np.where(X[name].isna(), np.nan, as_float(X[name]) / 86_400)
            parts += [days, dates.month, dates.day_of_week, dates.hour]
        return np.column_stack([np.asarray(part, dtype="float64") for part in parts])


def features(contract: Contract, style: Style) -> ColumnTransformer:
    """Return the unfitted transformer for `linear` models (and nets) or for `trees`.

    Categories come first, one column each for trees, so that their places are known.
    """
    columns = contract.named("feature")
    by_kind = {
        "category": [c.name for c in columns if c.kind in ("category", "boolean", "id")],
        "number": [c.name for c in columns if c.kind in NUMERIC],
        "date": [c.name for c in columns if c.kind == "date"],
    }
    ways = _linear() if style == "linear" else _trees()
    steps: list[tuple[str, Any, Any]] = [
        (kind, ways[kind], names) for kind, names in by_kind.items() if names
    ]
    for column in columns:
        if column.kind == "text":
            words = TfidfVectorizer(max_features=WORDS, token_pattern=r"(?u)\b\w+\b")
            steps.append((f"words of {column.name}", words, column.name))
    return ColumnTransformer(steps, sparse_threshold=0.3 if style == "linear" else 0)


def category_places(contract: Contract) -> list[int]:
    """Return the places of the categories in the matrix for trees."""
    kinds = [c.kind for c in contract.named("feature")]
    return list(range(sum(kind in ("category", "boolean", "id") for kind in kinds)))


def _linear() -> dict[str, Any]:
    known = SimpleImputer(strategy="constant", fill_value="(missing)")
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=10, max_categories=CATEGORIES
    )
    numbers = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    return {
        "category": make_pipeline(known, one_hot),
        "number": make_pipeline(numbers, StandardScaler()),
        "date": make_pipeline(DateParts(), numbers, StandardScaler()),
    }


def _trees() -> dict[str, Any]:
    codes = OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        max_categories=CATEGORIES,
    )
    return {"category": codes, "number": "passthrough", "date": DateParts()}
