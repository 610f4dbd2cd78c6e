"""A condition on columns, as under [slices]: which rows does it mean?

In: typed rows, a query such as `plan == 'pro' and usage > 20`, the contract. Out: a mask. A value
is compared by what it means in its column: `zone == 3` is `zone == '3'` where zones are codes.
"""

import ast
import io
import re
import tokenize
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from ..data.contract import NUMERIC, PLAIN, Column, Contract
from ..data.rows import dates
from ..data.values import reader
from ..errors import WrongUse

TICKED = re.compile("`([^`]+)`")
SIGNS = {"&": " and ", "|": " or ", "~": " not "}


def left_out(frame: pd.DataFrame, queries: Sequence[str], contract: Contract) -> np.ndarray:
    """Return where one of the queries of [data] exclude holds, as (rows,) bool; see `matching`."""
    found = [matching(frame, query, contract, "[data] exclude") for query in queries]
    return np.any(found, axis=0) if found else np.zeros(len(frame), dtype=bool)


def matching(
    frame: pd.DataFrame, query: str, contract: Contract, where: str = "[slices]"
) -> np.ndarray:
    """Return where a query holds, as (rows,) bool; backticks stand round names that are no words.

    where: in project.toml it stands.

    Raises:
        WrongUse: names the query and the columns it can use.

    """
    places = {str(name): f"column_{place}" for place, name in enumerate(frame.columns)}
    columns = {places[c.name]: c for c in contract.columns if c.name in places}
    # Columns are called by place: a name may be a word of Python's, or of pandas'.
    numbered = frame.set_axis(list(places.values()), axis=1)
    try:
        plain = TICKED.sub(lambda name: places.get(name[1], name[0]), query)
        tree = _Meant(places, columns).visit(ast.parse(_in_words(plain), mode="eval"))
        found = numbered.eval(ast.unparse(tree), engine="python", local_dict={}, global_dict={})
        if found.dtype != bool:
            raise TypeError("it is neither true nor false for each row")
    except Exception as error:  # pandas raises many kinds, from SyntaxError to KeyError
        known = ", ".join(places)
        raise WrongUse(f"{where} {query!r} fails: {error}; the columns: {known}") from None
    return found.to_numpy()


def _in_words(query: str) -> str:
    """Return the query with `and` for `&`, which binds too tightly in Python."""
    tokens = tokenize.generate_tokens(io.StringIO(query.strip()).readline)
    words = ((kind, SIGNS.get(text, text)) for kind, text, *_ in tokens)
    return tokenize.untokenize(words).strip()


class _Meant(ast.NodeTransformer):
    """Puts places for names, and what a constant means in the column that it is compared with."""

    def __init__(self, places: dict[str, str], columns: dict[str, Column]) -> None:
        self.places = places
        self.columns = columns

    def visit_Name(self, node: ast.Name) -> ast.expr:
        y_true = {"true": True, "false": False}.get(node.id)
        if y_true is not None and node.id not in self.places:
            return ast.Constant(y_true)
        return ast.Name(self.places.get(node.id, node.id), node.ctx)

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        sides = [node.left, *node.comparators]
        for side, other in [*pairwise(sides), *pairwise(sides[::-1])]:
            if isinstance(side, ast.Name) and side.id in self.columns:
                for constant in getattr(other, "elts", [other]):
                    if isinstance(constant, ast.Constant):
                        constant.value = _meant(constant.value, self.columns[side.id])
        return node


def _meant(value: Any, column: Column) -> Any:
    if column.kind in NUMERIC:
        return float(value) if isinstance(value, str) and PLAIN.fullmatch(value) else value
    if column.kind != "date" or not isinstance(value, str):
        return reader(column)(value)
    if (moment := dates(pd.Series([value], dtype="str"), column)[0]) is pd.NaT:
        raise ValueError(f"{value!r} is no date, in ISO 8601 or as in '{column.name}'")
    return str(moment)  # in ISO 8601, which pandas reads in one way only
