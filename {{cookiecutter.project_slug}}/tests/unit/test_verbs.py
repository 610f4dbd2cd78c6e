"""The verbs end in the exit code that tells who has to act, and files are whole or not there."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner, Result
from project.cli import main
from project.lifecycle import predict
from world import quiet

from ml_lifecycle.data.rows import to_records
from ml_lifecycle.data.split import row_hashes
from ml_lifecycle.errors import DataError
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.release import labelled

GOOD = '[data]\nsource = "t.csv"\ntarget = "y"\n'


def run(folder: Path, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, list(words))


def table(folder: Path, **columns: Any) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({"x": random.normal(size=300), "y": random.choice(["a", "b"], 300)})
    frame.assign(**columns).to_csv(folder / "t.csv", index=False)


@pytest.mark.parametrize(
    ("text", "word", "said"),
    [
        (None, "train", "no project.toml"),
        (GOOD + "x = 1\n", "train", "no such key"),
        (GOOD.replace("t.csv", "u.csv"), "check-data", "u.csv"),
        (GOOD.replace('"y"', '"z"'), "check-data", "no column 'z'"),
        (GOOD + "[training]\nmetric = 'r2'\n", "train", "r2 does not fit 'y'"),
        (GOOD, "promote", "train a model first"),
        (GOOD, "drift", "no champion yet"),
    ],
)
def test_wrong_use_is_2(
    tmp_path: Path,
    empty_registry: Path,
    monkeypatch: pytest.MonkeyPatch,
    text: str | None,
    word: str,
    said: str,
) -> None:
    table(tmp_path)
    (tmp_path / "mlflow.db").write_bytes(empty_registry.read_bytes())
    if text:
        (tmp_path / "project.toml").write_text(text)
    done = run(tmp_path, monkeypatch, word)
    assert said in done.stderr
    assert done.exit_code == 2


def test_a_check_that_says_no_is_1(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path, y="same")
    (tmp_path / "project.toml").write_text(GOOD)
    done = run(tmp_path, monkeypatch, "check-data")
    assert "needs a decision" in done.stderr
    assert done.exit_code == 1


def test_a_broken_world_is_3(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "project.toml").write_text(GOOD)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert run(tmp_path, monkeypatch, "promote").exit_code == 3


def test_check_data_twice_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(tmp_path)
    (tmp_path / "project.toml").write_text(GOOD)
    made = [tmp_path / "contract.yaml", tmp_path / "reports" / "data.html"]
    said = run(tmp_path, monkeypatch, "check-data")
    assert said.exit_code == 0
    assert "Look at reports/data.html" in said.stdout
    before = [path.read_text() for path in made]
    assert run(tmp_path, monkeypatch, "check-data").exit_code == 0
    assert [path.read_text() for path in made] == before


def test_a_file_is_scored_as_the_pipeline_scores_it(champion: Any, tmp_path: Path) -> None:
    source = champion.settings.project.root / "table.csv"
    done = predict(champion.settings, str(source), tmp_path / "out.csv", quiet)
    assert (done.rows, done.before, done.version) == (len(champion.rows[0]), 0, 1)
    release = champion.release
    scored = pd.read_csv(tmp_path / "out.csv")
    y_pred = predict_scores(release.model, champion.rows[0], release.classes)
    np.testing.assert_allclose(scored["probability of yes"], y_pred)
    assert list(scored["email"]) == list(pd.read_csv(source)["email"])


def test_a_file_that_breaks_the_contract_leaves_no_output(champion: Any, tmp_path: Path) -> None:
    broken = pd.read_csv(champion.settings.project.root / "table.csv").assign(usage="much")
    broken.to_csv(tmp_path / "in.csv", index=False)
    with pytest.raises(DataError, match="'usage' is no number: row 1 'much'"):
        predict(champion.settings, str(tmp_path / "in.csv"), tmp_path / "out.csv", quiet)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_row_that_was_served_comes_back_as_it_is_in_the_table(served: Any, champion: Any) -> None:
    frame, contract = champion.rows
    frame = frame.sample(300, random_state=0)
    rows = to_records(frame.drop(columns="target"))
    answer = served.http.post("/predict", json={"rows": rows})
    assert answer.status_code == 200
    about = {"request_id": answer.json()["request_id"]}
    outcomes = [about | {"row": i, "value": value} for i, value in enumerate(frame["target"])]
    taken = served.http.post("/outcomes", json={"outcomes": outcomes})
    assert (taken.json()["taken"], taken.json()["refused"]) == (300, {})
    back = labelled(served.ledger, contract)[list(frame.columns)]
    assert set(row_hashes(back)) >= set(row_hashes(frame))
