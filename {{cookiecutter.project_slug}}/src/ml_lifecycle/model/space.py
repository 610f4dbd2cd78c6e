"""What may be tried: candidates, each with the parameters that are searched.

In: nothing. Out: the types that a project writes its ladder in.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from ..evaluation.task import Task


@dataclass(frozen=True)
class Dimension:
    """The range of a parameter: on a logarithmic scale (whole numbers if `low` is), or values.

    >>> Dimension(1e-4, 1e2).from_unit(0.5)
    0.1
    >>> Dimension(values=("linear", "quantile")).from_unit(0.9)
    'quantile'
    """

    low: float = 0.0
    high: float = 0.0
    values: tuple[Any, ...] = ()

    def from_unit(self, place: float) -> Any:
        """Return the value at a place from 0 to 1."""
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
    """A rung of the ladder.

    build: returns the unfitted pipeline for parameters; space: their ranges; initial_params: those
    that are tried first, at least one.
    """

    name: str
    build: Callable[..., Pipeline]
    space: Mapping[str, Dimension]
    initial_params: tuple[Mapping[str, Any], ...]


# For a task and the target of the rows to train on: the candidates, from simple to complex.
Ladder = Callable[[Task, pd.Series], list[Candidate]]
