"""What the tests share: the recipe as `project`, this project's table, a small made-up world.

The library's own tests are kept with the template; here its mechanisms are only seen to work.
"""
# ruff: noqa: E402  # the alias comes first: what follows is imported by it

import importlib
import os
import pkgutil
import shutil
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
pytest_plugins = ["score"]
OUTSIDE = ("MLFLOW_", "LEDGER_", "RELEASE_", "SERVICE_", "ENVIRONMENT", "APPROVER", "GIT")
MOST = 3000  # rows of the project's own table that the tests look at


def _alias() -> None:
    """Let tests say `project` whatever the package is called, so that they move between projects.

    The same module objects get a second name: no class exists twice.
    """
    content = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    package = importlib.import_module(content["tool"]["uv"]["build-backend"]["module-name"][0])
    sys.modules["project"] = package
    for found in pkgutil.iter_modules(package.__path__):
        if found.name != "__main__":
            module = importlib.import_module(f"{package.__name__}.{found.name}")
            sys.modules[f"project.{found.name}"] = module


_alias()

from project.data import CHECKS
from project.settings import Settings, load
from starlette.testclient import TestClient
from world import Champion, Served, copy_of, crown, make_table, quick, serving

from ml_lifecycle.data import Contract, check_data, load_rows
from ml_lifecycle.errors import CheckFailed, WorldBroken, WrongUse
from ml_lifecycle.tables.read import fetch

Rows = tuple[pd.DataFrame, Contract]


@pytest.fixture(scope="session", autouse=True)
def _no_outside() -> Iterator[None]:
    """Keep databases, keys and secrets of the real project out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database, migrated once: a fresh one takes seconds."""
    root = tmp_path_factory.mktemp("registry")
    quick(root).registry.client()
    return root / "mlflow.db"


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
        check_data(settings.project, settings.data, CHECKS, settings.service)
    except CheckFailed as error:
        if "needs a decision" not in str(error):
            raise
        pytest.skip(str(error))
    frame, contract = load_rows(settings.project, settings.data)
    keys, names = pd.factorize(frame[contract.group] if contract.group else np.arange(len(frame)))
    chosen = np.random.default_rng(0).random(len(names)) < 0.9 * MOST / len(frame)
    return frame[chosen[keys]].reset_index(drop=True), contract


@pytest.fixture(scope="session")
def own_champion(settings: Settings, own: Rows) -> Champion:
    """A small search on the project's own rows; it serves whatever the gate thinks of it."""
    few = settings.training.model_copy(update={"folds": 2, "budget_seconds": 0.001, "blend": False})
    small = settings.model_copy(update={"training": few})
    return crown(small, own, override="the tests only look at the machinery")


@pytest.fixture(scope="session")
def champion(tmp_path_factory: pytest.TempPathFactory, empty_registry: Path) -> Champion:
    """The champion of a made-up table, in which `usage`, `plan` and `calls` matter."""
    root = tmp_path_factory.mktemp("made-up")
    shutil.copy(empty_registry, root)
    make_table().to_csv(root / "table.csv", index=False)
    made = quick(root, metric="neg_brier_score")
    check_data(made.project, made.data, CHECKS, made.service)
    return crown(made, load_rows(made.project, made.data))


@pytest.fixture(scope="session")
def served(champion: Champion, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(copy_of(champion.settings, tmp_path_factory.mktemp("served"))) as running:
        yield running


@pytest.fixture
def client(served: Served) -> TestClient:
    """The service of the made-up champion, as callers see it."""
    return served.http
