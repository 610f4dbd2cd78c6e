"""The challenger of a rollout beside the champion, if there is one: asked, counted, and sent back.

In: requests. Out: which model answers each, what the other would have said (`shadows` in the
ledger), and the end of the rollout when errors, latency or outcomes break the budget.
"""

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from anyio import to_thread

from ..errors import CheckFailed
from ..ledger.database import Ledger, now
from ..release.bundle import Release
from .answer import answers, ledger_values
from .forms import Prediction
from .guardrails import guardrail_violation, loss_guardrail
from .rollout import Rollout, active, chosen, end
from .settings import RolloutSettings, ServiceSettings
from .slot import LoadedModel, ready

log = logging.getLogger(__name__)
SELDOM = 15  # refreshes between two looks at the outcomes, which are many rows
MOST = 100  # requests that wait for the model that did not answer; more are not asked
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Budget:
    """What a challenger may cost, and the latency that [gate] allows."""

    rollout: RolloutSettings
    max_latency_ms: float


class Canary:
    """Holds the challenger of a rollout, what it has cost so far, and who waits for it."""

    def __init__(
        self,
        fetch: Callable[..., Release],
        ledger: Ledger,
        service: ServiceSettings,
        budget: Budget,
    ) -> None:
        """Begin without a rollout; `refresh` finds one. fetch: as `Registry.fetch`."""
        self.fetch, self.ledger, self.service, self.budget = fetch, ledger, service, budget
        self.counting = threading.Lock()  # requests are worked on in several threads
        self.waiting: asyncio.Queue[tuple[str, Rows, LoadedModel]] = asyncio.Queue(MOST)
        self._take(None, None)

    def _take(self, on: Rollout | None, loaded: LoadedModel | None) -> None:
        with self.counting:
            self.asked, self.failed, self.outcomes_at = 0, 0, 0.0
            self.seconds: deque[float] = deque(maxlen=50)
            self.rollout, self.loaded = on, loaded

    def refresh(self, champion: LoadedModel) -> None:
        """Follow the ledger, and end the rollout if a budget is broken."""
        found = active(self.ledger)
        if found != self.rollout:
            self._begin(found)
        if self.rollout is None or self.loaded is None:
            return
        with self.counting:
            cost = self.failed, self.asked, list(self.seconds)
        broken = guardrail_violation(*cost, self.budget.rollout, self.budget.max_latency_ms)
        if not broken and time.monotonic() >= self.outcomes_at:
            self.outcomes_at = time.monotonic() + SELDOM * self.service.refresh_seconds
            broken = loss_guardrail(
                self.ledger, self.rollout, champion.release, self.budget.rollout
            )
        if broken:
            self._end(self.rollout, broken)

    def _begin(self, found: Rollout | None) -> None:
        self._take(None, None)
        if found is None:
            return
        try:
            # The watch has a champion to follow, too: what does not come now is asked for again.
            release = self.fetch(found.version, seconds=10)
            loaded = ready(found.version, release, self.service)
        except CheckFailed as error:
            self._end(found, f"it cannot be loaded: {error}")
        else:
            self._take(found, loaded)
            log.warning("version %s is in a rollout", found.version.number)

    def _end(self, on: Rollout, reason: str) -> None:
        end(self.ledger, on, reason)
        log.error("version %s is out of its rollout: %s", on.version.number, reason)
        self._take(None, None)

    def route(
        self, request_id: str, champion: LoadedModel
    ) -> tuple[LoadedModel, LoadedModel | None]:
        """Return the model that answers, and the other one if it is to be asked too."""
        on, loaded = self.rollout, self.loaded
        if on is None or loaded is None or not chosen(request_id, on.share):
            return champion, None
        return (loaded, champion) if on.mode == "canary" else (champion, loaded)

    def answer(
        self, first: LoadedModel, champion: LoadedModel, rows: Rows
    ) -> tuple[list[Prediction], LoadedModel]:
        """Return the answers and who gave them: the champion where a canary fails."""
        if first is not champion:
            try:
                return self._counted(first, rows), first
            except Exception as error:  # a canary's failure is never the caller's
                log.error("version %s failed: %s", first.version.number, type(error).__name__)
        return answers(champion, rows), champion

    def _counted(self, loaded: LoadedModel, rows: Rows) -> list[Prediction]:
        """Ask the challenger, and count what that costs when it is over."""
        started = time.perf_counter()
        try:
            found = answers(loaded, rows)
        except Exception:
            self._count(loaded, failed=1)
            raise
        self._count(loaded, (time.perf_counter() - started) / len(rows))
        return found

    def _count(self, loaded: LoadedModel, *seconds: float, failed: int = 0) -> None:
        with self.counting:
            if loaded is self.loaded:  # else its rollout is over
                self.asked, self.failed = self.asked + 1, self.failed + failed
                self.seconds.extend(seconds)

    def ask_later(self, request_id: str, rows: Rows, other: LoadedModel) -> None:
        """Ask the other model when there is time; a rollout never keeps a caller waiting."""
        if not self.waiting.full():
            self.waiting.put_nowait((request_id, rows, other))

    async def run(self) -> None:
        """Ask the models that did not answer, one request at a time, until cancelled."""
        # A queue stays with the event loop that first waited for it: each life has its own.
        self.waiting = asyncio.Queue(MOST)
        while True:
            asked = await self.waiting.get()
            try:
                await to_thread.run_sync(self._shadow, *asked)
            except Exception as error:  # the rollout must outlive a ledger that fails for a moment
                log.error("a shadow was not written: %s", error)

    def _shadow(self, request_id: str, rows: Rows, other: LoadedModel) -> None:
        shared: dict[str, Any] = {
            "request_id": request_id,
            "created_at": now(),
            "version": other.version.number,
        }
        started, error = time.perf_counter(), None
        said: list[dict[str, Any]] = [{"prediction": None, "probabilities": None}] * len(rows)
        try:
            # A canary that failed is asked again to record why, and was counted then.
            shadow = self.rollout is not None and self.rollout.mode == "shadow"
            counted = shadow and other is self.loaded
            found = self._counted(other, rows) if counted else answers(other, rows)
            said = [ledger_values(answer) for answer in found]
        except Exception as raised:  # recorded: it is what the rollout is for
            error = type(raised).__name__
        shared |= {
            "latency_seconds": (time.perf_counter() - started) / len(rows),
            "error_type": error,
        }
        self.ledger.write_shadows(
            [shared | {"row": place} | answer for place, answer in enumerate(said)]
        )
