"""The recipe's ladder on each kind of target: written, read, and answered over HTTP."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
import world
from ml_lifecycle.data.rows import to_records
from ml_lifecycle.evaluation.scores import predict_scores
from project.candidates import TRUST, ladder


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_every_candidate_is_the_same_after_it_was_written(
    typed: Any, kind: str, tmp_path: Path
) -> None:
    settings, (frame, contract) = typed(kind)
    task = settings.task(contract)
    assert contract.task == kind
    for rung in ladder(task, frame["target"]):
        for params in rung.initial_params:
            model = rung.build(**params).fit(frame, frame["target"])
            skops.io.dump(model, tmp_path / "model.skops")
            asked = skops.io.get_untrusted_types(file=tmp_path / "model.skops")
            assert all(TRUST.allows(name) for name in asked)
            loaded = skops.io.load(tmp_path / "model.skops", trusted=asked)
            y_pred = predict_scores(model, frame, task.classes)
            np.testing.assert_array_equal(predict_scores(loaded, frame, task.classes), y_pred)
            assert y_pred.shape == ((len(frame), 3) if kind == "multiclass" else (len(frame),))
            assert np.isfinite(y_pred).all()


@pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
def test_any_kind_of_target_ends_in_answers_that_are_the_pipelines(
    typed: Any, champion: world.Champion, serving: Any, kind: str
) -> None:
    served = champion if kind == "binary" else world.crown(*typed(kind))
    release, frame = served.release, served.rows[0].head(100)
    with serving(served.settings) as running:
        rows = to_records(frame[release.contract.features])
        answer = running.http.post("/predict", json={"rows": rows})
    assert answer.status_code == 200
    predictions = answer.json()["predictions"]
    y_preds = predict_scores(release.model, frame, release.classes)
    for said, y_pred in zip(predictions, y_preds, strict=True):
        if not release.classes:
            assert said["prediction"] == pytest.approx(y_pred, rel=1e-12)
        else:
            assert said["prediction"] in release.classes
            given = list(said["probabilities"].values())
            assert np.atleast_1d(y_pred) == pytest.approx(given[-np.size(y_pred) :], rel=1e-12)
