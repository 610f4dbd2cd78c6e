"""What is compiled says what the pipeline says, whatever comes; what is not recognised is left."""

import logging
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from ml_lifecycle.compiled import Compiled, compile, compile_model
from ml_lifecycle.data.contract import Column, Contract
from ml_lifecycle.data.rows import to_frame, to_records, unseen_values
from ml_lifecycle.estimators import TemperatureScaledClassifier
from ml_lifecycle.evaluation import Task
from ml_lifecycle.evaluation.scores import predict_scores
from ml_lifecycle.service.answer import answers
from ml_lifecycle.service.request import row_type
from ml_lifecycle.service.settings import ServiceSettings
from project.candidates import ladder
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

TASKS = {"binary": ("no", "yes"), "multiclass": ("high", "low", "mid"), "regression": None}
WORDS = ["late", "again", "ok", "refund", "名", "🎉"]
SMALL = {"max_iter": 25}
PARAMS: dict[str, list[dict[str, Any]]] = {
    "linear": [{"numbers": "linear", "strength": 1.0}, {"numbers": "quantile", "strength": 0.1}],
    "trees": [
        {"learning_rate": 0.1, "max_leaf_nodes": 16, "max_features": 0.5, **SMALL},
        {"learning_rate": 0.2, "max_leaf_nodes": 64, "min_samples_leaf": 2, **SMALL},
    ],
    "net": [{"numbers": "quantile", "units": 16, "alpha": 0.1, "max_iter": 8}],
}
CASES = [(name, number) for name, params in PARAMS.items() for number in range(len(params))]


def contract_of(task: str) -> Contract:
    classes = TASKS[task]
    kind: Any = "number" if classes is None else "category"
    return Contract(
        table={},
        columns=(
            Column(name="plan", kind="category", nullable=True, categories=("basic", "pro", "x")),
            Column(name="paid", kind="boolean", nullable=True, categories=("no", "yes")),
            Column(name="zone", kind="category", nullable=True, categories=("1", "2", "10")),
            Column(name="town", kind="category", nullable=True),
            Column(name="fee", kind="number", nullable=True, minimum=-5.0, maximum=400.0),
            Column(name="calls", kind="integer", nullable=True, minimum=0.0, maximum=30.0),
            Column(name="same", kind="number", nullable=True),
            Column(name="since", kind="date", nullable=True),
            Column(name="seen", kind="date", nullable=True),
            Column(name="note", kind="text", nullable=True),
            Column(name="target", kind=kind, role="target", categories=classes),
        ),
    )


def table(task: str, rows: int = 400) -> pd.DataFrame:
    """Return typed rows of each kind of column, with gaps, ties and long tails."""
    random = np.random.default_rng(7)
    moments = random.integers(1_500_000_000, 1_700_000_000, (2, rows)).astype("datetime64[s]")
    frame = pd.DataFrame(
        {
            "plan": random.choice(["basic", "pro", "x"], rows, p=[0.6, 0.38, 0.02]).astype(object),
            "paid": random.choice(["no", "yes"], rows).astype(object),
            "zone": random.choice(["1", "2", "10"], rows).astype(object),
            "town": np.array([f"town {n}" for n in random.integers(0, 90, rows)], dtype=object),
            "fee": random.lognormal(2, 1, rows).round(1),
            "calls": random.poisson(3, rows).astype("float64"),
            "same": np.full(rows, 2.5),
            "since": moments[0],
            "seen": moments[1],
            "note": [" ".join(random.choice(WORDS, 3)) for _ in range(rows)],
        }
    )
    score = frame["fee"].clip(upper=30) / 10 + (frame["plan"] == "pro") - frame["calls"] / 3
    score += frame["since"].dt.month / 6 + random.normal(0, 0.5, rows)
    for name in ("plan", "paid", "town", "fee", "calls", "since"):
        frame.loc[random.random(rows) < 0.1, name] = None
    if task == "regression":
        frame["target"] = np.exp(score)
    else:
        frame["target"] = pd.qcut(score, len(TASKS[task] or ()), labels=TASKS[task]).astype(object)
    return frame


def fitted(task: str, name: str, number: int) -> Any:
    """Return a candidate of the recipe, fitted."""
    frame, about = table(task), Task(contract_of(task))
    candidates = {one.name: one for one in ladder(about, frame["target"])}
    params = dict(PARAMS[name][number])
    if task == "regression":
        params["root"] = number % 2 == 0
    return candidates[name].build(**params).fit(frame, frame["target"])


def blend(task: str) -> Any:
    """Return a mean of three candidates, fitted as `select` builds it."""
    frame = table(task)
    about = Task(contract_of(task))
    candidates = {one.name: one for one in ladder(about, frame["target"])}
    parts = [
        (name, candidates[name].build(**PARAMS[name][0])) for name in ("linear", "trees", "net")
    ]
    weights = [0.25, 0.5, 0.25]
    votes: Any = VotingRegressor(parts, weights=weights)
    if task != "regression":
        votes = VotingClassifier(parts, voting="soft", weights=weights)
        votes = TemperatureScaledClassifier(votes, 1.3)
    return Pipeline([("model", votes)]).fit(frame, frame["target"])


def compiled(model: Any, task: str) -> Compiled:
    return compile_model(model, contract_of(task), TASKS[task] or (), table(task))


def typed(rows: list[dict[str, Any]], contract: Contract) -> list[dict[str, Any]]:
    """Return rows as the service hands them on, JSON values after validation."""
    kind = row_type(contract, ServiceSettings())
    return [kind.model_validate(row).model_dump(mode="json") for row in rows]


TEXTS = st.none() | st.text(max_size=20)
NUMBERS = st.none() | st.floats(-1e100, 1e100) | st.sampled_from([0.0, 2.5, -5.0, 400.0, 1e100])
MOMENTS = st.none() | st.datetimes(
    min_value=pd.Timestamp("1800-01-01").to_pydatetime(),
    max_value=pd.Timestamp("2200-01-01").to_pydatetime(),
).map(lambda moment: moment.isoformat())
ROW = st.fixed_dictionaries(
    {
        "plan": TEXTS | st.sampled_from(["basic", "pro", "x"]),
        "paid": st.sampled_from(["no", "yes", "perhaps", None]) | st.booleans(),
        "zone": TEXTS | st.sampled_from(["1", "2", "10", "1.0"]) | st.integers(0, 20),
        "town": TEXTS | st.integers(0, 99).map(lambda number: f"town {number}"),
        "fee": NUMBERS | st.floats(-10, 500),
        "calls": st.none() | st.integers(-10, 40).map(float) | st.just(1e100),
        "same": NUMBERS,
        "since": MOMENTS,
        "seen": MOMENTS,
        "note": TEXTS | st.lists(st.sampled_from(WORDS)).map(" ".join),
    }
)


def check(model: Any, task: str) -> None:
    """Assert that any rows are answered as the pipeline does, to nine digits."""
    contract, classes = contract_of(task), TASKS[task] or ()
    made = compiled(model, task)
    assert made.score is not None, made.why
    score = made.score

    @settings(max_examples=12, deadline=None, derandomize=True, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(st.lists(ROW, min_size=30, max_size=40))
    def agree(rows: list[dict[str, Any]]) -> None:
        known = typed(rows, contract)
        frame = to_frame(contract, known)
        expected = predict_scores(model, frame, classes)
        np.testing.assert_allclose([score(row) for row in known], expected, rtol=1e-9, atol=1e-9)
        marks = unseen_values(contract, frame)
        for place, row in enumerate(known):
            assert made.unseen(row) == [name for name in marks if marks[name][place]]

    agree()


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(("name", "number"), CASES)
def test_a_candidate_says_compiled_what_it_says(task: str, name: str, number: int) -> None:
    check(fitted(task, name, number), task)


@pytest.mark.parametrize("task", TASKS)
def test_a_blend_says_compiled_what_it_says(task: str) -> None:
    check(blend(task), task)


def test_one_calibrated_model_says_compiled_what_it_says() -> None:
    model = fitted("multiclass", "linear", 0)
    scaled = TemperatureScaledClassifier(model[1], 0.7)
    scaled.estimator_, scaled.classes_ = model[1], model[1].classes_
    check(Pipeline([("features", model[0]), ("model", scaled)]), "multiclass")


def test_a_class_that_no_row_had_gets_no_probability() -> None:
    model = fitted("binary", "linear", 0)
    frame, contract = table("binary"), contract_of("binary")
    made = compile_model(model, contract, ("maybe", "no", "yes"), frame)
    assert made.score is not None
    assert made.score(typed([{}], contract)[0])[0] == 0.0  # type: ignore[index]


def shifted(factor: float) -> Callable[..., Any]:
    """Plant an error: every answer is off by a little."""
    known = compile._in_order

    def plant(*given: Any) -> Any:
        score = known(*given)
        return lambda row: score(row) * factor

    return plant


def test_a_form_that_does_not_agree_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    model = fitted("binary", "trees", 0)
    monkeypatch.setattr(compile, "_in_order", shifted(1 + 1e-4))
    made = compiled(model, "binary")
    assert made.score is None
    assert "otherwise" in made.why


def test_a_form_that_is_wrong_of_one_odd_value_only_is_not_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model, known = fitted("binary", "linear", 0), compile._in_order

    def plant(*given: Any) -> Any:
        score = known(*given)
        return lambda row: 0.5 if row["fee"] == 1e100 else score(row)

    monkeypatch.setattr(compile, "_in_order", plant)
    assert "a row with an odd value" in compiled(model, "binary").why


@pytest.mark.parametrize("part", ["features", "model"])
def test_what_is_not_recognised_is_not_compiled(part: str) -> None:
    frame, model = table("binary"), fitted("binary", "linear", 0)
    if part == "model":
        other = KNeighborsClassifier().fit(model[0].transform(frame), frame["target"])
        model = Pipeline([("features", model[0]), ("model", other)])
    else:
        model[0].named_transformers_["number"].steps[-1] = ("scale", MinMaxScaler())
    made = compiled(model, "binary")
    assert made.score is None
    assert ("MinMaxScaler" if part == "features" else "KNeighbors") in made.why


@pytest.mark.parametrize("task", TASKS)
def test_answers_are_the_same_whichever_of_the_two_gives_them(task: str) -> None:
    model, contract, frame = fitted(task, "linear", 0), contract_of(task), table(task)
    evaluation = SimpleNamespace(threshold=0.3 if task == "binary" else None)
    release = SimpleNamespace(
        model=model, contract=contract, classes=TASKS[task] or (), evaluation=evaluation
    )
    known = to_records(frame[contract.features].tail(60))
    rows = [*known, *compile.odd_rows(contract, known[:2])]
    made = compiled(model, task)
    fast, slow = (
        answers(SimpleNamespace(release=release, compiled=form), rows)  # type: ignore[arg-type]
        for form in (made, replace(made, score=None))
    )
    for one, other in zip(fast, slow, strict=True):
        assert one.warnings == other.warnings
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-9)
        assert one.prediction == (
            other.prediction if release.classes else pytest.approx(other.prediction)
        )


def test_the_service_says_what_answers_and_why(
    champion: Any,
    serving: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    rows = {"rows": [dict(champion.release.manifest.typical_row)]}
    with serving(champion.copy(tmp_path / "compiled")) as running:
        assert running.http.get("/model").json()["compiled"] is True
        fast = running.http.post("/predict", json=rows).json()["predictions"]
    monkeypatch.setattr(compile, "_in_order", shifted(0.9))
    with caplog.at_level(logging.WARNING), serving(champion.copy(tmp_path / "other")) as running:
        told = running.http.get("/model").json()
        slow = [running.http.post("/predict", json=rows).json()["predictions"] for _ in range(3)]
    assert told["compiled"] is False
    assert "otherwise" in told["compiled_why"]
    assert [record for record in caplog.messages if "the pipeline answers" in record] == [
        f"version 1: {told['compiled_why']}"
    ]
    for said in slow:
        assert said[0]["prediction"] == fast[0]["prediction"]
        assert said[0]["probabilities"] == pytest.approx(fast[0]["probabilities"], abs=1e-9)
