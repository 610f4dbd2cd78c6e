"""Training repeats, models survive being written, and the own table ends in an answer over HTTP."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from project.candidates import TRUST, ladder
from project.lifecycle import ask_gate
from project.training import train
from world import copy_of, quiet, serving

from ml_lifecycle.data.rows import to_records
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.release import champion as champions
from ml_lifecycle.release.bundle import holdout


@pytest.mark.ml_test("infrastructure", 1)
@pytest.mark.parametrize("remembered", [True, False])
def test_training_twice_gives_the_same_model_and_the_gate_holds_it(
    champion: Any, tmp_path: Path, remembered: bool
) -> None:
    settings = copy_of(champion.settings, tmp_path)
    if not remembered:
        shutil.rmtree(tmp_path / ".search")
    trained = train(*champion.rows, settings, quiet)
    again = settings.registry.fetch(settings.registry.wanted(trained.number))
    rows = holdout(champion.release)
    before, after = (predict_scores(r.model, rows, r.classes) for r in (champion.release, again))
    np.testing.assert_array_equal(before, after)
    assert again.manifest.test_sha256 == champion.release.manifest.test_sha256
    assert again.evaluation.scores == champion.release.evaluation.scores
    assert ask_gate(settings).verdict == "hold"
    assert champions.champion_release(settings.registry)[0].number == 1


@pytest.mark.ml_test("infrastructure", 1)
def test_mlflow_can_tell_how_a_version_was_made(champion: Any) -> None:
    registry, release = champion.settings.registry, champion.release
    client = registry.client()
    run = client.get_run(release.manifest.run_id)
    assert run.data.params["candidate"] == release.manifest.candidate
    for name in ("rows_sha256", "test_sha256", "git_commit", "lock_sha256"):
        assert run.data.tags[name] == getattr(release.manifest, name)
    evaluation = release.evaluation
    score = evaluation.scores[evaluation.metric].value
    assert run.data.metrics[evaluation.metric] == pytest.approx(score)
    history = client.get_metric_history(run.info.run_id, "search_best")
    steps = sorted((step.step, step.value) for step in history)
    assert [value for _, value in steps] == [step.best for step in evaluation.search]
    files = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert files == {"release", "report.html", "model-card.md"}


@pytest.mark.ml_test("infrastructure", 2)
def test_every_candidate_is_the_same_after_it_was_written(
    settings: Any, own: Any, tmp_path: Path
) -> None:
    frame, contract = own
    task, target = settings.task(contract), frame[contract.target.name]
    for candidate in ladder(task, target):
        model = candidate.build(**candidate.initial_params[0]).fit(frame, target)
        skops.io.dump(model, tmp_path / "model.skops")
        asked, unknown = TRUST.types_in((tmp_path / "model.skops").read_bytes())
        assert unknown == []
        loaded = skops.io.load(tmp_path / "model.skops", trusted=asked)
        y_pred = predict_scores(model, frame, task.classes)
        np.testing.assert_array_equal(predict_scores(loaded, frame, task.classes), y_pred)
        assert len(y_pred) == len(frame)
        assert np.isfinite(y_pred).all()


@pytest.mark.ml_test("infrastructure", 2)
def test_a_model_learns_what_is_there_to_learn(champion: Any) -> None:
    frame, contract = champion.rows
    task, target = champion.settings.task(contract), frame["target"]
    scores = {}
    for candidate in ladder(task, target):
        model = candidate.build(**candidate.initial_params[0])
        model.fit(frame.iloc[:600], target.iloc[:600])
        said = predict_scores(model, frame.iloc[600:], task.classes)
        scores[candidate.name] = task.measure(task.y_true(frame.iloc[600:]), said)
    assert min(scores["linear"], scores["trees"], scores["net"]) > scores["baseline"] + 0.03


@pytest.mark.ml_test("infrastructure", 3)
@pytest.mark.ml_test("monitoring", 3)
def test_the_own_table_ends_in_answers_that_are_the_pipelines(own_champion: Any) -> None:
    release = own_champion.release
    frame = own_champion.rows[0].head(100)
    with serving(own_champion.settings) as running:
        rows = to_records(frame[release.contract.features])
        answer = running.http.post("/predict", json={"rows": rows})
    assert answer.status_code == 200
    y_pred = predict_scores(release.model, frame, release.classes)
    for said, expected in zip(answer.json()["predictions"], y_pred, strict=True):
        if not release.classes:
            assert said["prediction"] == pytest.approx(expected, rel=1e-12)
        else:
            assert said["prediction"] in release.classes
            given = list(said["probabilities"].values())[-np.size(expected) :]
            assert np.atleast_1d(expected) == pytest.approx(given, rel=1e-12)


@pytest.mark.ml_test("infrastructure", 5)
def test_one_row_of_the_own_table_is_explained(own_champion: Any) -> None:
    features = set(own_champion.release.contract.features)
    rows = to_records(own_champion.rows[0][list(features)].head(3))
    with serving(own_champion.settings) as running:
        typical = running.http.get("/model").json()["typical_row"]
        for row in rows:
            said = running.http.post("/explain", json={"rows": [row]}).json()["reasons"]
            assert {reason["column"] for reason in said} <= features
            assert all(reason["value"] == row[reason["column"]] for reason in said)
            sizes = [abs(reason["moved"]) for reason in said]
            assert sizes == sorted(sizes, reverse=True)
        nothing = running.http.post("/explain", json={"rows": [typical]})
        assert nothing.json()["reasons"] == []


@pytest.mark.ml_test("infrastructure", 5)
def test_a_reason_is_the_change_of_the_answer(client: Any) -> None:
    typical = client.get("/model").json()["typical_row"]
    row = typical | {"usage": 80.0}
    why = client.post("/explain", json={"rows": [row]}).json()
    said = client.post("/predict", json={"rows": [row, typical]}).json()["predictions"]
    before, after = (one["probabilities"]["yes"] for one in said[::-1])
    (reason,) = why["reasons"]
    assert (reason["column"], reason["value"]) == ("usage", 80.0)
    assert reason["typical"] == pytest.approx(typical["usage"])
    assert reason["moved"] == pytest.approx(after - before)
    assert (why["typical"], why["probability"]) == (pytest.approx(before), pytest.approx(after))
    assert (why["of"], why["prediction"]) == ("yes", said[0]["prediction"])
