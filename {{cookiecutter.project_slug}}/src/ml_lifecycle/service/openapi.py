"""What callers read in /openapi.json: of the release that serves now, with its own rows to try.

In: the application, the slot. Out: the function that makes it; FastAPI asks it each time.
"""

from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from ..release.bundle import Release
from .answer import shown
from .forms import Outcomes
from .request import row_type
from .settings import ServiceSettings
from .slot import Slot

PLACE = "#/components/schemas/"
LOCKED = ("/predict", "/invocations", "/explain", "/what-if", "/outcomes", "/model", "/card")
Schema = dict[str, Any]


def describe(
    app: FastAPI, slot: Slot, service: ServiceSettings, locked: bool
) -> Callable[[], Schema]:
    """Return what makes /openapi.json; locked: whether a key is needed."""

    def schema() -> Schema:
        release = slot.loaded.release
        found = get_openapi(title=app.title, version=app.version, routes=app.routes)
        bodies = _bodies(release, service)
        for path, body in ((p, body) for p, body in bodies.items() if p in found["paths"]):
            content = {"application/json": body}
            found["paths"][path]["post"]["requestBody"] = {"required": True, "content": content}
        known = found["components"]["schemas"]
        known["Row"] = row_type(release.contract, service).model_json_schema()
        outcomes = Outcomes.model_json_schema(ref_template=PLACE + "{model}")
        known.update(outcomes.pop("$defs"), Outcomes=outcomes)
        if locked:
            found["components"]["securitySchemes"] = ways = _ways(service)
            paths = [found["paths"][path] for path in LOCKED if path in found["paths"]]
            for route in (route for path in paths for route in path.values()):
                route["security"] = [{name: []} for name in ways]
        return found

    return schema


def _ways(service: ServiceSettings) -> dict[str, Schema]:
    """Return the ways to say who one is."""
    ways: dict[str, Schema] = {"key": {"type": "apiKey", "in": "header", "name": "X-API-Key"}}
    if service.oidc_issuer:
        ways["token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    return ways


def _bodies(release: Release, service: ServiceSettings) -> dict[str, Schema]:
    """Return schema and examples of each body, by path."""
    rows = {"type": "array", "minItems": 1, "maxItems": service.max_rows}
    rows |= {"items": {"$ref": f"{PLACE}Row"}}
    ours = {one.which: {"rows": [one.row]} for one in shown(release)}
    (row,) = ours.get("highest", ours["typical"])["rows"]
    theirs = {
        "dataframe_split": {"columns": list(row), "data": [list(row.values())]},
        "dataframe_records": [row],
        "instances": [row],
    }
    lists = {"type": "array", "minItems": 1, "maxItems": service.max_rows}
    split = {
        "type": "object",
        "required": ["columns", "data"],
        "properties": {
            "columns": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            "data": lists | {"items": {"type": "array"}},
        },
    }
    forms = [_with(name, split if name == "dataframe_split" else rows) for name in theirs]
    outcome = {"request_id": "0" * 32, "row": 0, "value": (release.classes or (1,))[-1]}
    asked = _body(_with("rows", rows) | {"additionalProperties": False}, ours)
    return {
        "/predict": asked,
        "/explain": asked,
        "/what-if": asked,
        "/invocations": _body({"anyOf": forms}, {name: {name: v} for name, v in theirs.items()}),
        "/outcomes": _body({"$ref": f"{PLACE}Outcomes"}, {"one": {"outcomes": [outcome]}}),
    }


def _with(name: str, content: Schema) -> Schema:
    return {"type": "object", "required": [name], "properties": {name: content}}


def _body(schema: Schema, examples: dict[str, Any]) -> Schema:
    return {"schema": schema, "examples": {name: {"value": v} for name, v in examples.items()}}
