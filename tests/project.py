"""One rendered project a table, installed once a session by its own Makefile."""

import json
import os
import re
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter

DATA = os.environ.get("ML_LIFECYCLE_DATA", "")
LIBRARY = Path(__file__).parent / "library"
Answers = dict[str, str]


@dataclass(frozen=True)
class Project:
    """A rendered project and the ways a person has of running it."""

    root: Path
    inside: str = "."

    @property
    def here(self) -> Path:
        """Where verbs are typed: the project, or what its tour left."""
        return self.root / self.inside

    @property
    def python(self) -> Path:
        return self.root / ".venv" / "bin" / "python"

    @property
    def package(self) -> str:
        return self.root.name.replace("-", "_")

    @property
    def env(self) -> dict[str, str]:
        """What is typed sees: its own library, also where projects share an environment."""
        return os.environ | {"PYTHONPATH": str(self.root / "src")}

    def make(self, *targets: str) -> subprocess.CompletedProcess[str]:
        return self._run(["make", "--no-print-directory", *targets], self.root)

    def verb(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._run([str(self.python), "-m", self.package, *arguments], self.here)

    def ask(self, code: str) -> Any:
        """Run code of the project's own environment; returns what it leaves in `answer`."""
        program = (
            f"import json\nfrom {self.package} import settings as s\nsettings = s.load()\n"
            "project, registry = settings.project, settings.registry\n"
            f"{code.replace('PACKAGE', self.package)}\nprint(json.dumps(answer))"
        )
        done = self._run([str(self.python), "-c", program], self.here)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    def edit(self, old: str, new: str) -> None:
        path = self.root / "project.toml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    def _run(self, command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=folder, env=self.env, capture_output=True, text=True)

    @contextmanager
    def serving(self, python: Path | None = None) -> Iterator[str]:
        command = [str(python or self.python), "-m", self.package, "serve", "--port", "0"]
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, cwd=self.here, env=self.env, stdout=pipe, stderr=pipe, text=True
        ) as service:
            try:
                line = service.stdout.readline() if service.stdout else ""
                found = re.search(r"http://\S+", line)
                assert found, service.stderr.read() if service.stderr else line
                yield found.group()
            finally:
                service.send_signal(signal.SIGINT)  # SIGTERM would go on for other callers
                service.wait(timeout=30)


def post(address: str, path: str, content: Any) -> tuple[int, Any]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    request = urllib.request.Request(f"{address}{path}", body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def get(address: str, path: str) -> str:
    with urllib.request.urlopen(f"{address}{path}", timeout=30) as answer:
        return answer.read().decode()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> bool:
    """Whether the condition came true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="session")
def make_project(
    template: Path, neutral_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., Project]:
    def render(**answers: str) -> Project:
        folder = tmp_path_factory.mktemp("projects")
        root = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(folder),
            config_file=str(neutral_config),
        )
        return Project(Path(root))

    return render


def installed(project: Project) -> Project:
    done = project.make("setup")
    assert done.returncode == 0, done.stdout + done.stderr
    return project


def run_library(project: Project, *what: str) -> None:
    """Run parts of tests/library, on the library as it lies in the template, unrendered."""
    done = subprocess.run(
        [project.python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *what],
        cwd=LIBRARY, env=project.env | {"RENDERED_PROJECT": str(project.root)},
        capture_output=True, text=True,
    )  # fmt: skip
    said = [line for line in done.stdout.splitlines() if re.match("(E  |FAILED|ERROR)", line)]
    assert done.returncode == 0, "\n".join(said[:100]) or done.stdout[-5000:] + done.stderr


@pytest.fixture(scope="session")
def default(make_project: Callable[..., Project]) -> Project:
    """The project of the bundled example, installed, nothing run in it yet."""
    return installed(make_project())


@pytest.fixture(scope="session")
def toured(default: Project) -> tuple[Project, str]:
    """What `make tour` left in the default project, and what it said."""
    done = default.make("tour")
    assert done.returncode == 0, done.stdout + done.stderr
    return replace(default, inside=".tour"), done.stdout


@pytest.fixture(scope="session")
def of_table(make_project: Callable[..., Project], default: Project) -> Callable[..., Project]:
    """Projects of other tables; they share the default project's libraries, for speed."""

    def render(path: Path, **answers: str) -> Project:
        project = make_project(data=str(path.resolve()), **answers)
        (project.root / ".venv").symlink_to(default.root / ".venv")
        done = subprocess.run(
            [default.root / ".venv/bin/uv", "pip", "install", "--quiet", "--no-deps",
             "--no-build-isolation", "--python", default.python, "--editable", project.root],
            capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return project

    return render


@pytest.fixture(scope="session")
def real(of_table: Callable[..., Project]) -> Callable[..., Project]:
    """Projects of tables found in the wild."""

    def render(file: str, **answers: str) -> Project:
        path = Path(DATA, file)
        if not DATA or not path.is_file():
            pytest.skip(f"{file} is not there; ML_LIFECYCLE_DATA names the folder of real tables")
        return of_table(path, **answers)

    return render
