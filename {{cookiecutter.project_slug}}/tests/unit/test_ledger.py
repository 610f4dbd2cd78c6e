"""What was acknowledged is on disk, once; many requests share one commit."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from project.errors import WorldBroken
from project.ledger import Ledger, now
from project.service.writer import Full, Writer


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


def prediction(request_id: str, row: int = 0) -> dict[str, Any]:
    about = {"request_id": request_id, "row": row, "at": now(), "version": 1}
    return about | {"inputs": {"x": 1.5}, "answer": "yes", "guess": {"yes": 0.75}}


def test_outcomes_replace_and_unknown_ones_are_counted(ledger: Ledger) -> None:
    ledger.write_predictions([prediction("a", 0), prediction("a", 1)])
    outcomes = [("a", 0, "no"), ("a", 0, "yes"), ("a", 7, "no"), ("b", 0, "no")]
    rows = [{"request_id": i, "row": row, "value": value} for i, row, value in outcomes]
    assert ledger.write_outcomes(rows) == (2, 2)
    served = ledger.served()
    assert served["outcome"].isna().tolist() == [False, True]
    assert served["outcome"].iloc[0] == "yes"
    assert served["inputs"].tolist() == [{"x": 1.5}] * 2


def test_the_last_rows_are_the_latest_and_come_oldest_first(ledger: Ledger) -> None:
    for name in "abc":
        ledger.write_predictions([prediction(name)])
    assert ledger.served()["request_id"].tolist() == ["a", "b", "c"]
    assert ledger.served(2)["request_id"].tolist() == ["b", "c"]


def test_looks_are_counted_for_each_test_set(ledger: Ledger) -> None:
    assert [ledger.look(sha, "why") for sha in ("x", "x", "y")] == [1, 2, 1]


def test_a_decision_is_undone_with_what_failed_beside_it(ledger: Ledger) -> None:
    def fail() -> None:
        with ledger.exclusive() as connection:
            ledger.decide("promotion", "promote", "because", 1, connection=connection)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    ledger.decide("promotion", "hold", "because", 2)
    assert [d["verdict"] for d in ledger.decisions("promotion")] == ["hold"]


def test_a_ledger_that_cannot_be_opened_is_the_worlds_fault(tmp_path: Path) -> None:
    with pytest.raises(WorldBroken):
        Ledger(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder' / 'ledger.db'}")


def test_requests_share_a_commit_and_each_row_is_there(ledger: Ledger) -> None:
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

    writer = Writer(Counting(str(ledger.engine.url)), 1000)
    asyncio.run(write_all(writer))
    writer.stop()
    assert len(ledger.served()) == sum(commits) == 200
    assert len(commits) < 20


def test_beyond_the_queue_a_request_is_refused_at_once(ledger: Ledger) -> None:
    async def overflow() -> None:
        writer = Writer(ledger, 2)
        writer.start()
        with writer.room(2):
            with pytest.raises(Full), writer.room(1):
                await writer.write([prediction("b")])
            await writer.write([prediction("a"), prediction("a", 1)])
        with writer.room(1):
            await writer.write([prediction("c")])
        writer.stop()

    asyncio.run(overflow())
    assert set(ledger.served()["request_id"]) == {"a", "c"}


def test_a_request_whose_commit_failed_hears_of_it(ledger: Ledger) -> None:
    async def twice() -> None:
        writer = Writer(ledger, 10)
        writer.start()
        await writer.write([prediction("a")])
        with pytest.raises(Exception, match="UNIQUE"):
            await writer.write([prediction("a")])
        await writer.write([prediction("b")])
        writer.stop()

    asyncio.run(twice())
    assert ledger.served()["request_id"].tolist() == ["a", "b"]
