"""Ten mechanisms of the library that must never fail silently, seen at work in this project.

Its own tests are kept with the template, and were run there with the versions of `TESTED`.
"""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from packaging.version import Version
from project.lifecycle import ask_gate
from project.training import train
from world import copy_of, quiet, serving

import ml_lifecycle
from ml_lifecycle.errors import CheckFailed
from ml_lifecycle.files import NAMES
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release import rollback
from ml_lifecycle.service import rollout

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", NAMES)
def test_a_flipped_byte_is_refused(champion: Any, tmp_path: Path, name: str) -> None:
    settings = copy_of(champion.settings, tmp_path)
    version = settings.registry.wanted(1)
    for folder in (settings.registry.local(version), tmp_path / "mlruns"):
        for path in [folder / name, *folder.rglob(f"release/{name}")]:
            if path.is_file():
                content = bytearray(path.read_bytes())
                content[len(content) // 2] ^= 1
                path.write_bytes(content)
    with pytest.raises(CheckFailed):
        settings.registry.fetch(version)


def test_a_type_that_nobody_named_is_not_loaded(champion: Any) -> None:
    trust = champion.settings.registry.trust
    for name in ("builtins.eval", "os.system", "subprocess.Popen", "sklearn.base.clone"):
        assert not trust.allows(name)


def test_what_was_answered_outlives_a_kill(champion: Any, tmp_path: Path) -> None:
    settings = copy_of(champion.settings, tmp_path)
    _write_settings(settings)
    command = [sys.executable, "-m", settings.project.package, "serve", "--port", "0"]
    body = json.dumps({"rows": [champion.release.manifest.typical_row]}).encode()
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        address = re.search(r"http://\S+", process.stdout.readline())
        assert address
        request = Request(f"{address[0]}/predict", body)
        answers = [json.load(urlopen(request)) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
    with Ledger(settings.project.ledger_url) as ledger:
        kept = set(ledger.served()["request_id"])
    assert {answer["request_id"] for answer in answers} <= kept


def _write_settings(settings: Any) -> None:
    text = '[data]\nsource = "table.csv"\ntarget = "target"\ngroup = "customer"\n'
    text += 'sensitive = ["gender"]\nignore = ["email"]\n'
    (settings.project.root / "project.toml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def two_versions(champion: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    settings = copy_of(champion.settings, tmp_path_factory.mktemp("two"))
    train(*champion.rows, settings, quiet)
    return settings


@pytest.mark.ml_test("infrastructure", 7)
def test_a_rollback_needs_no_registry(two_versions: Any, tmp_path: Path) -> None:
    settings = copy_of(two_versions, tmp_path)
    ask_gate(settings, 2, override="to go back from")
    gone = settings.registry.project.root / "mlflow.db"
    gone.unlink()
    gone.mkdir()  # nothing answers there now
    assert rollback(settings.registry, "somebody") == (2, 1)
    with Ledger(settings.project.ledger_url) as ledger:
        assert champions.serving(ledger).number == 1
    with serving(settings) as running:
        assert running.http.get("/health/ready").json()["version"] == 1


@pytest.mark.ml_test("infrastructure", 6)
@pytest.mark.parametrize("mode", ["canary", "shadow"])
def test_a_challenger_that_fails_is_sent_back_and_no_caller_notices(
    two_versions: Any, tmp_path: Path, mode: Any
) -> None:
    settings = copy_of(two_versions, tmp_path)
    rollout.start(settings.registry, 2, 1.0, mode, "somebody")
    with serving(settings) as running:
        server = running.server
        while server.canary.loaded is None:  # as the service's own watch finds it
            running.http.get("/ping")
        plain = replace(server.canary.loaded.compiled, score=None)
        object.__setattr__(server.canary.loaded, "compiled", plain)
        object.__setattr__(server.canary.loaded.release, "model", None)  # whatever it is asked
        row = running.http.get("/model").json()["typical_row"]
        for _ in range(5):
            assert running.http.post("/predict", json={"rows": [row]}).status_code == 200
        for _ in range(200):
            server.canary.refresh(server.slot.loaded)
            if server.canary.rollout is None:
                break
            running.http.get("/ping")
        assert "it failed on" in running.ledger.decisions("rollout")[0].reason


def test_a_service_has_neither_plots_nor_pages_nor_a_client_of_the_registry() -> None:
    package = sys.modules["project"].__name__
    code = f"import sys, {package}.service, {package}.settings; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"matplotlib", "jinja2", "mlflow", "httpx", "ml_lifecycle.pages"}


def test_another_library_is_refused_in_one_sentence(tmp_path: Path) -> None:
    package = sys.modules["project"]
    other = tmp_path / "ml_lifecycle"
    other.mkdir()
    for path in Path(ml_lifecycle.__file__).parent.glob("*.py"):
        (other / path.name).write_bytes(path.read_bytes())
    code = f"import {package.__name__}"
    env = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert done.returncode == 1
    assert "is not the library that this project was made with" in done.stderr


@pytest.mark.ml_test("monitoring", 1)
def test_the_lock_holds_versions_that_the_library_was_tested_with() -> None:
    lock = (ROOT / "requirements" / "dev.lock").read_text(encoding="utf-8")
    for name, (least, below) in ml_lifecycle.TESTED.items():
        for found in re.findall(rf"(?m)^{re.escape(name)}==([\w.]+)", lock):
            assert Version(least) <= Version(found) < Version(below), (
                f"{name} {found}: the library was tested with {least} to {below}. Run its tests "
                "in the template with this version, or take the template's newest library"
            )
