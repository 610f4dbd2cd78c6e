"""What Kubernetes is told of the service and the verbs is what these do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Break
from .manifests import (
    BASE,
    PRODUCTION,
    STAGING,
    containers,
    kustomization,
    longest_end,
    objects,
    pods,
    settings,
)

PROBES = {
    "startupProbe": "/health/live",
    "livenessProbe": "/health/live",
    "readinessProbe": "/health/ready",
}
# Which stay so when asked again; a broken world may mend. CheckFailed has the code of its base.
VERDICTS = ("ProjectError", "WrongUse")
POSTGRESQL = 5432


def find_wrong_probes(root: Path) -> list[str]:
    """Probes that ask a path which the service does not have, another port, or something else."""
    (recipe,) = root.glob("src/*/service.py")
    routes = set(re.findall(r'@app\.get\("([^"]+)"', recipe.read_text(encoding="utf-8")))
    (service,) = [one for name, one in containers(root) if name == "service"]
    asked = {name: service.get(name, {}).get("httpGet", {}) for name in PROBES}
    found = [n for n, get in asked.items() if get.get("path") not in routes & {PROBES[n]}]
    found += [name for name, get in asked.items() if get.get("port") != "http"]
    ports = {one["name"]: one["containerPort"] for one in service["ports"]}
    (called,) = [one["spec"]["ports"] for one in objects(root, "Service")]
    wrong = [one["name"] for one in called if one["targetPort"] not in ports]
    return found + wrong + ["port"] * (ports != {"http": settings(root)["service"]["port"]})


def find_impatience(root: Path) -> list[str]:
    """A pod that is killed before it has drained, or before anybody saw that it is not ready."""
    drain = settings(root)["service"]["drain_seconds"]
    spec = pods(root)["service"]["spec"]
    ready = spec["containers"][0]["readinessProbe"]
    seen = ready["periodSeconds"] * ready["failureThreshold"]
    killed = spec.get("terminationGracePeriodSeconds", 30) <= longest_end(root)
    return ["killed while it drains"] * killed + ["drained before it is seen"] * (seen > drain)


def find_retried_verdicts(root: Path) -> list[str]:
    """Jobs that ask again what was answered, or do not ask again when the world was broken."""
    code = (root / "src/ml_lifecycle/errors.py").read_text(encoding="utf-8")
    codes = dict(re.findall(r"class (\w+)\((?:(?!\nclass ).)+exit_code = (\d)", code, re.DOTALL))
    verdicts, found = sorted(int(codes[name]) for name in VERDICTS), []
    for one in objects(root, "CronJob"):
        name, job = one["metadata"]["name"], one["spec"]["jobTemplate"]["spec"]
        wanted = {"containerName": name, "operator": "In", "values": verdicts}
        rules = job.get("podFailurePolicy", {}).get("rules", [])
        ends = [rule["onExitCodes"] for rule in rules if rule["action"] == "FailJob"]
        again = job["backoffLimit"] and job["template"]["spec"]["restartPolicy"] == "Never"
        if ends != [wanted] or not again or one["spec"]["concurrencyPolicy"] != "Forbid":
            found.append(name)
    return found


def find_open_network(root: Path) -> list[str]:
    """Ways in or out that the service does not need, and ways that it needs and lacks."""
    rules = [one["spec"] for one in objects(root, "NetworkPolicy")]
    closed = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]} in rules
    into = [way for rule in rules for way in rule.get("ingress", [])]
    out = [way for rule in rules for way in rule.get("egress", [])]
    literals = [
        line for folder in (BASE, STAGING, PRODUCTION)
        for line in kustomization(root, folder)["configMapGenerator"][0]["literals"]
    ]  # fmt: skip
    mlflow = {int(p) for p in re.findall(r"MLFLOW_TRACKING_URI=http://\S+:(\d+)", str(literals))}
    return (
        ["all is open"] * (not closed)
        + ["in"] * (_ports(into) != {"http"} or not all(way.get("from") for way in into))
        + ["out"] * (_ports(out) != {53, POSTGRESQL} | mlflow or not all(w.get("to") for w in out))
        + ["anywhere"] * ("0.0.0.0/0" in str(rules))
    )


def find_unwritable(root: Path) -> list[str]:
    """Folders that are mounted though the image does not have them, or that a verb lacks."""
    text = (root / "deploy/Dockerfile").read_text(encoding="utf-8")
    owned = set(re.findall(r"/app/[.\w]+", text.split("install --directory")[1].split("\n\n")[0]))
    needed = {
        "service": {"/app/releases", "/tmp"},
        "drift": {"/app/releases", "/app/reports", "/tmp"},
        "retrain": {"/app/releases", "/app/reports", "/app/.search", "/app/data", "/tmp"},
    }
    there = {
        name: {mount["mountPath"] for mount in one["volumeMounts"]}
        for name, one in containers(root)
    }
    wrong = [name for name, paths in there.items() if paths != needed[name]]
    return wrong + sorted(set().union(*there.values()) - owned - {"/tmp", "/app/data"})


PROMISES = (
    find_wrong_probes, find_impatience, find_retried_verdicts, find_open_network, find_unwritable,
)  # fmt: skip


@pytest.mark.parametrize("find", PROMISES)
def test_kubernetes_is_told_what_is_so(root: Path, find: Callable[[Path], list[str]]) -> None:
    assert find(root) == []


def _ports(ways: list[dict[str, Any]]) -> set[object]:
    """Return the ports of rules; "all" of a rule that names none."""
    return {port["port"] for way in ways for port in way.get("ports", [{"port": "all"}])}


SERVICE, JOBS = "deploy/kubernetes/base/deployment.yaml", "deploy/kubernetes/base/jobs.yaml"
NETWORK = "deploy/kubernetes/base/network.yaml"
FAULTS = {
    "a path that is not there": (find_wrong_probes, SERVICE, "/health/ready", "/ready"),
    "liveness asks if it is ready": (find_wrong_probes, SERVICE, "/health/live", "/health/ready"),
    "a path that is renamed": (
        find_wrong_probes, "src/customer_churn/service.py", '"/health/live"', '"/alive"',
    ),
    "another port": (find_wrong_probes, "project.toml", "port = 8000", "port = 9000"),
    "a port that nobody has": (
        find_wrong_probes, "deploy/kubernetes/base/service.yaml", "Port: http", "Port: web",
    ),
    "a short grace": (find_impatience, SERVICE, "PeriodSeconds: 30", "PeriodSeconds: 15"),
    "a long drain": (find_impatience, "project.toml", "drain_seconds = 5", "drain_seconds = 25"),
    "more for what is at hand": (
        find_impatience, "src/ml_lifecycle/http/run.py", "AT_HAND = 10", "AT_HAND = 30",
    ),
    "a slow look at readiness": (find_impatience, SERVICE, "Threshold: 2", "Threshold: 9"),
    "a verdict asked again": (find_retried_verdicts, JOBS, "values: [1, 2]", "values: [2]"),
    "a broken world ends it": (find_retried_verdicts, JOBS, "values: [1, 2]", "values: [1, 2, 3]"),
    "no second try": (find_retried_verdicts, JOBS, "backoffLimit: 2", "backoffLimit: 0"),
    "restarts in place": (find_retried_verdicts, JOBS, "Policy: Never", "Policy: OnFailure"),
    "two at once": (find_retried_verdicts, JOBS, "Policy: Forbid", "Policy: Allow"),
    "another code for a verdict": (
        find_retried_verdicts, "src/ml_lifecycle/errors.py", "exit_code = 1", "exit_code = 4",
    ),
    "nothing is closed": (find_open_network, NETWORK, "[Ingress, Egress]", "[Ingress]"),
    "everybody may call": (find_open_network, NETWORK, "    - from:", "    - to:"),
    "all ports": (find_open_network, NETWORK, "      ports:\n        - port: http\n", ""),
    "a way out more": (find_open_network, NETWORK, "ports:\n", "ports:\n        - port: 443\n"),
    "no names": (find_open_network, NETWORK, "- port: 53\n", "- port: 54\n"),
    "anywhere": (find_open_network, NETWORK, "10.0.0.0/8", "0.0.0.0/0"),
    "MLflow elsewhere": (
        find_open_network, f"deploy/kubernetes/{PRODUCTION}/kustomization.yaml", ":5000", ":80",
    ),
    "nowhere to write pages": (find_unwritable, JOBS, "/app/reports", "/app/pages"),
    "a folder of root's": (find_unwritable, "deploy/Dockerfile", "/app/.search ", ""),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_untruth_is_seen(broken: Break, fault: str) -> None:
    find, *where = FAULTS[fault]
    assert find(broken(*where)) != []
