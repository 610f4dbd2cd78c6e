"""From a fitted pipeline to a form that answers one row fast, if it says what the pipeline says.

In: the pipeline, the contract, the classes, typed rows. Out: a `Compiled`, or why there is none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from ..data.contract import NUMERIC, Contract
from ..data.rows import to_frame, to_records, unseen_values
from ..estimators import LEAST, TemperatureScaledClassifier
from ..evaluation.scores import predict_scores
from .columns import UNSEEN, columns
from .layers import logistic, net, ridge
from .parts import Answer, Model, NotCompiled, Row
from .trees import trees
from .unseen import unseen

Score = float | list[float]
TOLERANCE = 1e-6
BASES = 5  # rows of which each column in turn is made odd
MODELS: dict[type, Callable[[Any], Model]] = {
    LogisticRegression: logistic,
    Ridge: ridge,
    MLPClassifier: net,
    MLPRegressor: net,
    HistGradientBoostingClassifier: lambda model: trees(model, regression=False),
    HistGradientBoostingRegressor: lambda model: trees(model, regression=True),
}


@dataclass(frozen=True)
class Compiled:
    """What answers one row of JSON values as `predict_scores` does, and how well that is known.

    score: the probability of the second of two classes, of each of more, or a number; None: the
    pipeline has to answer. why: in words for people. unseen: names the columns of a row whose value
    training never saw.
    """

    score: Callable[[Row], Score] | None
    why: str
    unseen: Callable[[Row], list[str]]


def compile_model(
    model: Any, contract: Contract, classes: tuple[str, ...], rows: pd.DataFrame
) -> Compiled:
    """Compile a pipeline, and compare the two on typed `rows` and on odd values in each column."""
    odd = unseen(contract)
    try:
        answer = _pipeline(model, contract)
        score = _in_order(answer, list(getattr(model, "classes_", ())), classes)
        form = Compiled(score, "", odd)
        count, apart, where = _compare(form, model, contract, classes, rows)
    except NotCompiled as error:
        return Compiled(None, f"the pipeline answers: {error} is not compiled", odd)
    except Exception as error:  # whatever an estimator of another kind makes this stumble over
        return Compiled(None, f"the pipeline answers: compiling failed, {error!r:.200}", odd)
    if where:
        why = f"the pipeline answers: compiled, {where} would be answered otherwise"
        return Compiled(None, why, odd)
    return replace(form, why=f"compiled; on {count:,} rows it differs by {apart:.0e} at most")


def _pipeline(model: Any, contract: Contract) -> Answer:
    if type(model) is not Pipeline:
        raise NotCompiled(type(model).__name__)
    *before, (_, last) = model.steps
    if not before:
        return _whole(last, contract)
    if len(before) > 1:
        raise NotCompiled("a pipeline of more than features and model")
    encode, answer = columns(before[0][1], contract), _model(last)
    return lambda row: answer(*encode(row))


def _whole(model: Any, contract: Contract) -> Answer:
    """Compile what has pipelines inside: the weighted mean of them, and what stands around it."""
    if type(model) is TemperatureScaledClassifier:
        inner, cool = _whole(model.estimator_, contract), _cooled(model.temperature)
        return lambda row: cool(inner(row))
    if type(model) not in (VotingClassifier, VotingRegressor):
        raise NotCompiled(type(model).__name__)
    if type(model) is VotingClassifier and model.voting != "soft":
        raise NotCompiled("a vote that is not soft")
    parts = [_pipeline(part, contract) for part in model.estimators_]
    given = np.ones(len(parts)) if model.weights is None else np.asarray(model.weights, float)
    weights = (given / given.sum()).tolist()

    def mean(row: Row) -> list[float]:
        said = [part(row) for part in parts]
        return [sum(w * one for w, one in zip(weights, ones)) for ones in zip(*said)]  # noqa: B905

    return mean


def _model(model: Any) -> Model:
    if type(model) is TemperatureScaledClassifier:
        inner, cool = _model(model.estimator_), _cooled(model.temperature)
        return lambda places, values: cool(inner(places, values))
    if type(model) is TransformedTargetRegressor:
        regressor, back = _model(model.regressor_), _back(model.transformer_)
        return lambda places, values: [back(regressor(places, values)[0])]
    if type(model) not in MODELS:
        raise NotCompiled(type(model).__name__)
    return MODELS[type(model)](model)


def _cooled(temperature: float) -> Callable[[list[float]], list[float]]:
    """Return what divides log-probabilities by a temperature (Guo et al., 2017)."""
    power = 1 / temperature

    def cool(shares: list[float]) -> list[float]:
        powers = [min(max(share, LEAST), 1.0) ** power for share in shares]
        total = sum(powers)
        return [one / total for one in powers]

    return cool


def _back(step: Any) -> Callable[[float], float]:
    """Return the way from a transformed target back to it."""
    if type(step) is FunctionTransformer and step.inverse_func is np.square:
        return lambda value: value * value
    if type(step) is StandardScaler and step.with_mean and step.with_std:
        mean, scale = float(step.mean_[0]), float(step.scale_[0])
        return lambda value: value * scale + mean
    raise NotCompiled(f"a target through a {type(step).__name__}")


def _in_order(answer: Answer, known: list[Any], classes: tuple[str, ...]) -> Callable[[Row], Score]:
    """Return the answer as `predict_scores` gives it; classes that are not known have none."""
    if not classes:
        return lambda row: answer(row)[0]
    places = [known.index(name) if name in known else None for name in classes]
    if len(classes) == 2:
        last = places[1]
        return lambda row: 0.0 if last is None else answer(row)[last]
    if places == list(range(len(known))):
        return answer

    def in_order(row: Row) -> list[float]:
        said = answer(row)
        return [0.0 if place is None else said[place] for place in places]

    return in_order


def _compare(
    form: Compiled, model: Any, contract: Contract, classes: tuple[str, ...], test: pd.DataFrame
) -> tuple[int, float, str]:
    """Return how many rows both were asked, how far apart they are, and where that is too far."""
    known = to_records(test[contract.features])
    rows = [*known, *odd_rows(contract, known)]
    frame = to_frame(contract, rows)
    expected, marks = predict_scores(model, frame, classes), unseen_values(contract, frame)
    assert form.score is not None
    found = np.array([form.score(row) for row in rows])
    near = np.isclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    alike = near if near.ndim == 1 else near.all(axis=1)
    for place, row in enumerate(rows):
        alike[place] &= form.unseen(row) == [name for name in marks if marks[name][place]]
    with np.errstate(invalid="ignore"):
        apart = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    first, where = int(alike.argmin()), ""
    if not alike.all():
        where = f"test row {first + 1}" if first < len(known) else "a row with an odd value"
    return len(rows), float(np.nanmax(apart, initial=0.0)), where


def odd_rows(contract: Contract, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return rows with each column in turn, then all of them, missing, unseen and extreme."""
    features = contract.with_role("feature")
    odd = {column.name: _odd(column) for column in features}
    found = [{**row, name: value} for row in rows[:BASES] for name in odd for value in odd[name]]
    for number in range(max(map(len, odd.values()), default=0)):
        found.append({name: values[number % len(values)] for name, values in odd.items()})
    return found


def _odd(column: Any) -> list[Any]:
    if column.kind in NUMERIC:
        low, high = column.minimum or 0.0, column.maximum or 0.0
        return [None, low, high, low - 1, high + 1, 0.0, -1e15, 1e15, -1e100, 1e100]
    if column.kind == "date":
        return [None, "1970-01-01T00:00:00", "1899-12-31T23:59:59", "2199-02-28T12:30:01"]
    return [None, UNSEEN, "", "ß 名 🎉", *(column.categories or ())[:50]]
