"""Requests share commits, and each hears of its own rows: on disk, refused or failed."""

import asyncio
from typing import Any

import pytest
from ml_lifecycle.http import QueueFull
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.service.writer import Writer
from sqlalchemy.exc import IntegrityError
from world import prediction


def test_requests_share_a_commit_and_each_row_is_there(ledger: Ledger, ledger_url: str) -> None:
    commits = []

    class Counting(Ledger):
        def write_predictions(self, rows: Any) -> None:
            commits.append(len(rows))
            super().write_predictions(rows)

    async def write_all(writer: Writer) -> None:
        tasks = [asyncio.create_task(writer.write([prediction(f"r{i}")])) for i in range(200)]
        await asyncio.sleep(0)  # all are in the queue before the writer starts
        writer.start()
        await asyncio.gather(*tasks)

    writer = Writer(Counting(ledger_url), 1000)
    asyncio.run(write_all(writer))
    writer.stop()
    assert len(ledger.served()) == sum(commits) == 200
    assert len(commits) < 20


def test_beyond_the_queue_a_request_is_refused_at_once(ledger: Ledger) -> None:
    async def overflow() -> None:
        writer = Writer(ledger, 2)
        writer.start()
        with writer.reserve(2):
            with pytest.raises(QueueFull), writer.reserve(1):
                await writer.write([prediction("b")])
            await writer.write([prediction("a"), prediction("a", 1)])
        with writer.reserve(1):
            await writer.write([prediction("c")])
        writer.stop()

    asyncio.run(overflow())
    assert set(ledger.served()["request_id"]) == {"a", "c"}


def test_a_request_that_is_there_already_takes_no_other_of_its_commit_with_it(
    ledger: Ledger,
) -> None:
    ledger.write_predictions([prediction("b")])

    async def together() -> list[BaseException | None]:
        writer = Writer(ledger, 100)
        names = ["c", "b", "a", "c", "d"]
        waiting = [asyncio.create_task(writer.write([prediction(name)])) for name in names]
        await asyncio.sleep(0)  # all are in the queue before the writer starts
        writer.start()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        writer.stop()
        return found

    found = asyncio.run(together())
    assert [isinstance(error, IntegrityError) for error in found] == [
        False,
        True,
        False,
        True,
        False,
    ]
    assert sorted(ledger.served()["request_id"]) == ["a", "b", "c", "d"]


def test_a_request_whose_commit_failed_hears_of_it(ledger: Ledger) -> None:
    async def twice() -> None:
        writer = Writer(ledger, 10)
        writer.start()
        await writer.write([prediction("a")])
        with pytest.raises(Exception, match=r"(?i)unique"):
            await writer.write([prediction("a")])
        await writer.write([prediction("b")])
        writer.stop()

    asyncio.run(twice())
    assert ledger.served()["request_id"].tolist() == ["a", "b"]
