"""From the bytes of a body to what they mean, or a 422 that never repeats what was sent.

In: bytes, and the type that they must be of. Out: the parsed body.
"""

import re
from typing import Any, TypeVar

from fastapi import HTTPException
from pydantic import BaseModel, ValidationError

SHAPES = {
    "rows": '{"rows": [{column: value, ...}, ...]}',
    "outcomes": '{"outcomes": [{"request_id": ..., "row": 0, "value": ...}, ...]}',
}
LONG = re.compile(r"\d{20,}")  # digits of a limit, which nobody would count
SHOWN = 20  # problems of one body
Body = TypeVar("Body", bound=BaseModel)


def parse(kind: type[Body], body: bytes) -> Body:
    """Return a body as `kind`; raise 422 with the places and rules that it breaks."""
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        # What was sent may be personal: only places and rules are answered.
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        (name,) = kind.model_fields
        if any(p["loc"] in ((), (name,)) for p in problems):
            # Whatever else is wrong with it: this helps.
            raise refused(name, f"send {SHAPES[name]}") from None
        detail = [
            {"loc": ".".join(map(str, p["loc"])), "msg": LONG.sub(_short, p["msg"])}
            for p in problems[:SHOWN]
        ]
        raise HTTPException(422, detail) from None


def rows_of(kind: type[BaseModel], body: bytes) -> list[dict[str, Any]]:
    """Return the rows of a body, JSON values by column; kind: see `request.rows_type`."""
    parsed: Any = parse(kind, body)
    return [row.model_dump(mode="json") for row in parsed.rows]


def refused(place: str, why: str) -> HTTPException:
    """Return a 422 that names a place of the body."""
    return HTTPException(422, [{"loc": place, "msg": why}])


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):g}"
