"""What the service cannot take, known before anything is trained: the limits of [service].

In: typed rows, the contract, the limits. Out: marks and findings. Rows beyond a limit may be learnt
from, since a file of them can be scored; no release is tried with one of them.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from ..settings import Service
from .contract import NUMERIC, USED, Contract
from .leaks import Finding

MANY = 0.05  # of the rows: too many to leave out of what is served


def beyond(frame: pd.DataFrame, contract: Contract, service: Service) -> dict[str, np.ndarray]:
    """Mark, by column, the values that are longer or larger than the service takes: (rows,) bool.

    A row whose texts together are larger than a body may be is marked under "(row)".
    """
    marks, size = {}, np.zeros(len(frame))
    for column in contract.with_role(*USED):
        if column.name not in frame or column.kind == "date":
            continue
        values = frame[column.name]
        if column.kind in NUMERIC:
            marks[column.name] = (values.abs() > service.max_number).to_numpy(dtype=bool)
        else:
            texts = values.fillna("")
            marks[column.name] = (texts.str.len() > service.max_text_length).to_numpy(dtype=bool)
            size += texts.str.encode("utf-8").str.len().to_numpy(dtype="float64")
    marks["(row)"] = size > 0.9 * 1024 * service.body_kilobytes
    return {name: mark for name, mark in marks.items() if mark.any()}


def servable(frame: pd.DataFrame, contract: Contract, service: Service) -> np.ndarray:
    """Mark the rows that the service takes: (rows,) bool."""
    marks = beyond(frame, contract, service).values()
    return ~np.logical_or.reduce([np.zeros(len(frame), dtype=bool), *marks])


def find_limits(frame: pd.DataFrame, contract: Contract, service: Service) -> Iterator[Finding]:
    """Yield what is beyond a limit; blocking where it is the target, or too much to be left out."""
    kinds = {column.name: column.kind for column in contract.columns}
    for name, mark in beyond(frame, contract, service).items():
        limit, what = f"max_text_length = {service.max_text_length:,}", "longer"
        if name == "(row)":
            limit, what = f"body_kilobytes = {service.body_kilobytes:,}", "larger"
        elif kinds[name] in NUMERIC:
            limit, what = f"max_number = {service.max_number:g}", "larger"
        rows = f"{mark.sum():,} of {len(mark):,} values are" if mark.sum() > 1 else "1 value is"
        row = frame.index[mark.argmax()] + 1
        text = f"{rows} {what} than {limit} under [service], first in row {row}"
        target = name == contract.target.name
        if target or mark.mean() > MANY:
            yield Finding(name, f"{text}: mend the table, or raise the limit", blocking=True)
        else:
            yield Finding(name, f"{text}: the service refuses such a row, `predict` does not")
