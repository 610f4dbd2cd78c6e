"""The Dockerfile and the compose file: no more rights than needed, and no secret in them."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .conftest import Break
from .manifests import longest_end, read, settings

DOCKERFILE, COMPOSE = "deploy/Dockerfile", "deploy/compose.yaml"
SECRETS = ("POSTGRES_PASSWORD", "SERVICE_API_KEYS")


def lint(root: Path) -> list[str]:
    """What hadolint has to say; a digest of the base image is the user's to give."""
    command = [Path(sys.executable).with_name("hadolint"), "--no-color", root / DOCKERFILE]
    return subprocess.run(command, capture_output=True, text=True).stdout.splitlines()


def lines(root: Path) -> list[str]:
    text = (root / DOCKERFILE).read_text(encoding="utf-8")
    return [line for line in re.sub(r"\\\n", "", text).splitlines() if line]


def find_image_faults(root: Path) -> list[str]:
    """A base that cannot be chosen, root, a key in an image, or a syntax from a registry."""
    said = lines(root)
    stages = [line.split()[1] for line in said if line.startswith("FROM")]
    made = {line.split()[-1] for line in said if line.startswith("FROM")}
    users = [line for line in said if line.startswith("USER")]
    copied = [line for line in said if line.startswith(("COPY", "ADD"))]
    return (
        [stage for stage in stages if stage not in made | {"${BASE}"}]
        + [line for line in said if line.startswith("# syntax")]
        + [line for line in copied if re.search(r"keys|\.env|COPY \. ", line)]
        + ["root"] * (users != ["USER 10001:10001"] or said[-1].startswith("USER"))
        + ["health"] * (f":{settings(root)['service']['port']}/health/live" not in str(said))
        + ["shell"]
        * any(line.startswith(("ENTRYPOINT", "CMD")) and "[" not in line for line in said)
    )


def services(root: Path) -> dict[str, Any]:
    found: dict[str, Any] = read(root / COMPOSE)[0]["services"]
    return found


def find_freedoms(root: Path) -> list[str]:
    """Containers of compose that may do more than they need, or are open to the network."""
    wanted = {
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    found = []
    for name, one in services(root).items():
        found += [f"{name}: {key}" for key, value in wanted.items() if one.get(key) != value]
        found += [f"{name}: {p}" for p in one.get("ports", []) if not p.startswith("127.0.0.1:")]
        found += [f"{name}: more"] * bool({"privileged", "cap_add", "network_mode"} & one.keys())
        found += [f"{name}: no /tmp"] * ("/tmp" not in one["tmpfs"])
    return found


def find_sick(root: Path) -> list[str]:
    """Long-lived containers that nobody can see failing, and who starts before these are well."""
    text = (root / DOCKERFILE).read_text(encoding="utf-8").split(" AS service\n")[-1]
    own = {"service"} if "\nHEALTHCHECK" in text else set()
    lasting = {n: one for n, one in services(root).items() if "profiles" not in one}
    waits = [
        one.get("depends_on", {}).get("postgres") for n, one in lasting.items() if n != "postgres"
    ]
    late = [wait for wait in waits if wait != {"condition": "service_healthy"}]
    return [n for n, one in lasting.items() if "healthcheck" not in one and n not in own] + late


def find_told_secrets(root: Path) -> list[str]:
    """Secrets with a default, in an argument, or with a value in the example."""
    text = (root / COMPOSE).read_text(encoding="utf-8")
    found = [name for name in SECRETS if f"${{{name}:?" not in text or f"${{{name}:-" in text]
    found += [n for n, one in services(root).items() if "PASSWORD" in str(one.get("command", ""))]
    example = (root / "deploy/env.example").read_text(encoding="utf-8").splitlines()
    return found + [name for name in SECRETS if f"{name}=" not in example]


def find_short_stop(root: Path) -> list[str]:
    """A service that is killed before it has drained."""
    grace = float(services(root)["service"].get("stop_grace_period", "10s").rstrip("s"))
    return ["service"] * (grace <= longest_end(root))


PROMISES = (lint, find_image_faults, find_freedoms, find_sick, find_told_secrets, find_short_stop)


@pytest.mark.parametrize("find", PROMISES)
def test_containers_may_do_little_and_hold_no_secret(
    root: Path, find: Callable[[Path], list[str]]
) -> None:
    assert find(root) == []


FAULTS = {
    "a shell form": (lint, DOCKERFILE, 'CMD ["serve", "--host", "0.0.0.0"]', "CMD serve"),
    "a base that is fixed": (find_image_faults, DOCKERFILE, "${BASE} AS run", "python AS run"),
    "a syntax from a registry": (
        find_image_faults, DOCKERFILE, "ARG BASE=", "# syntax=docker/dockerfile:1\nARG BASE=",
    ),
    "a key in an image": (find_image_faults, DOCKERFILE, "COPY project", "COPY keys project"),
    "root": (find_image_faults, DOCKERFILE, "USER 10001:10001", "USER root"),
    "health elsewhere": (find_image_faults, DOCKERFILE, "/health/live", "/health"),
    "a file system to write": (find_freedoms, COMPOSE, "read_only: true", "read_only: false"),
    "a capability": (find_freedoms, COMPOSE, "    user: postgres", "    cap_add: [CHOWN]"),
    "open to the network": (find_freedoms, COMPOSE, "127.0.0.1:5000:5000", "5000:5000"),
    "nobody looks": (find_sick, DOCKERFILE, "HEALTHCHECK", "# HEALTHCHECK\nRUN"),
    "no wait": (find_sick, COMPOSE, "condition: service_healthy", "condition: service_started"),
    "a default secret": (
        find_told_secrets, COMPOSE, "${POSTGRES_PASSWORD:?set it in deploy/.env}",
        "${POSTGRES_PASSWORD:-secret}",
    ),
    "a password as argument": (
        find_told_secrets, COMPOSE, "- --workers=1", "- --workers=1\n      - ${POSTGRES_PASSWORD}",
    ),
    "a password in the example": (
        find_told_secrets, "deploy/env.example", "POSTGRES_PASSWORD=", "POSTGRES_PASSWORD=secret",
    ),
    "a short stop": (find_short_stop, COMPOSE, "period: 30s", "period: 12s"),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_container_is_seen(broken: Break, fault: str) -> None:
    find, *where = FAULTS[fault]
    assert find(broken(*where)) != []
