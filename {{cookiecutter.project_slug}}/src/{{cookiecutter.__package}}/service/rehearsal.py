"""A release tried in the real service before it may serve: same parsing, same answers, same time.

In: a verified release. Out: milliseconds of one row over HTTP, or why it does not answer.
"""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import anyio
import httpx
import numpy as np

from ..data.contract import Contract
from ..errors import CheckFailed
from ..evaluation.scores import probability_matrix
from ..ledger import Ledger
from ..release.bundle import Release, golden
from ..release.registry import Version
from ..settings import Settings
from .app import build
from .request import spellings
from .slot import Slot, ready


def rehearse(release: Release, settings: Settings) -> float:
    """Let the service answer the golden rows, in each way that JSON can spell them.

    Returns the median milliseconds of one row.

    The application is the real one, on a ledger that is thrown away; only the socket is missing.

    Raises:
        CheckFailed: a golden row is not answered as it was when trained.

    """
    slot = SimpleNamespace(
        loaded=ready(Version(0, ""), release, settings.service), refresh=lambda: None
    )
    rows, y_pred = golden(release)
    with tempfile.TemporaryDirectory() as folder, Ledger(f"sqlite:///{Path(folder)}/l.db") as own:
        app = build(settings, cast(Slot, slot), own, keys=[])
        answers, seconds = anyio.run(_ask, app, rows, release.contract)
    for number, (forms, expected) in enumerate(zip(answers, y_pred, strict=True), 1):
        known = (
            probability_matrix(np.asarray([expected]))[0]
            if release.classes
            else np.asarray([expected])
        )
        for answer, how in zip(forms, ("", ", typed", ", as text"), strict=True):
            said = np.asarray(
                list((answer["probabilities"] or {"": answer["prediction"]}).values())
            )
            if not np.allclose(said, known, rtol=1e-9, atol=1e-12):
                text = f"golden row {number}{how}: the service answers otherwise than trained"
                raise CheckFailed(text)
    return float(np.median(seconds)) * 1000


async def _ask(
    app: Any, rows: list[dict[str, Any]], contract: Contract
) -> tuple[list[list[dict[str, Any]]], list[float]]:
    """Return the answers to each row in each of its spellings, and the seconds of the first."""
    way = httpx.ASGITransport(app=app)
    found: list[list[dict[str, Any]]] = []
    seconds: list[float] = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=way, base_url="http://rehearsal") as client,
    ):
        for row in rows:
            said: list[dict[str, Any]] = []
            for form in spellings(row, contract):
                started = time.perf_counter()
                answer = await client.post("/predict", json={"rows": [form]})
                seconds += [] if said else [time.perf_counter() - started]
                if answer.status_code != 200:
                    place = f"golden row {len(found) + 1}"
                    raise CheckFailed(f"{place}: the service says {answer.text[:500]}")
                said.append(answer.json()["predictions"][0])
            found.append(said)
    return found, seconds
