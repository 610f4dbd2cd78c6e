"""project.toml is read strictly: what is wrong in it is said, all at once."""

from pathlib import Path

import pytest
from project.errors import WrongUse
from project.settings import Settings, find_root, load

GOOD = '[data]\nsource = "t.csv"\ntarget = "y"\n'


def read(folder: Path, text: str) -> Settings:
    (folder / "project.toml").write_text(text, encoding="utf-8")
    return load(folder)


def test_defaults_fill_what_is_not_said(tmp_path: Path) -> None:
    settings = read(tmp_path, GOOD)
    assert settings.data.target == "y"
    assert settings.training.folds == 4
    assert settings.tracking_uri == f"sqlite:///{tmp_path / 'mlflow.db'}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + "tme = 'a'\n", "data.tme: there is no such key. Did you mean 'time'?"),
        (GOOD + "[gat]\n", "gat: there is no such key. Did you mean 'gate'?"),
        (GOOD + "[training]\nfolds = 'many'\n", "training.folds: .*'many'"),
        (GOOD + "[training]\nfolds = 1\n", "training.folds: .*1"),
        (GOOD + "[training]\nmetric = 'f1'\n", "training.metric: .*roc_auc"),
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
    assert read(tmp_path, GOOD).ledger_url == "postgresql+psycopg://elsewhere/ledger"


def test_the_root_is_found_from_a_folder_below(tmp_path: Path) -> None:
    (tmp_path / "project.toml").touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert find_root(below) == tmp_path
