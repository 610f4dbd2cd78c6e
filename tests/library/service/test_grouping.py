"""Requests that are answered together are answered as if alone, and none takes another along."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.http import QueueFull, Threads
from ml_lifecycle.service.forms import Prediction
from ml_lifecycle.service.grouping import MOST_ROWS, Grouping

Rows = list[dict[str, Any]]
HANGS, FAILS = "hangs", "fails"


class Model:
    """Something that is asked: it counts, fails and hangs as the rows say."""

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.go_on = threading.Event()

    def __call__(self, first: Any, champion: Any, rows: Rows) -> Any:
        self.calls.append(len(rows))
        if any(row["x"] == HANGS for row in rows):
            self.go_on.wait(30)
        if any(row["x"] == FAILS for row in rows):
            raise FloatingPointError("no number")
        said = [Prediction(prediction=str(r["x"]), probabilities=None, warnings=[]) for r in rows]
        return said, first


def asked_at_once(
    requests: list[list[Any]], model: Model, deadline: float = 10.0, champion: Any = "champion"
) -> list[Any]:
    """Return what each of some requests, made at once, is answered: words or an exception."""

    async def ask() -> list[Any]:
        grouping = Grouping(model, deadline, Threads())

        async def one(values: list[Any]) -> list[str]:
            async with asyncio.timeout(deadline):
                found, _ = await grouping.ask("champion", champion, [{"x": x} for x in values])  # type: ignore[arg-type]
            return [str(said.prediction) for said in found]

        found = await asyncio.gather(*map(one, requests), return_exceptions=True)
        model.go_on.set()
        return found

    return asyncio.run(ask())


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(), min_size=1, max_size=300), min_size=1, max_size=30))
def test_each_request_gets_its_own_answers_in_its_order(requests: list[list[int]]) -> None:
    model = Model()
    found = asked_at_once(requests, model)
    assert found == [[str(value) for value in values] for values in requests]
    assert sum(model.calls) == sum(map(len, requests)), "each row is asked once"
    assert max(model.calls) <= MOST_ROWS


def test_those_who_come_while_the_model_is_busy_share_a_call() -> None:
    model = Model()
    asked_at_once([[n] for n in range(100)], model)
    assert len(model.calls) < 10


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from([1, 2, FAILS]), min_size=1, max_size=30))
def test_only_the_request_that_is_to_blame_fails(values: list[Any]) -> None:
    found = asked_at_once([[value] for value in values], Model())
    for value, said in zip(values, found, strict=True):
        assert isinstance(said, FloatingPointError) if value == FAILS else said == [str(value)]


def test_a_call_that_hangs_is_given_up_and_the_others_are_answered() -> None:
    requests: list[list[Any]] = [[n] for n in range(20)]
    requests[7] = [HANGS]
    found = asked_at_once(requests, Model(), deadline=1.0)
    assert isinstance(found.pop(7), TimeoutError)
    assert found == [[str(n)] for n in range(20) if n != 7]


def test_a_challenger_is_asked_by_the_request() -> None:
    model = Model()
    asked_at_once([[n] for n in range(20)], model, champion="another")
    assert model.calls == [1] * 20


def test_who_would_wait_longer_than_anybody_waits_is_refused_at_once() -> None:
    async def ask() -> list[Any]:
        model = Model()
        grouping = Grouping(model, 1.0, Threads())
        grouping.seconds = 0.1  # of a row: five may wait
        hung = [asyncio.create_task(grouping.ask("a", "b", [{"x": HANGS}])) for _ in range(20)]  # type: ignore[arg-type]
        await asyncio.sleep(0)
        found = [task for task in hung if task.done() and task.exception()]
        assert {type(task.exception()) for task in found} == {QueueFull}
        assert len(found) == 20 - grouping.lanes - 6
        model.go_on.set()
        return await asyncio.gather(*hung, return_exceptions=True)

    assert sum(not isinstance(one, QueueFull) for one in asyncio.run(ask()))


def test_threads_that_were_given_up_are_bounded() -> None:
    never = threading.Event()

    async def ask() -> None:
        threads = Threads()
        for _ in range(64):
            with pytest.raises(TimeoutError):
                await threads.call(0.001, never.wait, 30)
        with pytest.raises(QueueFull):
            await threads.call(1, print)
        never.set()
        async with asyncio.timeout(10):
            while threads.alive:
                await asyncio.sleep(0.001)
        assert await threads.call(10, abs, -1) == 1

    asyncio.run(ask())


class Hanging:
    """A champion's pipeline that waits where a row says so."""

    def __init__(self, pipeline: Any, go_on: threading.Event) -> None:
        self.pipeline, self.go_on, self.calls = pipeline, go_on, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pipeline, name)

    def predict_proba(self, frame: Any) -> np.ndarray:
        self.calls += 1
        if (frame["plan"] == HANGS).any():
            self.go_on.wait(30)
        return np.asarray(self.pipeline.predict_proba(frame))


@pytest.fixture
def hanging(champion: Any, tmp_path: Path, over_http: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The real service over HTTP, of a champion that is not compiled and may hang."""
    from ml_lifecycle.service import slot

    go_on, made = threading.Event(), slot.ready

    def ready(*given: Any) -> Any:
        loaded = made(*given)
        release = replace(loaded.release, model=Hanging(loaded.release.model, go_on))
        return replace(loaded, release=release, compiled=replace(loaded.compiled, score=None))

    monkeypatch.setattr(slot, "ready", ready)
    own = champion.copy(tmp_path)
    service = own.service.model_copy(update={"deadline_seconds": 1.0})
    with over_http(own.model_copy(update={"service": service})) as http:
        yield http, go_on


def test_where_a_model_hangs_it_is_said_in_time_and_all_else_is_answered(hanging: Any) -> None:
    http, go_on = hanging
    row = http.get("/model").json()["typical_row"]
    statuses: list[int] = []

    def stuck(path: str) -> None:
        body = {"rows": [row | {"plan": HANGS}]}
        statuses.append(http.post(path, json=body).status_code)

    asking = [threading.Thread(target=stuck, args=[p]) for p in ("/predict", "/explain") * 3]
    for thread in asking:
        thread.start()
    fine: Callable[[], Any] = lambda: http.post("/predict", json={"rows": [row]}).status_code  # noqa: E731
    assert [http.get("/health/live").status_code, fine(), fine()] == [200] * 3
    for thread in asking:
        thread.join()
    assert statuses == [504] * 6
    assert fine() == 200
    go_on.set()
