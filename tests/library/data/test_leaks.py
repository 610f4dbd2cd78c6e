"""A quick look at each column finds about what a forest would."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from ml_lifecycle.data.leaks import strength

ROWS = 400


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_the_strength_of_a_column_is_about_that_of_a_forest(task: str) -> None:
    random = np.random.default_rng(0)
    y_true = random.normal(size=ROWS)
    matrix = pd.DataFrame({"all": np.exp(y_true), "half": y_true + random.normal(size=ROWS)})
    matrix["nothing"] = random.normal(size=ROWS)
    matrix.loc[::7, "nothing"] = np.nan
    target: Any = pd.Series(y_true)
    if task != "regression":
        edges = [-9, 0, 9] if task == "binary" else [-9, -0.5, 0.5, 9]
        target = pd.cut(target, edges, labels=list("abc")[: len(edges) - 1]).astype(object)
    found = strength(matrix, target)
    assert found["all"] > 0.95
    assert 0.3 < found["half"] < 0.8
    assert abs(found["nothing"]) < 0.2
