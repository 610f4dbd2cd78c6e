"""What a pod may do: as little as the service and its jobs need."""

from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Break
from .manifests import containers, objects, pods

RESTRICTED = "pod-security.kubernetes.io/enforce"
# Which pods may read what is kept secret.
READERS = {
    "LEDGER_URL": {"service", "drift", "retrain"},
    "RELEASE_VERIFY_KEY": {"service", "drift", "retrain"},
    "RELEASE_SIGNING_KEY": {"retrain"},
    "SERVICE_API_KEYS": {"service"},
}


def find_root(root: Path) -> list[str]:
    """Pods that may run as root, and a namespace that would take them."""
    rules = [(name, pod["spec"].get("securityContext", {})) for name, pod in pods(root).items()]
    found = [
        name for name, rule in rules
        if not (rule.get("runAsNonRoot") and rule.get("runAsUser", 0) >= 10_000)
        or rule.get("seccompProfile") != {"type": "RuntimeDefault"}
    ]  # fmt: skip
    found += [n for n, one in containers(root) if "runAsUser" in one.get("securityContext", {})]
    spaces = [
        one["metadata"].get("labels", {}).get(RESTRICTED) for one in objects(root, "Namespace")
    ]
    return found + ["namespace"] * (spaces != ["restricted"])


def find_privileges(root: Path) -> list[str]:
    """Containers with a capability, a way to more privileges, or a root that can be written."""
    wanted = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    return [name for name, one in containers(root) if one.get("securityContext") != wanted]


def find_unlimited(root: Path) -> list[str]:
    """Containers that may take all memory or processors, or do not say what they need."""
    return [
        name for name, one in containers(root)
        if any(set(one.get("resources", {}).get(part, {})) != {"cpu", "memory"}
               for part in ("requests", "limits"))
    ]  # fmt: skip


def find_tokens(root: Path) -> list[str]:
    """Accounts and pods that get a token for Kubernetes, and pods of another account."""
    accounts = {one["metadata"]["name"]: one for one in objects(root, "ServiceAccount")}
    specs = {name: pod["spec"] for name, pod in pods(root).items()}
    named = [name for name, spec in specs.items() if spec.get("serviceAccountName") not in accounts]
    given = [
        name for name, one in (accounts | specs).items()
        if one.get("automountServiceAccountToken") is not False
    ]  # fmt: skip
    return named + given


def find_secrets(root: Path) -> list[str]:
    """Secrets that are written down, and pods that can read more of them than they need."""
    found = [one["metadata"]["name"] for one in objects(root, "Secret")]
    for name, one in containers(root):
        found += [f"{name}: all of a secret" for many in one["envFrom"] if "secretRef" in many]
        for variable in one["env"]:
            key = variable["name"]
            secret = "secretKeyRef" in variable.get("valueFrom", {})
            if secret != (key in READERS) or (secret and name not in READERS[key]):
                found.append(f"{name}: {key}")
    return found


PROMISES = (find_root, find_privileges, find_unlimited, find_tokens, find_secrets)


@pytest.mark.parametrize("find", PROMISES)
def test_a_pod_may_do_as_little_as_it_needs(root: Path, find: Callable[[Path], list[str]]) -> None:
    assert len(pods(root)) == 3
    assert find(root) == []


SERVICE, JOBS = "deploy/kubernetes/base/deployment.yaml", "deploy/kubernetes/base/jobs.yaml"
FAULTS = {
    "a service as root": (find_root, SERVICE, "runAsUser: 10001", "runAsUser: 0"),
    "jobs of any user": (find_root, JOBS, "runAsNonRoot: true", "runAsNonRoot: false"),
    "no filter of system calls": (find_root, JOBS, "RuntimeDefault", "Unconfined"),
    "a lax namespace": (
        find_root, "deploy/kubernetes/base/namespace.yaml",
        "enforce: restricted", "enforce: baseline",
    ),
    "a container as root": (
        find_root, SERVICE, "readOnlyRootFilesystem: true",
        "readOnlyRootFilesystem: true\n            runAsUser: 0",
    ),
    "a capability": (find_privileges, SERVICE, 'drop: ["ALL"]', 'add: ["NET_ADMIN"]'),
    "a job that writes": (find_privileges, JOBS, "Filesystem: true", "Filesystem: false"),
    "no limit of memory": (find_unlimited, SERVICE, "memory: 1Gi", "pods: 1"),
    "a token": (find_tokens, SERVICE, "Token: false", "Token: true"),
    "another account": (find_tokens, JOBS, "Name: lifecycle", "Name: x"),
    "a signing service": (find_secrets, SERVICE, "SERVICE_API_KEYS", "RELEASE_SIGNING_KEY"),
    "a password in a file": (find_secrets, JOBS, "valueFrom:", "value:"),
    "all of a secret": (find_secrets, SERVICE, "- configMapRef:", "- secretRef:"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_freedom_is_seen(broken: Break, fault: str) -> None:
    find, *where = FAULTS[fault]
    assert find(broken(*where)) != []
