"""The forms in which MLflow, SageMaker, Vertex AI and Azure ML ask, and want to be answered.

In: a body and the headers that say what it is and what is wanted. Out: the body as /predict takes
it, and an answer; or 406, 415 and 422.
"""

import csv
import io
import json
from collections.abc import Iterable
from typing import Any

from fastapi import HTTPException
from starlette.responses import PlainTextResponse

JSON, CSV = "application/json", "text/csv"
FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs", "input_data")
SAID = (
    "give dataframe_split (columns, and data with as many values a row), dataframe_records, "
    "instances, inputs or input_data; or CSV with a line of names"
)


def from_invocation(body: bytes, content_type: str, features: list[str]) -> bytes:
    """Return a body in the form of /predict; raise 415 or 422.

    features: what the columns of `text/csv; header=absent` are, in their order.
    """
    kind, given = _media(content_type)
    if kind not in (JSON, CSV) or given.get("charset", "utf-8") not in ("utf-8", "utf8"):
        raise HTTPException(415, f"send {JSON} or {CSV}, in UTF-8")
    try:
        if kind == CSV:
            rows = _from_csv(body, features if given.get("header") == "absent" else None)
        else:
            rows = _from_json(json.loads(body, parse_constant=_constant))
        return json.dumps({"rows": rows}).encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError, csv.Error):
        raise _refused("body", SAID) from None


def answer_type(accept: str) -> str:
    """Return which of our types a caller likes best; raise 406 if none."""
    try:
        ranges = [
            (float(given.get("q", 1)), kind) for kind, given in map(_media, accept.split(","))
        ]
    except ValueError:
        ranges = []
    for weight, kind in sorted(ranges, key=lambda one: -one[0]):
        if weight > 0 and kind in ("", "*/*", "application/*", JSON):
            return JSON
        if weight > 0 and kind in ("text/*", CSV):
            return CSV
    raise HTTPException(406, f"{JSON} and {CSV} can be answered")


def as_csv(predictions: Iterable[str | float]) -> PlainTextResponse:
    """Return predictions as CSV, a line each and no names, as SageMaker's own containers do."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([said] for said in predictions)
    return PlainTextResponse(text.getvalue(), media_type=CSV)


def _media(text: str) -> tuple[str, dict[str, str]]:
    """Return a type of a header, and its parameters."""
    kind, *rest = [part.strip() for part in text.lower().split(";")]
    return kind, {name: said.strip('"') for name, _, said in (part.partition("=") for part in rest)}


def _constant(said: str) -> float | None:
    """Read NaN as pandas means it: no value. An infinite number is one, and is refused later."""
    return None if said == "NaN" else float(said)


def _from_json(content: Any) -> Any:
    (name, *_) = [name for name in FORMS if name in content]
    found = content[name]
    if not isinstance(found, dict):
        return found
    if name == "dataframe_split" or (name == "input_data" and "columns" in found):
        return [_row(found["columns"], values) for values in found["data"]]
    if not all(isinstance(values, list) for values in found.values()):
        raise TypeError
    return [_row([*found], [*values]) for values in zip(*found.values(), strict=True)]


def _from_csv(body: bytes, names: list[str] | None) -> list[dict[str, Any]]:
    lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""), strict=True)
    found = [line for line in lines if line]
    columns = names or found.pop(0)
    return [_row(columns, line) for line in found]


def _row(columns: list[str], values: list[Any]) -> dict[str, Any]:
    if len(set(columns)) < len(columns):
        raise _refused("columns", "a column is there twice")
    if not isinstance(values, list):
        raise TypeError
    return dict(zip(columns, values, strict=True))


def _refused(place: str, why: str) -> HTTPException:
    return HTTPException(422, [{"loc": place, "msg": why}])
