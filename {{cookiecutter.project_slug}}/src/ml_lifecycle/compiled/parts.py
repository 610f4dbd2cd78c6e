"""What the compiled forms are made of.

A row goes in as JSON values by column. Columns make of it entries of the model's matrix; a model
makes of these its answer: the probability of each class in its own order, or one number.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]  # JSON values by column, None for missing
Entries = tuple[list[int], list[float]]  # places in a row of the matrix, and what stands there
Encode = Callable[[Any], tuple[Sequence[int], Sequence[float]]]  # a column's value to its entries
Model = Callable[[list[int], list[float]], list[float]]
Answer = Callable[[Row], list[float]]


class NotCompiled(Exception):
    """Something in a pipeline is not recognised; says what."""


def expit(x: float) -> float:
    """Return the logistic function, without overflow at either end."""
    if x >= 0:
        return 1 / (1 + math.exp(-x))
    return (power := math.exp(x)) / (1 + power)


def softmax(values: list[float]) -> list[float]:
    """Return probabilities that are proportional to the exponentials of `values`."""
    highest = max(values)
    powers = [math.exp(value - highest) for value in values]
    total = sum(powers)
    return [power / total for power in powers]


def both(share: float) -> list[float]:
    """Return the probabilities of two classes, given that of the second."""
    return [1 - share, share]
