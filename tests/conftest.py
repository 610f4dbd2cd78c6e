"""What every test shares: a neutral configuration and a way to render the template."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cookiecutter.exceptions import FailedHookException
from cookiecutter.main import cookiecutter

pytest_plugins = ["tests.project"]

ROOT = Path(__file__).parents[1]
# Files that take minutes. They go first, so that at the end no worker is alone with one.
LONG = (
    "test_upper.py", "test_own_tests_can_fail.py", "test_lower.py", "test_default_project.py",
    "test_two_houses.py", "test_make_it_yours.py", "test_real_tables.py", "test_moved.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONG)))


@pytest.fixture(scope="session")
def template() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def neutral_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Someone's ~/.cookiecutterrc overrides the defaults even with no_input.
    folder = tmp_path_factory.mktemp("cookiecutter")
    path = folder / "config.yaml"
    path.write_text(
        f"cookiecutters_dir: '{folder / 'cloned'}'\nreplay_dir: '{folder / 'replay'}'\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture(scope="session", autouse=True)
def _apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let the projects' own sessions of pytest keep their files apart from this one's.

    Each closes the folder that it shares to other users, and PostgreSQL runs as one.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTEST_DEBUG_TEMPROOT", str(tmp_path_factory.mktemp("apart")))
        yield


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, neutral_config: Path) -> Path:
    """The folder in which the person types the command."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PWD", str(folder))
    monkeypatch.setenv("COOKIECUTTER_CONFIG", str(neutral_config))
    return folder


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def render(template: Path, out: Path, neutral_config: Path) -> Callable[..., Path]:
    def render_project(overwrite: bool = False, **answers: str) -> Path:
        project = cookiecutter(
            str(template),
            no_input=True,
            extra_context=answers,
            output_dir=str(out),
            config_file=str(neutral_config),
            overwrite_if_exists=overwrite,
        )
        return Path(project)

    return render_project


@pytest.fixture
def refuse(render: Callable[..., Path], capfd: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Renders with answers that must be refused; returns what the person then reads."""

    def read_refusal(overwrite: bool = False, **answers: str) -> str:
        with pytest.raises(FailedHookException):
            render(overwrite=overwrite, **answers)
        # Behind this line comes what cookiecutter itself has to say.
        return capfd.readouterr().err.split("Stopping generation")[0]

    return read_refusal
