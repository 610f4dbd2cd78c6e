"""What a feature costs: the time that it takes to compute it for one row.

In: a way to build the transformer of a contract, and typed rows. Out: milliseconds by feature.
"""

import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from sklearn.base import TransformerMixin

from ..data.contract import Contract

ROWS, TIMES = 200, 5


def feature_cost(
    build: Callable[[Contract], TransformerMixin], frame: pd.DataFrame, contract: Contract
) -> dict[str, float]:
    """Return the milliseconds that each feature takes for one row, alone; the median of five.

    frame: typed rows, of which 200 are used. A row as a whole costs less than the sum.
    """
    sample, spent = frame.head(ROWS), {}
    for column in contract.with_role("feature"):
        alone = contract.model_copy(update={"columns": (column, contract.target)})
        way = build(alone).fit(sample, sample[contract.target.name])
        times = []
        for _ in range(TIMES):
            started = time.perf_counter()
            way.transform(sample.iloc[[0]])
            times.append(time.perf_counter() - started)
        spent[column.name] = 1000 * float(np.median(times))
    return spent
