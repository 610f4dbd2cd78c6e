"""What would be said of a row if one value were another; asked of the model, kept nowhere.

In: the body of a request, of which the first row counts, and the name of a column. Out: the answer
for each value that the column could have. How the answer changes, not what would come of it: what
a model learnt of a column is no cause.
"""

from math import ceil, floor, log10
from typing import Any

import numpy as np

from ..data.contract import NAMED, NUMERIC, Column
from ..data.profile import Profile
from ..evaluation.settings import ValueSettings
from ..evaluation.value import of_actions
from ..service.answer import answers
from ..service.bodies import parse, refused
from ..service.forms import Prediction
from ..service.server import ModelServer
from ..service.slot import LoadedModel
from .forms import Point, WhatIf

MOST = 30  # values of a column
FAR = 2  # times the range of the middle 80 %, beyond which no number is looked at
Row = dict[str, Any]


async def what_if(
    server: ModelServer, body: bytes, name: str | None, value: ValueSettings | None = None
) -> WhatIf:
    """Answer a body's first row with each value of the column `name`; value: [value], if any.

    Raises:
        HTTPException: 422 the row breaks the contract, or there is no such column to move; 503, 504
            as `ModelServer.predict`.

    """
    loaded = server.slot.loaded
    parsed: Any = parse(loaded.request_type, body)
    row = parsed.rows[0].model_dump(mode="json")
    features = loaded.release.contract.with_role("feature")
    movable = {c.name: c for c in features if _values(c, _profile(loaded, c), None)}
    if name is not None and name not in movable:
        raise refused("column", f"it can be moved if it is one of: {', '.join(movable)}")
    column = movable[name] if name is not None else None
    found: WhatIf = await server.in_time(_answers, loaded, row, column, value)
    return found.model_copy(update={"columns": list(movable)})


def _answers(
    loaded: LoadedModel, row: Row, column: Column | None, value: ValueSettings | None
) -> WhatIf:
    release, own, values = loaded.release, None, []
    if column:
        own = row.get(column.name)
        values = _values(column, _profile(loaded, column), own)
    rows = [row, *(row | {column.name: other} for other in values if column)]
    first, *others = answers(loaded, rows)
    of = release.classes[1] if len(release.classes) == 2 else str(first.prediction)
    money = value if value and value.model_fields_set and release.classes else None
    return WhatIf(
        version=loaded.version.number,
        of=of if release.classes else None,
        threshold=release.evaluation.threshold,
        currency=money.currency if money else None,
        columns=[],
        column=column.name if column else None,
        now=_point(own, first, of, money),
        points=[_point(v, said, of, money) for v, said in zip(values, others, strict=True)],
    )


def _point(value: Any, said: Prediction, of: str, money: ValueSettings | None) -> Point:
    shares = said.probabilities or {}
    acting, leaving = _worth(shares, of, money) if money else (None, None)
    return Point(
        value=value,
        prediction=said.prediction,
        probability=shares.get(of),
        acting=acting,
        leaving=leaving,
    )


def _worth(
    shares: dict[str, float], of: str, money: ValueSettings
) -> tuple[float | None, float | None]:
    """Return what a row is expected to earn, acted on and left alone.

    Of more than two classes each row is acted on, and is right or wrong: see `value.money`.
    """
    share = shares[of] if len(shares) == 2 else max(shares.values())
    chance, truth = np.array([1 - share, share]), np.array([0, 1])
    acting = float(chance @ of_actions(truth, True, money))
    return acting, float(chance @ of_actions(truth, False, money)) if len(shares) == 2 else None


def _profile(loaded: LoadedModel, column: Column) -> Profile:
    return loaded.release.reference.columns.get(column.name, Profile())


def _values(column: Column, known: Profile, own: Any) -> list[Any]:
    """Return the values to try, with the row's own among them; none where there is no range."""
    counts = known.counts.get("value")
    cells = list(counts.cells) if counts else []  # categories begin with the commonest
    if column.kind in NUMERIC:
        found: list[Any] = _numbers(column, [float(cell) for cell in cells])
        if found and own is not None:
            found = sorted({*found, own})
    elif column.kind in NAMED:
        # Values that the contract does not list may be names of people: nobody is told them.
        listed = column.categories or ()
        commonest = [cell for cell in cells if cell in listed] or list(listed)
        found = list(listed if len(listed) <= MOST else commonest[:MOST])
        found += [own] if found and own is not None and own not in found else []
    else:
        return []  # a date or a text has no values that could be listed
    return [*found, None] if found and column.nullable else found


def _numbers(column: Column, edges: list[float]) -> list[float]:
    """Return round numbers across the range seen, few of which are far from where most rows are."""
    least, most = column.minimum, column.maximum
    if least is None or most is None or not least < most:
        return []
    low, high = least, most
    if len(edges) > 1 and edges[0] < edges[-1]:
        reach = FAR * (edges[-1] - edges[0])
        low, high = max(least, edges[0] - reach), min(most, edges[-1] + reach)
    step = _round_step((high - low) / MOST, column.kind == "integer")
    places = range(floor(low / step), ceil(high / step) + 1)
    found = {least, most, *(float(f"{place * step:.12g}") for place in places)}
    return sorted(number for number in found if low <= number <= high)


def _round_step(least: float, whole: bool) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = 10.0 ** floor(log10(least))
    step = next(times * power for times in (1, 2, 5, 10) if times * power >= least * (1 - 1e-9))
    return max(1.0, step) if whole else step
