"""What the service cannot take, known before anything is trained: the limits of [service].

In: typed rows, the contract, the limits. Out: marks. Rows beyond a limit may be learnt from, since
a file of them can be scored; no release is tried with one of them.
"""

from typing import Annotated

import numpy as np
import pandas as pd
from pydantic import Field

from ..settings import Section
from .contract import NUMERIC, USED, Contract


class Limits(Section):
    """The largest that a request, its rows and their values may be."""

    body_kilobytes: Annotated[int, Field(gt=0)] = 1024
    max_rows: Annotated[int, Field(gt=0)] = 1000
    max_text_length: Annotated[int, Field(gt=0)] = 10_000
    max_number: Annotated[float, Field(gt=0, le=1e150)] = 1e100


def beyond(frame: pd.DataFrame, contract: Contract, limits: Limits) -> dict[str, np.ndarray]:
    """Mark, by column, the values that are longer or larger than the service takes: (rows,) bool.

    A row whose texts together are larger than a body may be is marked under "(row)".
    """
    marks, size = {}, np.zeros(len(frame))
    for column in contract.with_role(*USED):
        if column.name not in frame or column.kind == "date":
            continue
        values = frame[column.name]
        if column.kind in NUMERIC:
            marks[column.name] = (values.abs() > limits.max_number).to_numpy(dtype=bool)
        else:
            texts = values.fillna("")
            marks[column.name] = (texts.str.len() > limits.max_text_length).to_numpy(dtype=bool)
            size += texts.str.encode("utf-8").str.len().to_numpy(dtype="float64")
    marks["(row)"] = size > 0.9 * 1024 * limits.body_kilobytes
    return {name: mark for name, mark in marks.items() if mark.any()}


def servable(frame: pd.DataFrame, contract: Contract, limits: Limits) -> np.ndarray:
    """Mark the rows that the service takes: (rows,) bool."""
    marks = beyond(frame, contract, limits).values()
    return ~np.logical_or.reduce([np.zeros(len(frame), dtype=bool), *marks])
