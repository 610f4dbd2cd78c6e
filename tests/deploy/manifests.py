"""What the files for Kubernetes say, before and after kustomize puts them together."""

import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

Object = dict[str, Any]
KUBERNETES = "deploy/kubernetes"
BASE, STAGING, PRODUCTION = "base", "overlays/staging", "overlays/production"


def read(path: Path) -> list[Object]:
    return parse(path.read_text(encoding="utf-8"))


@cache
def parse(text: str) -> list[Object]:
    return [one for one in yaml.load_all(text, Loader=yaml.CSafeLoader) if one]


def kustomization(root: Path, folder: str) -> Object:
    return read(root / KUBERNETES / folder / "kustomization.yaml")[0]


def objects(root: Path, kind: str = "") -> list[Object]:
    """All objects of the base, or those of a kind."""
    folder = root / KUBERNETES / BASE
    there = [one for name in kustomization(root, BASE)["resources"] for one in read(folder / name)]
    return [one for one in there if kind in ("", one["kind"])]


def pods(root: Path) -> dict[str, Object]:
    """The template of each pod, by the name of what makes it."""
    made = {one["metadata"]["name"]: one["spec"]["template"] for one in objects(root, "Deployment")}
    jobs = {one["metadata"]["name"]: one["spec"]["jobTemplate"] for one in objects(root, "CronJob")}
    return made | {name: job["spec"]["template"] for name, job in jobs.items()}


def containers(root: Path) -> Iterator[tuple[str, Object]]:
    for name, pod in pods(root).items():
        for one in pod["spec"].get("initContainers", []) + pod["spec"]["containers"]:
            yield name, one


def assembled(root: Path, folder: str) -> list[Object]:
    """What kustomize makes of a folder."""
    if not (kubectl := shutil.which("kubectl")):
        pytest.skip("kubectl, which brings kustomize, is not there")
    done = subprocess.run(
        [kubectl, "kustomize", root / KUBERNETES / folder], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return parse(done.stdout)


def settings(root: Path) -> Object:
    return tomllib.loads((root / "project.toml").read_text(encoding="utf-8"))


def longest_end(root: Path) -> float:
    """Return the seconds that the service takes from SIGTERM to its end, at most."""
    code = (root / "src/ml_lifecycle/http/run.py").read_text(encoding="utf-8")
    at_hand = float(re.findall(r"^AT_HAND = (\d+)", code, re.MULTILINE)[0])
    return float(settings(root)["service"]["drain_seconds"]) + at_hand
