"""A release tried in the real service before it may serve: same parsing, same answers, same time.

In: a verified release, and the application's builder. Out: milliseconds of one row over HTTP, or
why it does not answer.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import numpy as np
from fastapi import FastAPI

from ..data.contract import Contract
from ..errors import CheckFailed
from ..evaluation.scores import probability_matrix
from ..ledger.database import Ledger
from ..release.bundle import Golden, Release, golden
from ..release.registry import Version
from .canary import Budget, Canary
from .request import spellings
from .server import ModelServer
from .settings import RolloutSettings, ServiceSettings
from .slot import Slot, ready

Said = dict[str, Any]


def rehearse(
    release: Release, service: ServiceSettings, build: Callable[[ModelServer], FastAPI]
) -> float:
    """Let the service answer the golden rows, in each way that JSON can spell them.

    build: returns the real application, which runs on a ledger that is thrown away; only the
    socket is missing. Returns the median milliseconds of one row.

    Raises:
        CheckFailed: a golden row is not answered as it was when trained.

    """

    def load(_: Version) -> Any:
        raise AssertionError("a rehearsal has one version")

    known = golden(release)
    with tempfile.TemporaryDirectory() as folder, Ledger(f"sqlite:///{Path(folder)}/l.db") as own:
        slot = Slot(ready(Version(0, ""), release, service), own, load)
        canary = Canary(load, own, service, Budget(RolloutSettings(), np.inf))
        app = build(ModelServer(slot, canary, own, service))
        answers, seconds = anyio.run(_ask, app, known.rows, release.contract)
    _compare(answers, known, bool(release.classes))
    return float(np.median(seconds)) * 1000


def _compare(answers: list[list[Said]], known: Golden, classes: bool) -> None:
    for number, (forms, y_pred) in enumerate(zip(answers, known.y_pred, strict=True), 1):
        one = np.asarray([y_pred])
        expected = probability_matrix(one)[0] if classes else one
        for answer, how in zip(forms, ("", ", typed", ", as text"), strict=True):
            said = list((answer["probabilities"] or {"": answer["prediction"]}).values())
            if not np.allclose(np.asarray(said), expected, rtol=1e-9, atol=1e-12):
                text = f"golden row {number}{how}: the service answers otherwise than trained"
                raise CheckFailed(text)


async def _ask(
    app: Any, rows: list[Said], contract: Contract
) -> tuple[list[list[Said]], list[float]]:
    """Return the answers to each row in each of its spellings, and the seconds of the first."""
    way = httpx.ASGITransport(app=app)
    found: list[list[Said]] = []
    seconds: list[float] = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=way, base_url="http://rehearsal") as client,
    ):
        for row in rows:
            said: list[Said] = []
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
