"""A model behind HTTP: one object that answers, keeps what it said, and follows the champion.

In: the champion (slot), a challenger (canary), the ledger (writer). Out: what routes answer. A
prediction is given after it is committed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from secrets import token_hex
from typing import Any

import pandas as pd
from anyio import to_thread
from fastapi import HTTPException
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from ..data.rows import as_json
from ..evaluation.outcome_file import labels
from ..http import Metrics, Threads
from ..ledger import Ledger, Outcome, take_outcomes
from ..ledger.traffic import MINUTE, Tally
from ..platforms import CSV, JSON, answer_type, as_csv, from_invocation
from ..release.registry import Registry
from .answer import records, shown, why
from .bodies import parse, refused, rows_of
from .canary import Budget, Canary
from .forms import Described, Explanation, Invocation, Outcomes, Prediction, Predictions, Taken
from .grouping import Grouping
from .idempotency import NAME, Once
from .request import row_type
from .settings import RolloutSettings, ServiceSettings
from .slot import LoadedModel, Slot, open_slot
from .writer import Writer

log = logging.getLogger(__name__)
FEW = 50  # rows that a compiled model answers sooner than a thread takes to begin
LONGEST = 60.0  # seconds between two looks while the ledger or the registry is down


class ModelServer:
    """The champion and its challenger, the writer before the ledger, and the watch over them."""

    def __init__(
        self, slot: Slot, canary: Canary, ledger: Ledger, service: ServiceSettings
    ) -> None:
        """Begin to answer when `lifespan` is entered."""
        self.slot, self.canary, self.ledger, self.service = slot, canary, ledger, service
        self.writer = Writer(ledger, service.queue_rows)
        self.tally = Tally()
        self.ending = False  # no longer ready
        self.metrics = Metrics()
        self.metrics.gauge("model_version", "Version that serves", lambda: self.version)
        self.metrics.gauge("rollout_version", "Version in a rollout, 0 if none", self._rollout)
        self.threads = Threads()
        self.grouping = Grouping(canary.answer, service.deadline_seconds, self.threads)

    @classmethod
    def open(
        cls,
        registry: Registry,
        ledger: Ledger,
        service: ServiceSettings,
        rollout: RolloutSettings,
        max_latency_ms: float,
    ) -> "ModelServer":
        """Return a server of the champion; raises as `open_slot`."""
        canary = Canary(registry.fetch, ledger, service, Budget(rollout, max_latency_ms))
        return cls(open_slot(registry, ledger, service), canary, ledger, service)

    @property
    def version(self) -> int:
        """The number of the version that serves."""
        return self.slot.loaded.version.number

    def end(self) -> None:
        """Be no longer ready, and go on answering."""
        self.ending = True

    def _rollout(self) -> int:
        return self.canary.rollout.version.number if self.canary.rollout else 0

    @asynccontextmanager
    async def lifespan(self, _: Any) -> AsyncIterator[None]:
        """Write and watch while the application lives."""
        self.writer.start()
        tasks = [asyncio.create_task(self._watch()), asyncio.create_task(self.canary.run())]
        yield
        for task in tasks:
            task.cancel()
        self.writer.stop()
        with suppress(SQLAlchemyError):  # not written is no reason not to end
            self.tally.write(self.ledger, self.version, 0)

    async def _watch(self) -> None:
        """Follow the ledger's word on who serves and which challenger tries, until cancelled."""
        pause = self.service.refresh_seconds
        while True:
            await asyncio.sleep(pause)
            try:
                # A database that hangs must not keep the process from ending.
                await to_thread.run_sync(self._look, abandon_on_cancel=True)
                pause = self.service.refresh_seconds
            except Exception as error:  # the watch must outlive whatever goes wrong in one round
                pause = min(2 * pause, LONGEST)
                log.error("no look at who serves, again in %.0f s: %s", pause, error)

    def _look(self) -> None:
        before = self.version
        try:
            self.slot.refresh()
        finally:
            self.canary.refresh(self.slot.loaded)
        self.tally.write(self.ledger, before, MINUTE if before == self.version else 0)

    async def predict_once(self, body: bytes, key: str | None) -> Predictions:
        """Answer as `predict` does; what came before with the same key, as it was answered then.

        Raises:
            HTTPException: 422 the key came before with another body; and as `predict`.

        """
        with self.tally.counted():
            if key is None:
                return await self.predict(body)
            once = Once.of(key, body)
            said = await self._said(once)
            if said is None:
                try:
                    return await self.predict(body, once)
                except IntegrityError:  # answered meanwhile, here or by another replica
                    said = await self._said(once)
                    if said is None:
                        raise
            return said

    async def _said(self, once: Once) -> Predictions | None:
        try:
            async with asyncio.timeout(self.service.deadline_seconds):
                return await to_thread.run_sync(once.said, self.ledger, abandon_on_cancel=True)
        except TimeoutError:
            raise HTTPException(504, "the ledger did not answer in time") from None

    async def predict(self, body: bytes, once: Once | None = None) -> Predictions:
        """Answer the rows of a body; return when the predictions are on disk.

        Raises:
            HTTPException: 422 a row breaks the contract, 503 too many rows wait, 504 no answer
                within the deadline.

        """
        champion, request_id = self.slot.loaded, once.request_id if once else token_hex(16)
        rows = rows_of(champion.request_type, body)
        first, other = self.canary.route(request_id, champion)
        end = asyncio.get_running_loop().time() + self.service.deadline_seconds
        try:
            with self.writer.reserve(len(rows)):
                found, loaded = await self._ask(first, champion, rows, end)
                await self.writer.write(records(request_id, rows, found, loaded, once), end)
        except TimeoutError:
            raise self._late() from None
        if other is not None:
            self.canary.ask_later(request_id, rows, first if loaded is other else other)
        version = loaded.version.number
        return Predictions(request_id=request_id, version=version, predictions=found)

    def _late(self) -> HTTPException:
        return HTTPException(504, f"no answer within {self.service.deadline_seconds} seconds")

    async def _ask(
        self, first: LoadedModel, champion: LoadedModel, rows: list[dict[str, Any]], end: float
    ) -> tuple[list[Prediction], LoadedModel]:
        """Answer here what takes no time, the rest in threads, together."""
        compiled = first.compiled.score and champion.compiled.score
        if compiled and len(rows) <= FEW:
            return self.canary.answer(first, champion, rows)
        async with asyncio.timeout_at(end):
            return await self.grouping.ask(first, champion, rows)

    async def invoke(self, body: bytes, headers: Mapping[str, str]) -> Invocation | Response:
        """Answer as `predict_once`, in the forms of MLflow, SageMaker, Vertex AI and Azure ML.

        Content-Type and Accept are respected: HTTPException 406 and 415.
        """
        wanted = answer_type(headers.get("accept", JSON))
        features = self.slot.loaded.release.contract.features
        ours = from_invocation(body, headers.get("content-type", JSON), features)
        found = await self.predict_once(ours, headers.get(NAME))
        said = [one.prediction for one in found.predictions]
        return as_csv(said) if wanted == CSV else Invocation(predictions=said)

    async def explain(self, body: bytes) -> Explanation:
        """Say what moved the prediction of a body's first row; 503 and 504 as `predict`."""
        loaded = self.slot.loaded
        first, *_ = rows_of(loaded.request_type, body)
        found: Explanation = await self.in_time(why, loaded, first)
        return found

    async def in_time(self, function: Callable[..., Any], *given: Any) -> Any:
        """Return what a function that asks the model returns; 503 and 504 as `predict`."""
        try:
            return await self.threads.call(self.service.deadline_seconds, function, *given)
        except TimeoutError:
            raise self._late() from None

    async def record_outcomes(self, body: bytes) -> Taken:
        """Keep what really happened for rows of earlier requests; 422: one is no such value."""
        given, target = parse(Outcomes, body).outcomes, self.slot.loaded.release.contract.target
        values = labels(pd.Series([one.value for one in given], dtype=object), as_json(target))
        if (wrong := values.isna().to_numpy()).any():
            raise refused(f"outcomes.{wrong.argmax()}.value", f"it is no value of '{target.name}'")
        rows = [Outcome(**vars(one) | {"value": v}) for one, v in zip(given, values, strict=True)]
        return Taken.of(await run_in_threadpool(take_outcomes, self.ledger, rows))

    def describe(self, name: str) -> Described:
        """Describe the model in use, and what a row must look like; name: the project's."""
        release = self.slot.loaded.release
        return Described(
            name=name,
            version=self.version,
            candidate=release.manifest.candidate,
            task=release.contract.task,
            target=release.contract.target.name,
            classes=list(release.classes),
            threshold=release.evaluation.threshold,
            headline=release.manifest.headline,
            compiled=self.slot.loaded.compiled.score is not None,
            compiled_why=self.slot.loaded.compiled.why,
            typical_row=dict(release.manifest.typical_row),
            examples=shown(release),
            columns=release.contract.with_role("feature"),
            row=row_type(release.contract, self.service).model_json_schema(),
        )
