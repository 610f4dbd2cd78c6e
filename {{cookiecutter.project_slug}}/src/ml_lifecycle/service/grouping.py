"""Requests that come while the model is busy are answered by one call of it.

In: rows of many requests, and the models that they are for. Out: each request's own answers. A call
of the pipeline costs milliseconds whether it has one row or a hundred; so under load the rows of
all who wait go in together. A call that hangs is given up, and the others do not wait for it.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..http import QueueFull, Threads
from .forms import Prediction
from .slot import LoadedModel

log = logging.getLogger(__name__)
MOST_ROWS = 500  # of a call; more in one gain little and keep the others waiting
RECENT = 0.2  # how much the last call says of the time that a row takes
Rows = list[dict[str, Any]]
Answered = tuple[list[Prediction], LoadedModel]
Answer = Callable[[LoadedModel, LoadedModel, Rows], Answered]


class Models(NamedTuple):
    """Who is asked first, and the champion, who answers if that one fails."""

    first: LoadedModel
    champion: LoadedModel


@dataclass
class Asked:
    """The rows of one request, and where its answers are waited for."""

    models: Models
    rows: Rows
    done: asyncio.Future[Answered] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Grouping:
    """Asks a model for many requests at once; a few calls at a time."""

    def __init__(self, answer: Answer, deadline: float, threads: Threads) -> None:
        """Ask with `answer`; deadline: seconds after which nobody waits for it."""
        self.answer, self.deadline, self.threads = answer, deadline, threads
        self.waiting: list[Asked] = []
        self.calls: set[asyncio.Task[None]] = set()
        self.lanes = max(2, os.cpu_count() or 1)  # one that hangs must not stop the others
        self.seconds = 0.0  # that a row took lately

    async def ask(self, first: LoadedModel, champion: LoadedModel, rows: Rows) -> Answered:
        """Return the answers to rows, and who gave them.

        Raises:
            QueueFull: those that wait already will take longer than anybody wants to wait.

        """
        ahead = sum(len(one.rows) for one in self.waiting)
        if ahead * self.seconds > self.deadline / 2:
            raise QueueFull
        asked = Asked(Models(first, champion), rows)
        self.waiting.append(asked)
        self._go_on()
        return await asked.done

    def _go_on(self) -> None:
        while len(self.calls) < self.lanes and (group := self._take()):
            call = asyncio.create_task(self._call(group))
            self.calls.add(call)
            call.add_done_callback(self._called)
            # One that takes long may hang: it goes on, and the next begins.
            asyncio.get_running_loop().call_later(self.deadline / 4, self._called, call)

    def _called(self, call: asyncio.Task[None]) -> None:
        self.calls.discard(call)
        self._go_on()

    def _take(self) -> list[Asked]:
        """Take those who wait for the same models, in their order, as many as a call may have."""
        taken: list[Asked] = []
        rest, size = [], 0
        # Who has given up by now is asked for no more.
        for one in (one for one in self.waiting if not one.done.done()):
            fits = not taken or (one.models == taken[0].models and _trusted(one.models))
            if fits and (not taken or size + len(one.rows) <= MOST_ROWS):
                taken.append(one)
                size += len(one.rows)
            else:
                rest.append(one)
        self.waiting = rest
        return taken

    async def _call(self, group: list[Asked]) -> None:
        rows = [row for one in group for row in one.rows]
        # Time is left to ask each alone.
        seconds = self.deadline / 2 if len(group) > 1 else self.deadline
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            found, loaded = await self.threads.call(seconds, self.answer, *group[0].models, rows)
        except Exception as error:  # which of the requests is to blame shows when each is alone
            await self._alone(group, error)
            return
        self.seconds += RECENT * ((clock() - started) / len(rows) - self.seconds)
        said = iter(found)
        for one in group:
            answers = [next(said) for _ in one.rows]
            if not one.done.done():
                one.done.set_result((answers, loaded))

    async def _alone(self, group: list[Asked], error: Exception) -> None:
        if len(group) > 1:
            await asyncio.gather(*(self._call([one]) for one in group if not one.done.done()))
            return
        # Not its words, which may hold a value of the row.
        log.error("the model did not answer: %s", type(error).__name__)
        if not group[0].done.done():
            group[0].done.set_exception(error)


def _trusted(models: Models) -> bool:
    """Tell whether the champion answers: what a challenger costs is counted by request."""
    return models.first is models.champion
