"""Answers that leave together are whole, in order, and leave."""

import asyncio
import re
import socket
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ml_lifecycle.http.joined import Joined


class Wire:
    """The other end of a transport: remembers each write."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.writes.append(data)

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


TURNS = st.lists(st.lists(st.binary(min_size=1, max_size=4), max_size=4), max_size=4)


@settings(deadline=None)
@given(turns=TURNS, others=st.integers(0, 2), closes=st.booleans())
def test_all_that_is_written_leaves_in_order_by_the_next_turn_or_the_end(
    turns: list[list[bytes]], others: int, closes: bool
) -> None:
    async def write() -> list[bytes]:
        tasks: Any = set(range(others))
        wire, expected = Wire(), b""
        joined = Joined(wire, asyncio.get_running_loop(), tasks)
        for turn in turns:
            for part in turn:
                joined.write(part)
                expected += part
            if closes and turn is turns[-1]:
                joined.close()
                assert joined.is_closing()
            else:
                await asyncio.sleep(0)
            assert b"".join(wire.writes) == expected
        return wire.writes

    writes = asyncio.run(write())
    assert all(writes)


@pytest.mark.parametrize(("answered", "at_once"), [(1, 1), (2, 0)])
def test_a_head_leaves_with_its_body_and_waits_for_the_turn_only_beside_others(
    answered: int, at_once: int
) -> None:
    async def write() -> None:
        tasks: Any = set(range(answered))
        wire = Wire()
        joined = Joined(wire, asyncio.get_running_loop(), tasks)
        joined.write(b"head ")
        joined.write(b"body")
        assert len(wire.writes) == at_once
        await asyncio.sleep(0)
        assert wire.writes == [b"head body"]

    asyncio.run(write())


def test_requests_sent_in_one_go_are_answered_in_their_order(champion: Any, over_http: Any) -> None:
    paths = ["/ping", "/nowhere", "/health/ready"]
    with over_http(champion.settings) as http:
        where = str(http.base_url.host), int(http.base_url.port or 0)
        with socket.create_connection(where, 20) as connection:
            connection.sendall(
                "".join(f"GET {p} HTTP/1.1\r\nHost: x\r\n\r\n" for p in paths).encode()
            )
            said = b""
            while said.count(b"}") < len(paths):
                said += connection.recv(65536)
    answers = re.findall(r"HTTP/1.1 (\d+)", said.decode())
    assert answers == ["200", "404", "200"]
