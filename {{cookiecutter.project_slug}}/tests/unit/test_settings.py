"""project.toml is read strictly: what is wrong in it is said, all at once."""

import os
from pathlib import Path

import pytest
from project.settings import Settings, load

from ml_lifecycle import find_root
from ml_lifecycle.errors import WrongUse

GOOD = '[data]\nsource = "t.csv"\ntarget = "y"\n'


def read(folder: Path, text: str) -> Settings:
    (folder / "project.toml").write_text(text, encoding="utf-8")
    return load(folder)


def test_defaults_fill_what_is_not_said(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.data.target == "y"
    assert settings.training.folds == 4
    assert settings.project.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "tme = 'a'\n", "data.tme: there is no such key. Did you mean 'time'?"),
        (GOOD + "[gat]\n", "gat: there is no such key. Did you mean 'gate'?"),
        (GOOD + "[training]\nfolds = 'many'\n", "training.folds: .*'many'"),
        (GOOD + "[training]\nfolds = 1\n", "training.folds: .*1"),
        (
            GOOD + "[training]\nseconds = 5\n",
            "there is no such key. It is called 'budget_seconds' now",
        ),
        (GOOD + "[trial]\n", "trial: there is no such key. It is called 'rollout' now"),
        (GOOD + "[drift]\neffect = 0.1\n", "It is called 'min_effect_size' now"),
        ("project = 1\n" + GOOD, "project: there is no such key"),
        (GOOD + "test_share = 0.9\n", "data.test_share"),
        ("[training]\nfolds = 3\n", "data: Field required"),
        ("[data]\nsource = 't.csv'\n", "data.target: Field required"),
        (GOOD + "group = 'a'\nignore = ['a']\n", "named twice: a"),
        (GOOD + "keep = ['y']\n", "keep|twice"),
        (GOOD + "sensitive = ['s']\nkeep = ['s']\n", "keep|twice"),
        (GOOD + "[data\n", "not valid TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongUse, match=said):
        read(tmp_path, text)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    with pytest.raises(WrongUse, match=r"(?s)data\.x.*gate\.tolerance"):
        read(tmp_path, GOOD + "x = 1\n[gate]\ntolerance = -1.0\n")


def test_the_environment_moves_the_databases(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_URL", "postgresql://elsewhere/ledger")
    assert read(tmp_path, GOOD).project.ledger_url == "postgresql+psycopg://elsewhere/ledger"


def test_no_variable_reaches_the_tours_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tour = tmp_path / ".tour"
    tour.mkdir()
    monkeypatch.setenv("LEDGER_URL", "postgresql://elsewhere/ledger")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    settings = read(tour, GOOD)
    assert settings.project.ledger_url == f"sqlite:///{tour / 'ledger.db'}"
    assert settings.project.tracking_uri == f"sqlite:///{tour / 'mlflow.db'}"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"APPROVER": "Ada", "GITHUB_ACTOR": "bot"}, "Ada"),
        ({"GITHUB_ACTOR": "bot"}, "the board"),
        ({"GITLAB_USER_LOGIN": "ada"}, "the board"),
    ],
)
def test_a_name_of_the_environment_or_of_the_project_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], said: str
) -> None:
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    assert read(tmp_path, GOOD + '[gate]\napprover = "the board"\n').approver == said


def test_who_started_ci_decides_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITLAB_USER_LOGIN", "ada")
    assert read(tmp_path, GOOD).approver == "ada"


def test_without_a_name_the_number_of_the_user_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)  # as where nobody has this number
    assert read(tmp_path, GOOD).approver.startswith(f"uid {os.getuid()}@")


def test_who_decides_can_be_written_whatever_the_environment_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPROVER", "a\udcffb\n" + "c" * 300)
    said = read(tmp_path, GOOD).approver
    assert said.encode().startswith("a\N{REPLACEMENT CHARACTER}b".encode())
    assert len(said) == 200


def test_the_root_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "project.toml").touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_root(below) == tmp_path
