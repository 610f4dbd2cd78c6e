"""From rows of a request to answers: what the model says, how sure, and what was odd.

In: a loaded release and rows of JSON values. Out: JSON-ready answers, in the order of the rows;
why one of them is as it is; rows to try.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd

from ..data.rows import to_frame, to_records, unseen_values, validate
from ..evaluation.explain import explain
from ..evaluation.scores import predict_scores, probability_matrix
from ..ledger.database import now
from ..release.bundle import Release
from ..tables import Table
from .forms import Example, Explanation, Prediction, Reason
from .idempotency import Once
from .slot import LoadedModel

NEVER_SEEN = "{}: a value that training never saw"


def score(loaded: LoadedModel, table: Table) -> tuple[dict[str, list[Any]], dict[str, int]]:
    """Return the columns to write beside raw rows, as the service answers these.

    And by column how many values training never saw. Raises `DataError` as `validate` does.
    """
    contract = loaded.release.contract
    frame = validate(contract, table.frame, table.name, roles=("feature",))
    said = answers(loaded, to_records(frame))
    added: dict[str, list[Any]] = {"prediction": [one.prediction for one in said]}
    for name in loaded.release.classes:
        shares = [one.probabilities[name] for one in said if one.probabilities]
        added[f"probability of {name}"] = shares
    odd = unseen_values(contract, frame)
    return added, {name: int(marks.sum()) for name, marks in odd.items()}


def answers(loaded: LoadedModel, rows: list[dict[str, Any]]) -> list[Prediction]:
    """Return the prediction for each row."""
    if loaded.compiled.score is not None:
        return [_answer(loaded, row) for row in rows]
    release = loaded.release
    frame = to_frame(release.contract, rows)
    labels, y_pred = predict_labels(release, frame)
    shares: list[dict[str, float] | None] = [None] * len(rows)
    if release.classes:
        matrix = probability_matrix(y_pred).tolist()
        shares = [dict(zip(release.classes, row, strict=True)) for row in matrix]
    odd = unseen_values(release.contract, frame)
    return [
        Prediction(
            prediction=labels[i],
            probabilities=shares[i],
            warnings=[NEVER_SEEN.format(name) for name in odd if odd[name][i]],
        )
        for i in range(len(rows))
    ]


def _answer(loaded: LoadedModel, row: dict[str, Any]) -> Prediction:
    """Return the prediction for a row by the compiled form, which needs no frame."""
    release, compiled = loaded.release, loaded.compiled
    assert compiled.score is not None
    score, classes = compiled.score(row), release.classes
    shares = score if isinstance(score, list) else [1 - score, score]
    if not all(map(isfinite, shares)):
        raise FloatingPointError("the model's answer is no number")
    said: Any = score
    if classes:
        # Of two classes the second is the answer from a threshold on, which need not be a half.
        acted = shares[1] >= (release.evaluation.threshold or 0.0)
        said = classes[int(acted) if len(classes) == 2 else shares.index(max(shares))]
    return Prediction(
        prediction=said,
        probabilities=dict(zip(classes, shares, strict=True)) if classes else None,
        warnings=[NEVER_SEEN.format(name) for name in compiled.unseen(row)],
    )


def ledger_values(said: Prediction) -> dict[str, Any]:
    """Return what the ledger keeps of one prediction."""
    return {"prediction": str(said.prediction), "probabilities": said.probabilities}


def records(
    request_id: str,
    rows: list[dict[str, Any]],
    found: list[Prediction],
    loaded: LoadedModel,
    once: Once | None,
) -> list[dict[str, Any]]:
    """Return what the ledger keeps of a request; once: if it has a key."""
    shared = {"request_id": request_id, "created_at": now(), "version": loaded.version.number}
    shared |= {"body_sha256": once and once.body_sha256}
    return [
        shared
        | {"row": place, "inputs": row, "warnings": said.warnings if once else None}
        | ledger_values(said)
        for place, (row, said) in enumerate(zip(rows, found, strict=True))
    ]


def predict_labels(release: Release, frame: pd.DataFrame) -> tuple[list[Any], np.ndarray]:
    """Return the answer for typed rows (class names or floats), and the scores behind it.

    With two classes the positive one is answered from the threshold that earns the most.
    """
    y_pred = predict_scores(release.model, frame, release.classes)
    if not np.isfinite(y_pred).all():
        raise FloatingPointError("the model's answer is no number")
    if not release.classes:
        return y_pred.tolist(), y_pred
    if y_pred.ndim == 2:
        return [release.classes[k] for k in y_pred.argmax(axis=1)], y_pred
    chosen = (y_pred >= release.evaluation.threshold).astype(int)
    return [release.classes[k] for k in chosen], y_pred


def why(loaded: LoadedModel, row: dict[str, Any]) -> Explanation:
    """Return the prediction for one row, and by how much which columns moved it."""
    release = loaded.release
    frame, least = to_frame(release.contract, [row]), release.evaluation.visible
    found = explain(release.model, frame, loaded.typical_row, release.classes, least)
    return Explanation(
        version=loaded.version.number,
        prediction=predict_labels(release, frame)[0][0],
        of=found.of,
        probability=found.y_pred if release.classes else None,
        threshold=release.evaluation.threshold,
        typical=found.typical,
        reasons=[Reason(**vars(reason)) for reason in found.reasons],
    )


def shown(release: Release) -> list[Example]:
    """Return rows to try: a typical one, then the test rows from the lowest prediction up."""
    typical = Example(which="typical", row=_whole(release.manifest.typical_row))
    tested = reversed(release.evaluation.examples)
    return [typical, *(Example(which=one.which, row=_whole(one.row)) for one in tested)]


def _whole(row: Mapping[str, Any]) -> dict[str, Any]:
    """Write 3.0 as 3, as people would."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in row.items()
    }
