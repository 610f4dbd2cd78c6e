"""In production nothing is open that nobody opened, and the log holds no value of a row."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ml_lifecycle.service import slot

SECRET = "do-not-write-me-down"
PATHS = ("/metrics", "/docs", "/redoc", "/openapi.json")


def statuses(serving: Any, own: Any, key: str, **service: bool) -> dict[str, int]:
    own = own.model_copy(update={"service": own.service.model_copy(update=service)})
    with serving(own, [b"a-key"]) as running:
        headers = {"X-API-Key": key}
        return {path: running.http.get(path, headers=headers).status_code for path in PATHS}


def test_docs_and_metrics_are_closed_in_production_unless_opened(
    champion: Any, serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = champion.copy(tmp_path)
    assert statuses(serving, own, "")["/metrics"] == 200, "outside production Prometheus may look"
    monkeypatch.setenv("ENVIRONMENT", "production")
    assert set(statuses(serving, own, "").values()) == {401}
    assert [*statuses(serving, own, "a-key").values()] == [200, 404, 404, 404]
    opened = {"open_docs": True, "open_metrics": True}
    assert [*statuses(serving, own, "a-key", **opened).values()] == [200] * 4
    assert statuses(serving, own, "", **opened)["/metrics"] == 200


def test_beyond_its_rate_a_caller_is_told_when_to_come_again(
    champion: Any, serving: Any, tmp_path: Path
) -> None:
    own = champion.copy(tmp_path)
    service = own.service.model_copy(update={"rate_per_second": 0.01})
    with serving(own.model_copy(update={"service": service}), [b"one", b"two"]) as running:

        def ask(key: str, path: str = "/model") -> Any:
            return running.http.get(path, headers={"X-API-Key": key})

        assert [ask("one").status_code, ask("two").status_code] == [200, 200]
        again = ask("one")
        assert again.status_code == 429
        assert 90 <= int(again.headers["Retry-After"]) <= 100
        assert [ask("one", path).status_code for path in ("/ping", "/health/ready")] == [200] * 2


class Talking:
    """A pipeline that repeats in its error what it was asked."""

    def __init__(self, pipeline: Any) -> None:
        self.pipeline = pipeline

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)

    def predict_proba(self, frame: Any) -> np.ndarray:
        raise ValueError(f"cannot read {frame.iloc[0].to_dict()}")


@pytest.mark.parametrize("path", ["/predict", "/explain", "/what-if"])
def test_what_was_sent_is_in_no_log_and_no_answer_when_the_model_fails(
    champion: Any, over_http: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], path: str,
) -> None:  # fmt: skip
    made = slot.ready

    def ready(*given: Any) -> Any:
        loaded = made(*given)
        release = replace(loaded.release, model=Talking(loaded.release.model))
        return replace(loaded, release=release, compiled=replace(loaded.compiled, score=None))

    monkeypatch.setattr(slot, "ready", ready)
    with over_http(champion.copy(tmp_path)) as http:
        row = http.get("/model").json()["typical_row"] | {"plan": SECRET}
        answer = http.post(path, json={"rows": [row]})
    said = capfd.readouterr()
    assert answer.status_code == 500
    assert SECRET not in answer.text + caplog.text + said.out + said.err
    assert "ValueError at line" in caplog.text
