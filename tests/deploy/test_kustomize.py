"""The files for Kubernetes fit together, and what kustomize makes of them is valid."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest

from ..project import Project
from .conftest import Break
from .manifests import (
    BASE,
    KUBERNETES,
    PRODUCTION,
    STAGING,
    Object,
    assembled,
    containers,
    kustomization,
    objects,
    pods,
    read,
)

OVERLAYS = (STAGING, PRODUCTION)
VERSIONS = ("1.31", "1.35")  # of Kubernetes: the oldest with all that is used, and a new one
LABEL = "app.kubernetes.io/component"
NAME = re.compile(r"[a-z]([-a-z0-9]{0,50}[a-z0-9])?")  # as short as that of a CronJob has to be


def key(one: Object) -> tuple[str, str]:
    return one["kind"], one["metadata"]["name"]


def find_lost_files(root: Path) -> list[str]:
    """Files that a kustomization names and are not there, and files that none names."""
    found = []
    for folder in (BASE, *OVERLAYS):
        home, said = root / KUBERNETES / folder, kustomization(root, folder)
        named = [*said["resources"], *(patch["path"] for patch in said.get("patches", []))]
        found += [name for name in named if not (home / name).exists()]
        there = {path.name for path in home.glob("*.yaml")} - {"kustomization.yaml"}
        found += sorted(there - set(named))
    return found


def find_lost_patches(root: Path) -> list[str]:
    """Patches of what the base does not have."""
    known, found = {key(one) for one in objects(root)}, []
    for folder in OVERLAYS:
        for patch in kustomization(root, folder)["patches"]:
            patched = read(root / KUBERNETES / folder / patch["path"])
            found += [str(key(one)) for one in patched if key(one) not in known]
    return found


def find_bare_images(root: Path) -> list[str]:
    """Images of pods for which an overlay does not say from where, and names that no pod has."""
    used, found = {one["image"] for _, one in containers(root)}, []
    for folder in OVERLAYS:
        images = kustomization(root, folder)["images"]
        full = {one["name"] for one in images if "/" in one.get("newName", "") and _fixed(one)}
        found += [f"{folder}: {name}" for name in sorted(used ^ full)]
    return found


def _fixed(image: Object) -> bool:
    return "digest" in image or image.get("newTag", "latest") != "latest"


def find_loose_ends(root: Path) -> list[str]:
    """Selectors that select no pod, and names of objects that are not there."""
    labels = {pod["metadata"]["labels"][LABEL] for pod in pods(root).values()}
    found = [f"selects {said}" for said in selected(objects(root)) if said not in labels]
    known = {key(one) for one in objects(root)}
    known |= {("ConfigMap", one["name"]) for one in kustomization(root, BASE)["configMapGenerator"]}
    return found + [str(end) for end in pointed_at(root) if end not in known]


def selected(node: Any) -> Iterator[str]:
    """The component in each selector, at whatever depth."""
    if isinstance(node, dict):
        for name, child in node.items():
            if name in ("selector", "podSelector", "labelSelector") and child:
                yield child.get("matchLabels", child).get(LABEL, "")
            yield from selected(child)
    elif isinstance(node, list):
        for child in node:
            yield from selected(child)


def pointed_at(root: Path) -> Iterator[tuple[str, str]]:
    """Kind and name of each object that another one needs."""
    for one in objects(root, "HorizontalPodAutoscaler"):
        yield one["spec"]["scaleTargetRef"]["kind"], one["spec"]["scaleTargetRef"]["name"]
    for _, one in containers(root):
        yield from (("ConfigMap", many["configMapRef"]["name"]) for many in one["envFrom"])
    for pod in pods(root).values():
        claims = [volume.get("persistentVolumeClaim") for volume in pod["spec"]["volumes"]]
        yield from (("PersistentVolumeClaim", claim["claimName"]) for claim in claims if claim)


FITS = (find_lost_files, find_lost_patches, find_bare_images, find_loose_ends)


@pytest.mark.parametrize("find", FITS)
def test_the_files_fit_together(root: Path, find: Callable[[Path], list[str]]) -> None:
    assert find(root) == []


BASE_FILE, STAGING_FILE = f"{KUBERNETES}/{BASE}", f"{KUBERNETES}/{STAGING}"
FAULTS = {
    "a file that is not there": (
        find_lost_files, f"{BASE_FILE}/kustomization.yaml", "jobs.yaml", "cron.yaml",
    ),
    "a file that nobody names": (
        find_lost_files, f"{BASE_FILE}/kustomization.yaml", "  - network.yaml\n", "",
    ),
    "a patch of nothing": (
        find_lost_patches, f"{STAGING_FILE}/sizes.yaml", "name: service", "name: web",
    ),
    "an image from nowhere": (
        find_bare_images, f"{BASE_FILE}/jobs.yaml", "image: customer-churn-jobs", "image: jobs",
    ),
    "whatever is latest": (
        find_bare_images, f"{STAGING_FILE}/kustomization.yaml", "newTag: 0.1.0", "newTag: latest",
    ),
    "a service of no pod": (
        find_loose_ends, f"{BASE_FILE}/service.yaml", "component: service", "component: web",
    ),
    "a scaler of nothing": (
        find_loose_ends, f"{BASE_FILE}/scaling.yaml", "    name: service", "    name: web",
    ),
    "a table that is not there": (
        find_loose_ends, f"{BASE_FILE}/jobs.yaml", "claimName: table", "claimName: tables",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_misfit_is_seen(broken: Break, fault: str) -> None:
    find, *where = FAULTS[fault]
    assert find(broken(*where)) != []


def valid(one: Object) -> None:
    for version in VERSIONS:
        kubernetes_validate.validate(one, version, strict=True)


def test_each_object_is_what_kubernetes_takes(root: Path) -> None:
    for one in objects(root):
        valid(one)


def test_an_object_with_a_word_that_kubernetes_does_not_know_is_seen(broken: Break) -> None:
    copy = broken(f"{BASE_FILE}/deployment.yaml", "timeoutSeconds", "timeOutSeconds")
    with pytest.raises(kubernetes_validate.ValidationError):
        test_each_object_is_what_kubernetes_takes(copy)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_kustomize_makes_a_whole_of_each_overlay(root: Path, folder: str) -> None:
    made = assembled(root, folder)
    for one in made:
        valid(one)
    stage, names = folder.split("/")[1], {key(one) for one in made}
    assert ("Namespace", f"customer-churn-{stage}") in names
    assert {one["metadata"].get("namespace") for one in made} == {None, f"customer-churn-{stage}"}
    text = str(made)
    assert "registry.example.com/customer-churn:0.1.0" in text
    (said,) = [one for one in made if one["kind"] == "ConfigMap"]
    assert said["data"]["MLFLOW_TRACKING_URI"] == f"http://mlflow.mlflow-{stage}:5000"
    assert text.count(said["metadata"]["name"]) == 4  # its own, and that of three pods


def test_only_production_trains_by_itself(root: Path) -> None:
    for folder, idle in zip(OVERLAYS, (True, False), strict=True):
        jobs = {
            key(one)[1]: one["spec"] for one in assembled(root, folder) if one["kind"] == "CronJob"
        }
        assert (jobs["retrain"]["suspend"], jobs["drift"].get("suspend")) == (idle, None)


@pytest.mark.parametrize("slug", ["n" * 60, "a" * 49 + "_" + "b" * 10])
def test_any_name_of_a_project_makes_names_that_kubernetes_takes(
    make_project: Callable[..., Project], slug: str
) -> None:
    root = make_project(project_slug=slug).root
    for one in objects(root):
        valid(one)
        assert one["kind"] == "Namespace" or NAME.fullmatch(one["metadata"]["name"])
    for folder in (BASE, *OVERLAYS):
        space = kustomization(root, folder)["namespace"]
        assert len(space) <= 63
        assert re.fullmatch(r"[a-z]([-a-z0-9]*[a-z0-9])?", space)
