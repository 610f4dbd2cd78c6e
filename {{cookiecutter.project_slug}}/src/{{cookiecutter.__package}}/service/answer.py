"""From rows of a request to answers: what the model says, how sure, and what was odd.

In: a loaded release and rows of JSON values. Out: JSON-ready answers, in the order of the rows;
why one of them is as it is; rows to try.
"""

from typing import Any

import numpy as np
import pandas as pd

from ..data.rows import frame_of, surprises
from ..evaluation.explain import explain
from ..evaluation.scores import chances, guess_of
from ..release.bundle import Release
from .slot import Loaded


def answers(loaded: Loaded, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return for each row: answer, probabilities (None for numbers) and warnings."""
    release = loaded.release
    frame = frame_of(release.contract, rows)
    labels, guess = label(release, frame)
    shares: list[dict[str, float] | None] = [None] * len(rows)
    if release.classes:
        shares = [dict(zip(release.classes, row, strict=True)) for row in chances(guess).tolist()]
    odd = surprises(release.contract, frame)
    return [
        {
            "answer": labels[i],
            "probabilities": shares[i],
            "warnings": [
                f"{name}: a value that training never saw" for name in odd if odd[name][i]
            ],
        }
        for i in range(len(rows))
    ]


def kept(said: dict[str, Any]) -> dict[str, Any]:
    """Return what the ledger keeps of one answer."""
    return {"answer": str(said["answer"]), "guess": said["probabilities"] or said["answer"]}


def label(release: Release, frame: pd.DataFrame) -> tuple[list[Any], np.ndarray]:
    """Return the answer for typed rows (class names or floats), and the guess behind it.

    With two classes the positive one is answered from the threshold that earns the most.
    """
    guess = guess_of(release.model, frame, release.classes)
    if not np.isfinite(guess).all():
        raise FloatingPointError("the model's answer is no number")
    if not release.classes:
        return guess.tolist(), guess
    if guess.ndim == 2:
        return [release.classes[k] for k in guess.argmax(axis=1)], guess
    chosen = (guess >= release.evaluation["threshold"]).astype(int)
    return [release.classes[k] for k in chosen], guess


def why(loaded: Loaded, row: dict[str, Any]) -> dict[str, Any]:
    """Return the prediction for one row, and by how much which columns moved it."""
    release = loaded.release
    frame = frame_of(release.contract, [row])
    least = release.evaluation.get("visible", 0.0)  # releases made before it do not know
    found = explain(release.model, frame, loaded.usual, release.classes, least)
    return {
        "version": loaded.version.number,
        "prediction": label(release, frame)[0][0],
        "of": found["of"],
        "probability": found["guess"] if release.classes else None,
        "threshold": release.evaluation["threshold"],
        "typical": found["typical"],
        "reasons": found["reasons"],
    }


def shown(release: Release) -> list[dict[str, Any]]:
    """Return rows to try: a typical one, then the test row with the lowest guess to the highest."""
    found = [{"which": "typical", "row": _whole(release.facts["usual"])}]
    for example in reversed(release.evaluation.get("examples", [])):
        if "row" in example:  # releases made before have none
            found.append({"which": example["which"], "row": _whole(example["row"])})
    return found


def _whole(row: dict[str, Any]) -> dict[str, Any]:
    """Write 3.0 as 3, as people would."""
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in row.items()
    }
