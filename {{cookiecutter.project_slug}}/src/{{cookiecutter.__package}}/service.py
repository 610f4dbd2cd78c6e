"""The FastAPI application: its routes, in plain sight.

In: a `ModelServer`, which holds the champion, the challenger and the ledger. Out: the application.
A route of your own is one more function here; what it answers, it promises.
"""

from fastapi import FastAPI, HTTPException, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError

from ml_lifecycle import Project, in_production
from ml_lifecycle.evaluation import ValueSettings
from ml_lifecycle.http import (
    CountRequests,
    DirectRoute,
    Guard,
    api_keys,
    listen,
    run,
    when_it_comes,
)
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.platforms import health_routes, predict_routes
from ml_lifecycle.service import ModelServer, ServiceSettings, describe, forms
from ml_lifecycle.trying import COLUMN, Card, WhatIf, add_page, card, what_if

from .settings import Settings

ONCE = "Idempotency-Key"  # of a request that counts once, however often it is sent


def build(
    server: ModelServer,
    project: Project,
    service: ServiceSettings,
    keys: list[bytes],
    value: ValueSettings | None = None,
) -> FastAPI:
    """Return the application; keys: of callers, none to let everybody in; value: of /what-if."""
    closed = in_production() and not service.open_docs
    docs = {"openapi_url": None, "docs_url": None, "redoc_url": None} if closed else {}
    app = FastAPI(
        title=project.name,
        version=project.version,
        lifespan=server.lifespan,
        **docs,  # type: ignore[arg-type]
    )
    app.state.server = server
    # 401 without a key or token, but for the page, /ping and /health; 429 beyond the rate; 408 if a
    # body comes slowly, 413 if it is too large.
    app.add_middleware(Guard, access=service, keys=keys)
    app.add_middleware(CountRequests, metrics=server.metrics)
    _answers(app, server, value)
    _tells(app, server, project)
    app.openapi = describe(app, server.slot, service, bool(keys))  # type: ignore[method-assign]
    return app


def serve(settings: Settings) -> None:
    """Serve the champion until told to stop; says where it listens."""
    project, service = settings.project, settings.service
    keys = api_keys(service.oidc_issuer)  # refuses to let everybody into a production
    allowed = settings.gate.max_latency_ms

    def opened() -> ModelServer:
        ledger = Ledger(project.ledger_url)
        return ModelServer.open(settings.registry, ledger, service, settings.rollout, allowed)

    with listen(service.host, service.port) as listener:
        host, port = listener.getsockname()[:2]
        server = when_it_comes(listener, opened)
        app = build(server, project, service, keys, settings.value)
        print(f"Version {server.version} serves on http://{host}:{port}", flush=True)
        with server.ledger:
            run(app, listener, service.drain_seconds, server.end)


def _answers(app: FastAPI, server: ModelServer, value: ValueSettings | None) -> None:
    # These read the body themselves: FastAPI describes them, and has nothing to check.
    app.router.route_class = DirectRoute
    refusals = forms.statuses(401, 408, 413, 415, 422, 429, 503, 504)
    typed = refusals | forms.statuses(406)

    # First of all, since a platform may name a path that is one of ours, and asks in its own form.
    async def invocations(request: Request) -> forms.Invocation | Response:
        """Predict as /predict does, for MLflow, SageMaker, Vertex AI and Azure ML; CSV, too."""
        return await server.invoke(await request.body(), request.headers)

    for path in predict_routes():
        app.add_api_route(
            path,
            invocations,
            methods=["POST"],
            response_model=forms.Invocation,
            responses=typed,
            openapi_extra=forms.ONCE,
            include_in_schema=path == "/invocations",
        )

    @app.post("/predict", responses=refusals, openapi_extra=forms.ONCE)
    async def predict(request: Request) -> forms.Predictions:
        """Predict for rows of the contract; 200 means that the predictions are on disk."""
        return await server.predict_once(await request.body(), request.headers.get(ONCE))

    @app.post("/explain", responses=refusals)
    async def explain(request: Request) -> forms.Explanation:
        """Say what moved the prediction of the first row, the most important column first."""
        return await server.explain(await request.body())

    @app.post("/what-if", responses=refusals, openapi_extra=COLUMN)
    async def ask_what_if(request: Request) -> WhatIf:
        """Say what the first row would get with other values of a column; nothing is kept."""
        column = request.query_params.get("column")
        return await what_if(server, await request.body(), column, value)

    @app.post("/outcomes", responses=refusals)
    async def outcomes(request: Request) -> forms.Taken:
        """Take labels for earlier predictions; 200 means that they are on disk.

        Sent again it changes nothing; another value is a correction, which counts.
        """
        return await server.record_outcomes(await request.body())

    @app.exception_handler(SQLAlchemyError)
    async def unwritten(_: Request, __: Exception) -> JSONResponse:
        return JSONResponse({"detail": "the ledger does not answer"}, 503, {"Retry-After": "5"})


def _tells(app: FastAPI, server: ModelServer, project: Project) -> None:
    ends = {"model": forms.Failed, "description": "it was told to end: send requests elsewhere"}

    @app.get("/health/ready", responses={503: ends})
    async def ready() -> forms.Ready:
        """Say that a verified model is loaded, and that requests may be sent."""
        if server.ending:
            raise HTTPException(503, ends["description"])
        return forms.Ready(status="ready", version=server.version)

    for path in health_routes():
        app.add_api_route(path, ready, include_in_schema=False)

    add_page(app, project)

    @app.get("/ping")
    @app.get("/health/live")
    async def live() -> forms.Alive:
        """Say that the process answers; asks nobody else."""
        return forms.Alive(status="alive")

    @app.get("/model", responses=forms.statuses(401, 429, 503))
    async def model() -> forms.Described:
        """Describe the model in use, and what a row must look like."""
        return server.describe(project.name)

    @app.get("/card", responses=forms.statuses(401, 429, 503))
    def tell_card() -> Card:
        """Tell how good the model is, for whom, and what the last drift check found."""
        return card(server, project)

    @app.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> bytes:
        """Give counters and times in Prometheus' format."""
        return server.metrics.text()
