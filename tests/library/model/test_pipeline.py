"""Training repeats, models survive being written, and a table ends in an answer over HTTP."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from ml_lifecycle.data.rows import to_records
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.evaluation.task import Task
from ml_lifecycle.release import registry
from ml_lifecycle.release.bundle import FEATURES, TRUSTED, holdout
from ml_lifecycle.release.champion import champion as champion_of
from project.candidates import ladder
from project.lifecycle import ask_gate as promote
from project.training import train


@pytest.mark.ml_test("infrastructure", 1)
@pytest.mark.parametrize("remembered", [True, False])
def test_training_twice_gives_the_same_model(
    champion: Any, quiet: Any, tmp_path: Path, remembered: bool
) -> None:
    settings = champion.copy(tmp_path)
    if not remembered:
        shutil.rmtree(tmp_path / ".search")
    again = registry.fetch(train(*champion.rows, settings, quiet).version, settings)
    rows = holdout(champion.release)
    before, after = (predict_scores(r.model, rows, r.classes) for r in (champion.release, again))
    np.testing.assert_array_equal(before, after)
    assert again.lineage["test_sha256"] == champion.release.manifest.test_sha256
    for name, score in champion.release.evaluation.scores.items():
        assert again.evaluation.scores[name] == pytest.approx(score)
    verdict = promote(settings)
    assert verdict.verdict == "hold"
    assert champion_of(settings).number == 1


@pytest.mark.ml_test("infrastructure", 1)
def test_mlflow_can_tell_how_a_version_was_made(champion: Any) -> None:
    opened = registry.client(champion.settings)
    run = opened.get_run(champion.trained.version.run_id)
    lineage, evaluation = champion.release.lineage, champion.release.evaluation
    assert run.data.params["candidate"] == lineage["candidate"]
    for name in ("rows_sha256", "test_sha256", "git_commit", "lock_sha256"):
        assert run.data.tags[name] == lineage[name]
    score = evaluation.scores[evaluation.metric]["value"]
    assert run.data.metrics[evaluation.metric] == pytest.approx(score)
    history = opened.get_metric_history(run.info.run_id, "search_best")
    tries = sorted((step.step, step.value) for step in history)
    assert [value for _, value in tries] == [t["best"] for t in evaluation.search]
    files = {item.path for item in opened.list_artifacts(run.info.run_id)}
    assert files == {"release", "report.html", "model-card.md"}


@pytest.mark.ml_test("infrastructure", 2)
@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_every_candidate_is_the_same_after_it_was_written(
    typed: Any, kind: str, tmp_path: Path
) -> None:
    settings, (frame, contract) = typed(kind)
    task = Task(contract, settings)
    names = task.classes
    assert contract.task == kind
    for rung in ladder(task, frame["target"]):
        for knobs in rung.initial_params:
            model = rung.build(**knobs).fit(frame, frame["target"])
            skops.io.dump(model, tmp_path / "model.skops")
            asked = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
            assert {name for name in asked if not name.startswith(FEATURES)} <= set(TRUSTED)
            loaded = skops.io.load(tmp_path / "model.skops", trusted=asked)
            y_pred = predict_scores(model, frame, names)
            np.testing.assert_array_equal(predict_scores(loaded, frame, names), y_pred)
            assert y_pred.shape == ((len(frame), 3) if kind == "multiclass" else (len(frame),))
            assert np.isfinite(y_pred).all()


@pytest.mark.ml_test("infrastructure", 2)
def test_a_model_learns_what_is_there_to_learn(typed: Any) -> None:
    settings, (frame, contract) = typed("regression")
    scores = {}
    for rung in ladder(Task(contract, settings), frame["target"]):
        model = rung.build(**rung.initial_params[0]).fit(
            frame.iloc[:600], frame["target"].iloc[:600]
        )
        scores[rung.name] = model.score(frame.iloc[600:], frame["target"].iloc[600:])
    assert scores["baseline"] < 0.05
    assert min(scores["linear"], scores["trees"], scores["net"]) > 0.3


def answers_as_the_pipeline(champion: Any, serving: Any) -> None:
    release = champion.release
    frame = champion.rows[0].head(100)
    with serving(champion.settings) as running:
        rows = to_records(frame[release.contract.features])
        answer = running.http.post("/predict", json={"rows": rows})
        assert answer.status_code == 200
        assert len(answer.json()["predictions"]) == len(frame)
        for said, y_pred in zip(
            answer.json()["predictions"],
            predict_scores(release.model, frame, release.classes),
            strict=True,
        ):
            if not release.classes:
                assert said["prediction"] == pytest.approx(y_pred, rel=1e-12)
            else:
                assert said["prediction"] in release.classes
                given = list(said["probabilities"].values())
                assert np.atleast_1d(y_pred) == pytest.approx(given[-np.size(y_pred) :], rel=1e-12)


@pytest.mark.ml_test("infrastructure", 3)
@pytest.mark.ml_test("monitoring", 3)
def test_the_own_table_ends_in_answers_that_are_the_pipelines(
    own_champion: Any, serving: Any
) -> None:
    answers_as_the_pipeline(own_champion, serving)


@pytest.mark.ml_test("infrastructure", 3)
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_any_kind_of_target_ends_in_answers_that_are_the_pipelines(
    typed: Any, quiet: Any, serving: Any, kind: str
) -> None:
    settings, rows = typed(kind)
    trained = train(*rows, settings, quiet)
    verdict = promote(settings)
    assert verdict.verdict == "promote"
    champion = type("Given", (), {"settings": settings, "rows": rows})
    champion.release = settings.registry.fetch(trained.version)  # type: ignore[attr-defined]
    answers_as_the_pipeline(champion, serving)


@pytest.mark.ml_test("infrastructure", 5)
def test_one_row_is_explained(own_champion: Any, serving: Any) -> None:
    features = set(own_champion.release.contract.features)
    rows = to_records(own_champion.rows[0][list(features)].head(3))
    with serving(own_champion.settings) as running:
        usual = running.http.get("/model").json()["typical_row"]
        for row in rows:
            said = running.http.post("/explain", json={"rows": [row]}).json()["reasons"]
            assert {reason["column"] for reason in said} <= features
            assert all(reason["value"] == row[reason["column"]] for reason in said)
            sizes = [abs(reason["moved"]) for reason in said]
            assert sizes == sorted(sizes, reverse=True)
        nothing = running.http.post("/explain", json={"rows": [usual]})
        assert nothing.json()["reasons"] == []


@pytest.mark.ml_test("infrastructure", 5)
def test_a_reason_is_the_change_of_the_answer(client: Any) -> None:
    usual = client.get("/model").json()["typical_row"]
    row = usual | {"usage": 80.0}
    why = client.post("/explain", json={"rows": [row]}).json()
    said = client.post("/predict", json={"rows": [row, usual]}).json()["predictions"]
    before, after = (answer["probabilities"]["yes"] for answer in said[::-1])
    (reason,) = why["reasons"]
    assert (reason["column"], reason["value"]) == ("usage", 80.0)
    assert reason["typical"] == pytest.approx(usual["usage"])
    assert reason["moved"] == pytest.approx(after - before)
    assert (why["typical"], why["probability"]) == (pytest.approx(before), pytest.approx(after))
    assert (why["of"], why["prediction"]) == ("yes", said[0]["prediction"])
