"""The world that the library's tests are played in: made-up tables, and projects on them.

The library is imported as it lies in the template, unrendered; the recipe of a rendered project,
under the name `project`, trains and serves where a test needs a champion.
"""
# ruff: noqa: E402  # the paths come first: what follows is imported by them

import importlib
import os
import pkgutil
import shutil
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

TEMPLATE = Path(__file__).parents[2] / "{{cookiecutter.project_slug}}"
RENDERED = Path(os.environ["RENDERED_PROJECT"])  # whose environment this runs in
DAYS = pd.date_range("2023-01-01", periods=240).strftime("%Y-%m-%d")


def _alias() -> None:
    """Let tests say `project` whatever the recipe's package is called."""
    sys.path.insert(0, str(TEMPLATE / "src"))
    content = tomllib.loads((RENDERED / "pyproject.toml").read_text(encoding="utf-8"))
    recipe, _ = content["tool"]["uv"]["build-backend"]["module-name"]
    package = importlib.import_module(recipe)
    sys.modules["project"] = package
    for found in pkgutil.iter_modules(package.__path__, f"{recipe}."):
        if not found.name.endswith("__main__"):
            name = "project" + found.name.removeprefix(recipe)
            sys.modules[name] = importlib.import_module(found.name)


_alias()

from ml_lifecycle.data import check_data
from ml_lifecycle.data.check import CheckedTable, load_rows
from ml_lifecycle.data.contract import Contract
from ml_lifecycle.data.settings import DataSettings
from ml_lifecycle.ledger.database import now
from ml_lifecycle.model.settings import SearchSettings
from ml_lifecycle.project import Project
from ml_lifecycle.release.bundle import Release
from ml_lifecycle.release.questions import Verdict
from ml_lifecycle.service.settings import ServiceSettings
from project.data import CHECKS
from project.lifecycle import ask_gate
from project.settings import Settings
from project.training import Version, train

Rows = tuple[pd.DataFrame, Contract]


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody how far it is."""


def prediction(request_id: str, row: int = 0) -> dict[str, Any]:
    """Return a row of the ledger's predictions, for tests that need no model."""
    about = {"request_id": request_id, "row": row, "created_at": now(), "version": 1}
    return about | {"inputs": {"x": 1.5}, "prediction": "yes", "probabilities": {"yes": 0.75}}


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


def project_at(root: Path) -> Project:
    """Return the recipe's project, as it would be in another folder."""
    return Project.of(root, sys.modules["project"].__name__)


def own(root: Path, metric: Any = "auto", **data: Any) -> Settings:
    """Return settings of a project in `root`; options are those of [data]."""
    given = {"source": "table.csv", "target": "target"} | data
    return Settings(
        project=project_at(root),
        data=DataSettings(**given),
        training=SearchSettings(folds=2, budget_seconds=0.001, metric=metric, blend=False),
        service=ServiceSettings(refresh_seconds=0.1),
    )


def write_toml(root: Path, service: dict[str, Any]) -> None:
    """Write what a process of its own reads of `own`; service: [service]."""
    lines = ['[data]\nsource = "table.csv"\ntarget = "target"\ngroup = "customer"']
    lines += ['sensitive = ["gender"]\nignore = ["email"]\ntest_share = 0.3\n[service]']
    lines += [f"{name} = {value!r}" for name, value in service.items()]
    (root / "project.toml").write_text("\n".join(lines), encoding="utf-8")


def moved(settings: Settings, root: Path) -> Settings:
    """Return settings with everything in a copy, in which a test may change all."""
    shutil.copytree(settings.project.root, root, dirs_exist_ok=True)
    return settings.model_copy(update={"project": settings.project.at(root)})


def check(settings: Settings, **options: Any) -> CheckedTable:
    """Check a project's table with the recipe's checks."""
    seed = settings.training.seed
    return check_data(
        settings.project, settings.data, CHECKS, settings.service, seed=seed, **options
    )


def rows_of(settings: Settings) -> Rows:
    """Return a project's typed rows and their contract."""
    return load_rows(settings.project, settings.data)


@dataclass(frozen=True)
class Champion:
    """A project whose first version serves."""

    settings: Settings
    rows: Rows
    trained: Version
    verdict: Verdict
    release: Release

    def copy(self, root: Path) -> Settings:
        """Return the settings of a copy in which a test may change everything."""
        return moved(self.settings, root)


def crown(settings: Settings, rows: Rows, override: str = "") -> Champion:
    """Train and promote for real: MLflow and the ledger on SQLite, keys and releases on disk."""
    trained = train(*rows, settings, quiet)
    verdict = ask_gate(settings, override=override)
    version = settings.registry.get(trained.number)
    assert version is not None
    return Champion(settings, rows, trained, verdict, settings.registry.fetch(version))
