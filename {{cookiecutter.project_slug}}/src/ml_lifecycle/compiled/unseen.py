"""Which values of a row training never saw, as `data.unseen_values` marks them in a frame.

In: the contract. Out: a function from the JSON values of a row to names of columns.
"""

from collections.abc import Callable

from ..data.contract import NAMED, NUMERIC, Contract
from .parts import Row


def unseen(contract: Contract) -> Callable[[Row], list[str]]:
    """Return what names the columns of a row with a new category, or a number out of range."""
    features = contract.with_role("feature")
    named = [column for column in features if column.kind in NAMED and column.categories]
    words = [(column.name, frozenset(column.categories or ())) for column in named]
    numbers = [
        (c.name, c.minimum, c.maximum)
        for c in features
        if c.kind in NUMERIC and c.minimum is not None and c.maximum is not None
    ]
    order = {column.name: place for place, column in enumerate(features)}

    def names(row: Row) -> list[str]:
        found = [n for n, known in words if (v := row.get(n)) not in known and v not in (None, "")]
        found += [
            name
            for name, low, high in numbers
            if (value := row.get(name)) is not None and not low <= value <= high
        ]
        return sorted(found, key=order.__getitem__) if len(found) > 1 else found

    return names
