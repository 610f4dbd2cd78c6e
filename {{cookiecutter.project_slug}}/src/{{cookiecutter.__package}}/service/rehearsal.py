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

from ..errors import CheckFailed
from ..evaluation.scores import chances
from ..ledger import Ledger
from ..release.bundle import Release, golden
from ..release.registry import Version
from ..settings import Settings
from .app import build
from .slot import Slot, ready


def rehearse(release: Release, settings: Settings) -> float:
    """Let the service answer the golden rows; return the median milliseconds of one row.

    The application is the real one, on a ledger that is thrown away; only the socket is missing.

    Raises:
        CheckFailed: a golden row is not answered as it was when trained.

    """
    slot = SimpleNamespace(loaded=ready(Version(0, ""), release), refresh=lambda: None)
    rows, guess = golden(release)
    with tempfile.TemporaryDirectory() as folder, Ledger(f"sqlite:///{Path(folder)}/l.db") as own:
        app = build(settings, cast(Slot, slot), own, keys=[])
        answers, seconds = anyio.run(_ask, app, rows)
    for number, (answer, expected) in enumerate(zip(answers, guess, strict=True), 1):
        said = np.asarray(list((answer["probabilities"] or {"": answer["answer"]}).values()))
        known = chances(np.asarray([expected]))[0] if release.classes else np.asarray([expected])
        if not np.allclose(said, known, rtol=1e-9, atol=1e-12):
            raise CheckFailed(f"golden row {number}: the service answers otherwise than trained")
    return float(np.median(seconds)) * 1000


async def _ask(app: Any, rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[float]]:
    way = httpx.ASGITransport(app=app)
    found: list[dict[str, Any]] = []
    seconds: list[float] = []
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=way, base_url="http://rehearsal") as client,
    ):
        for row in rows:
            started = time.perf_counter()
            answer = await client.post("/predict", json={"rows": [row]})
            seconds.append(time.perf_counter() - started)
            if answer.status_code != 200:
                raise CheckFailed(f"golden row {len(found) + 1}: the service says {answer.text}")
            found.append(answer.json()["predictions"][0])
    return found, seconds
