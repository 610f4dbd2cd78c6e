"""The HTTP service: rows in, predictions out, outcomes back.

In: the champion (slot) and the ledger (writer). Out: a FastAPI application. 200 on /predict means
that the prediction is committed; 422 never repeats what was sent.
"""

import asyncio
import json
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import BaseModel, ValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from .. import NAME, VERSION
from ..data.rows import as_json, convert, violations
from ..data.values import spelled
from ..ledger import Ledger, now
from ..settings import Service, Settings, in_production
from . import forms
from .answer import ledger_values, shown, why
from .canary import Canary
from .forms import statuses
from .guard import Guard, api_keys
from .openapi import describe
from .request import row_type
from .slot import LoadedModel, Slot
from .writer import QueueFull, Writer

log = logging.getLogger(__name__)
SHAPES = {
    "rows": '{"rows": [{column: value, ...}, ...]}',
    "outcomes": '{"outcomes": [{"request_id": ..., "row": 0, "value": ...}, ...]}',
}
LONG = re.compile(r"\d{20,}")  # digits of a limit, which nobody would count
# The page fetches nothing from elsewhere, and nobody may put it into a frame of theirs.
ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LONGEST = 60.0  # seconds between two looks while the ledger or the registry is down


def build(
    settings: Settings, slot: Slot, ledger: Ledger, keys: list[bytes] | None = None
) -> FastAPI:
    """Return the application; its lifespan starts and stops the writer and the watch.

    keys: of callers, none to let everybody in; default: those of SERVICE_API_KEYS.
    """
    keys = api_keys() if keys is None else keys
    writer = Writer(ledger, settings.service.queue_rows)

    canary = Canary(settings, ledger)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        writer.start()
        tasks = [
            asyncio.create_task(watch(settings.service.refresh_seconds, slot, canary)),
            asyncio.create_task(canary.run()),
        ]
        yield
        for task in tasks:
            task.cancel()
        writer.stop()

    closed = {"openapi_url": None, "docs_url": None, "redoc_url": None} if in_production() else {}
    app = FastAPI(title=NAME, version=VERSION, lifespan=lifespan, **closed)  # type: ignore[arg-type]
    app.state.canary = canary
    app.add_middleware(Guard, service=settings.service, keys=keys)
    _count(app, slot, canary)
    _answer(app, slot, canary, writer, settings.service)
    _collect(app, slot, ledger)
    _tell(app, slot, settings.service)
    app.openapi = describe(app, slot, settings.service, bool(keys))  # type: ignore[method-assign]
    return app


async def watch(seconds: float, slot: Slot, canary: Canary) -> None:
    """Follow the ledger's word on who serves and who is in a rollout, until cancelled."""

    def look() -> None:
        try:
            slot.refresh()
        finally:
            canary.refresh(slot.loaded)

    pause = seconds
    while True:
        await asyncio.sleep(pause)
        try:
            # A database that hangs must not keep the process from ending.
            await to_thread.run_sync(look, abandon_on_cancel=True)
            pause = seconds
        except Exception as error:  # the watch must outlive whatever goes wrong in one round
            pause = min(2 * pause, LONGEST)
            log.error("no look at who serves, again in %.0f s: %s", pause, error)


def _parse(kind: type[BaseModel], body: bytes) -> Any:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        # What was sent may be personal: only places and rules are answered.
        problems = error.errors(include_input=False, include_url=False, include_context=False)
        (name,) = kind.model_fields
        if any(p["loc"] in ((), (name,)) for p in problems):
            # Whatever else is wrong with it: this helps.
            raise HTTPException(422, [{"loc": name, "msg": f"send {SHAPES[name]}"}]) from None
        detail = [
            {"loc": ".".join(map(str, p["loc"])), "msg": LONG.sub(_short, p["msg"])}
            for p in problems[:20]
        ]
        raise HTTPException(422, detail) from None


def _short(number: re.Match[str]) -> str:
    return f"{float(number[0]):g}"


def _rows(loaded: LoadedModel, body: bytes) -> list[dict[str, Any]]:
    return [row.model_dump(mode="json") for row in _parse(loaded.request_type, body).rows]


def _answer(app: FastAPI, slot: Slot, canary: Canary, writer: Writer, service: Service) -> None:
    deadline = service.deadline_seconds
    # More threads than cores would only slow each other down.
    workers = CapacityLimiter(os.cpu_count() or 1)

    async def predict(body: bytes) -> dict[str, Any]:
        champion, request_id = slot.loaded, uuid4().hex
        rows = _rows(champion, body)
        first, other = canary.route(request_id, champion)
        try:
            with writer.reserve(len(rows)):
                async with asyncio.timeout(deadline):
                    found, loaded = await to_thread.run_sync(
                        canary.answer, first, champion, rows, limiter=workers
                    )
                    await writer.write(_records(request_id, rows, found, loaded))
        except QueueFull:
            raise HTTPException(503, "busy", headers={"Retry-After": "1"}) from None
        except TimeoutError:
            raise HTTPException(504, f"no answer within {deadline} seconds") from None
        if other is not None:
            canary.ask_later(request_id, rows, first if loaded is other else other)
        return {"request_id": request_id, "version": loaded.version.number, "predictions": found}

    told = statuses(401, 408, 413, 422, 503, 504)

    @app.post("/predict", response_model=forms.Predictions, responses=told)
    async def predict_rows(request: Request) -> dict[str, Any]:
        """Predict for rows of the contract."""
        return await predict(await request.body())

    @app.post("/invocations", response_model=forms.Invocation, responses=told)
    async def invocations(request: Request) -> dict[str, Any]:
        """Predict for rows in the form of `mlflow models serve` and SageMaker."""
        found = await predict(_as_rows(await request.body()))
        return {"predictions": [answer["prediction"] for answer in found["predictions"]]}

    @app.post("/explain", response_model=forms.Explanation, responses=statuses(401, 408, 413, 422))
    async def explain(request: Request) -> dict[str, Any]:
        """Say what moved the prediction of the first row, the most important column first."""
        loaded = slot.loaded
        first, *_ = _rows(loaded, await request.body())
        return await run_in_threadpool(why, loaded, first)


def _as_rows(body: bytes) -> bytes:
    try:
        content = json.loads(body)
        if "dataframe_split" in content:
            split = content["dataframe_split"]
            if len(set(split["columns"])) < len(split["columns"]):
                raise HTTPException(422, [{"loc": "columns", "msg": "a column is there twice"}])
            rows = [dict(zip(split["columns"], row, strict=True)) for row in split["data"]]
        else:
            rows = content.get("dataframe_records", content.get("instances"))
        return json.dumps({"rows": rows}).encode()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        said = (
            "give dataframe_split (columns, and data with as many values a row), dataframe_records "
            "or instances"
        )
        raise HTTPException(422, [{"loc": "body", "msg": said}]) from None


def _records(
    request_id: str, rows: list[dict[str, Any]], found: list[dict[str, Any]], loaded: LoadedModel
) -> list[dict[str, Any]]:
    shared = {"request_id": request_id, "created_at": now(), "version": loaded.version.number}
    return [
        shared | {"row": place, "inputs": row} | ledger_values(answer)
        for place, (row, answer) in enumerate(zip(rows, found, strict=True))
    ]


def _collect(app: FastAPI, slot: Slot, ledger: Ledger) -> None:
    @app.exception_handler(SQLAlchemyError)
    async def unwritten(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "the ledger does not answer"}, 503, {"Retry-After": "5"})

    @app.post("/outcomes", response_model=forms.Taken, responses=statuses(401, 408, 413, 422, 503))
    async def outcomes(request: Request) -> dict[str, int]:
        """Take labels for earlier predictions; an outcome sent twice replaces the first."""
        parsed = _parse(forms.Outcomes, await request.body())
        target = slot.loaded.release.contract.target
        values = pd.Series([outcome.value for outcome in parsed.outcomes], dtype=object)
        known = convert(values, as_json(target))
        if violations(values, known, target):
            said = f"an outcome is no value of '{target.name}'"
            raise HTTPException(422, [{"loc": "outcomes", "msg": said}])
        rows = [
            outcome.model_dump() | {"value": value}
            for outcome, value in zip(parsed.outcomes, spelled(known), strict=True)
        ]
        new, unknown = await run_in_threadpool(ledger.write_outcomes, rows)
        return {"taken": new, "unknown": unknown}


def _tell(app: FastAPI, slot: Slot, service: Service) -> None:
    @app.get("/", include_in_schema=False)
    def page() -> HTMLResponse:
        text = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
        return HTMLResponse(text, headers={"Content-Security-Policy": ALONE})

    @app.get("/ping", response_model=forms.Alive)
    @app.get("/health/live", response_model=forms.Alive)
    async def live() -> dict[str, str]:
        """Say that the process answers; asks nobody else."""
        return {"status": "alive"}

    @app.get("/health/ready", response_model=forms.Ready)
    async def ready() -> dict[str, Any]:
        """Say that a verified model is loaded."""
        return {"status": "ready", "version": slot.loaded.version.number}

    @app.get("/model", response_model=forms.Described, responses=statuses(401))
    async def model() -> dict[str, Any]:
        """Describe the model in use, and what a row must look like."""
        release = slot.loaded.release
        return {
            "name": NAME,
            "version": slot.loaded.version.number,
            "candidate": release.lineage["candidate"],
            "task": release.contract.task,
            "target": release.contract.target.name,
            "classes": release.classes,
            "threshold": release.evaluation["threshold"],
            "headline": release.lineage["headline"],
            "typical_row": release.lineage["typical_row"],
            "examples": shown(release),
            "columns": release.contract.with_role("feature"),
            "row": row_type(release.contract, service).model_json_schema(),
        }


def _count(app: FastAPI, slot: Slot, canary: Canary) -> None:
    metrics = CollectorRegistry()
    asked = Counter("http_requests", "Requests", ["path", "status"], registry=metrics)
    took = Histogram("http_request_duration_seconds", "Time to answer", ["path"], registry=metrics)
    serving = Gauge("model_version", "Version that serves", registry=metrics)
    serving.set_function(lambda: slot.loaded.version.number)
    tried = Gauge("rollout_version", "Version in a rollout, 0 if none", registry=metrics)
    tried.set_function(lambda: canary.rollout.version.number if canary.rollout else 0)

    @app.middleware("http")
    async def count(
        request: Request, forward: Callable[[Request], Awaitable[Response]]
    ) -> Response:
        started = time.perf_counter()
        status = 500
        try:
            response = await forward(request)
            status = response.status_code
        finally:
            path = getattr(request.scope.get("route"), "path", "unknown")
            asked.labels(path, status).inc()
            took.labels(path).observe(time.perf_counter() - started)
        return response

    @app.get("/metrics", response_class=PlainTextResponse)
    def show() -> bytes:
        """Give counters and times in Prometheus' format."""
        return generate_latest(metrics)
