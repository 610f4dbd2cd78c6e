"""A made-up world: a table of every kind of column, and settings of a project about it."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from project.lifecycle import ask_gate
from project.service import build
from project.settings import Settings
from project.training import Version, train
from starlette.testclient import TestClient

from ml_lifecycle.data import DataSettings
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.model import SearchSettings
from ml_lifecycle.project import Project
from ml_lifecycle.release import Release, questions
from ml_lifecycle.service import ModelServer, ServiceSettings

DAYS = pd.date_range("2023-01-01", periods=240).strftime("%Y-%m-%d")


def make_table(rows: int = 800, seed: int = 1) -> pd.DataFrame:
    """Return a table in which `usage`, `plan` and `calls` matter, and two rows a customer."""
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
    table["target"] = np.where(score > 0.6, "yes", "no")
    table.loc[random.random(rows) < 0.05, "usage"] = np.nan
    table.loc[random.random(rows) < 0.05, "plan"] = np.nan
    return table


def quick(root: Path, metric: str = "auto", **data: Any) -> Settings:
    """Return settings of a project in `root` with the smallest search; options are of [data]."""
    given = {
        "source": "table.csv",
        "target": "target",
        "test_share": 0.3,
        "group": "customer",
        "sensitive": ("gender",),
        "ignore": ("email",),
    }
    return Settings(
        project=Project.of(root, sys.modules["project"].__name__),
        data=DataSettings(**given | data),
        training=SearchSettings(folds=2, budget_seconds=0.001, metric=metric, blend=False),
        service=ServiceSettings(refresh_seconds=0.1),
    )


def copy_of(settings: Settings, root: Path) -> Settings:
    """Return settings of a copy in which a test may change everything."""
    shutil.copytree(settings.project.root, root, dirs_exist_ok=True)
    return settings.model_copy(update={"project": settings.project.at(root)})


@dataclass(frozen=True)
class Champion:
    """A project whose first version serves; rows: the typed rows and their contract."""

    settings: Settings
    rows: Any
    trained: Version
    verdict: questions.Verdict
    release: Release


def quiet(what: str, done: int, total: int) -> None:
    """Tell nobody how far a training is."""


def crown(settings: Settings, rows: Any, override: str = "") -> Champion:
    """Train and promote for real: MLflow and the ledger on SQLite, keys and releases on disk."""
    trained = train(*rows, settings, quiet)
    verdict = ask_gate(settings, override=override)
    release = settings.registry.fetch(settings.registry.wanted(trained.number))
    return Champion(settings, rows, trained, verdict, release)


@dataclass(frozen=True)
class Served:
    """The real application with a champion, and what it writes to."""

    http: TestClient
    server: ModelServer
    ledger: Ledger


@contextmanager
def serving(settings: Settings, keys: list[bytes] | None = None) -> Iterator[Served]:
    """Serve a project's champion: the real application, on its ledger."""
    registry, service, allowed = settings.registry, settings.service, settings.gate.max_latency_ms
    with Ledger(settings.project.ledger_url) as ledger:
        server = ModelServer.open(registry, ledger, service, settings.rollout, allowed)
        app = build(server, settings.project, service, keys or [])
        with TestClient(app, raise_server_exceptions=False) as http:
            yield Served(http, server, ledger)
