"""The service's image, built and run with no right but to answer; where a Docker daemon is.

ML_LIFECYCLE_BASE names a base image, where python:3.11-slim cannot be fetched.
"""

import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from ..project import Project, get, post, wait_until

IMAGE = "ml-lifecycle-test"
# A number that no user of this machine has, unless files of another cannot be given away.
USER = 10001 if os.getuid() == 0 else os.getuid()
Toured = tuple[Project, str]

pytestmark = pytest.mark.nightly


def docker(*arguments: str | Path) -> str:
    # BuildKit alone heeds deploy/Dockerfile.dockerignore.
    env = os.environ | {"DOCKER_BUILDKIT": "1"}
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image(toured: Toured) -> str:
    """The service's image of the default project, as `docker build` makes it."""
    known = shutil.which("docker")
    if not known or subprocess.run([known, "info"], capture_output=True).returncode:
        pytest.skip("no Docker daemon answers")
    root = toured[0].root
    base = os.environ.get("ML_LIFECYCLE_BASE", "python:3.11-slim")
    docker("build", "--network", "host", "--build-arg", f"BASE={base}", "--tag", IMAGE,
           "--file", root / "deploy/Dockerfile", root)  # fmt: skip
    return IMAGE


@pytest.fixture
def here(toured: Toured) -> Iterator[Path]:
    """What the tour left, where the container's user may write."""
    folder = toured[0].here
    subprocess.run(["chown", "-R", str(USER), folder], check=True)
    yield folder
    subprocess.run(["chown", "-R", str(os.getuid()), folder], check=True)


@contextmanager
def running(image: str, here: Path, *options: str) -> Iterator[str]:
    """Run the service with no right but to write what the tour left; give the container's id."""
    # At the same place inside, since the registry's file holds the paths of what it keeps.
    folders = ["--volume", f"{here}:{here}", "--workdir", str(here), "--tmpfs", "/tmp"]
    least = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    outside = ["--publish", "127.0.0.1::8000", "--user", str(USER)]
    made = docker("run", "--detach", *folders, *least, *outside, *options, image)
    try:
        yield made
    finally:
        docker("rm", "--force", "--volumes", made)


def state(made: str, what: str) -> str:
    return docker("inspect", "--format", f"{{{{{what}}}}}", made)


def ended(made: str) -> str:
    """The exit code of a container; "" if it still runs after a while."""
    over = wait_until(lambda: state(made, ".State.Running") == "false", 60)
    return state(made, ".State.ExitCode") if over else ""


def address(made: str) -> str:
    return "http://" + docker("port", made, "8000").splitlines()[0]


def version(made: str) -> int:
    """The version that is ready, 0 if none is."""
    try:
        return int(json.loads(get(address(made), "/health/ready"))["version"])
    except (OSError, AssertionError):  # not yet, no more, or without a port
        return 0


def predicting(where: str, until: Callable[[], bool]) -> Counter[tuple[int, int]]:
    """Predict again and again; how often each status and version came."""
    body = {"rows": [json.loads(get(where, "/model"))["typical_row"]]}
    seen: Counter[tuple[int, int]] = Counter()
    while not until():
        status, answer = post(where, "/predict", body)
        seen[status, answer.get("version", 0)] += 1
    return seen


def test_another_version_takes_over_and_no_request_fails(
    image: str, here: Path, toured: Toured
) -> None:
    with running(image, here) as made, ThreadPoolExecutor() as pool:
        assert wait_until(lambda: version(made) > 0, 60), docker("logs", made)
        before, over = version(made), Event()
        calls = [pool.submit(predicting, address(made), over.is_set) for _ in range(3)]
        done = toured[0].verb("promote", "--version", str(3 - before), "--override", "a test")
        followed = wait_until(lambda: version(made) == 3 - before)
        over.set()
        seen = sum((call.result() for call in calls), Counter())
        assert done.returncode == 0, done.stderr
        assert followed
        assert {status for status, _ in seen} == {200}
        assert {answered for _, answered in seen} == {1, 2}
    assert toured[0].verb("rollback").returncode == 0


def test_told_to_end_it_finishes_its_requests_and_exits_with_0(image: str, here: Path) -> None:
    with running(image, here) as made, ThreadPoolExecutor() as pool:
        assert wait_until(lambda: version(made) > 0, 60)
        over, where = Event(), address(made)
        calls = [pool.submit(predicting, where, over.is_set) for _ in range(3)]
        docker("kill", "--signal", "TERM", made)
        ending = wait_until(lambda: version(made) == 0)
        over.set()
        seen = sum((call.result() for call in calls), Counter())
        assert ending
        assert {status for status, _ in seen} == {200}
        assert ended(made) == "0"


def test_without_enough_memory_it_is_killed_and_docker_says_why(image: str, here: Path) -> None:
    with running(image, here, "--memory", "96m", "--memory-swap", "96m") as made:
        assert ended(made) == "137"
        assert state(made, ".State.OOMKilled") == "true"


def test_what_was_killed_is_started_again(image: str, here: Path) -> None:
    with running(image, here, "--restart", "unless-stopped") as made:
        assert wait_until(lambda: version(made) > 0, 60)
        os.kill(int(state(made, ".State.Pid")), signal.SIGKILL)
        assert wait_until(lambda: state(made, ".RestartCount") == "1" and version(made) > 0, 60)
