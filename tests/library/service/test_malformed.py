"""Whatever is sent is answered with 4xx, in words that say where and why and repeat nothing."""

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ml_lifecycle.service.forms import Failed, Refused

SECRET = "do-not-repeat-me"
PATHS = ("/predict", "/explain", "/invocations", "/outcomes")
NUMBER = "usage"  # a column of numbers, and one of words
WORD = "plan"
Row = dict[str, Any]


def wrong_rows(row: Row) -> Iterator[Any]:
    """Yield what is no row of the contract."""
    yield from (None, 1, "x", [], [row], True, {}, {"stranger": SECRET})
    yield {name: value for name, value in row.items() if name != "calls"}
    numbers = (SECRET, "1e400", "12abc", "0x10", "1_000", "٣", True, [1], {"a": 1}, 1e101, -1e101)
    yield from (row | {NUMBER: value} for value in numbers)
    words = ([SECRET], {"a": SECRET}, "x" * 10_001, "\ud800", 1e300 * 1e10)
    yield from (row | {WORD: value} for value in words)
    yield row | {"stranger": SECRET}
    yield row | {NUMBER: int("9" * 400)}


def wrong_bodies(row: Row) -> Iterator[bytes]:
    """Yield what is no body, as bytes."""
    good = json.dumps({"rows": [row]})
    for rows in chain(([one] for one in wrong_rows(row)), ([], {}, None, "x", [[]], [row] * 1001)):
        yield json.dumps({"rows": rows}).encode()
    yield from (b"", b" ", b"{", b"[]", b"null", b"1", b'"x"', b"\xff\xfe{}", b"\x00", b"{}")
    yield from (f"{good} {SECRET}".encode(), good[:-1].encode(), f"[{good}]".encode())
    yield good.replace('"rows"', '"ROWS"').encode()
    yield json.dumps({"rows": [row], "stranger": SECRET}).encode()
    yield good.encode("utf-16")
    yield good.encode().replace(b'"rows"', b'"r\xe9ws"')
    yield b'{"rows": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    yield b'{"rows": [' + b'{"a":' * 5_000 + b"1" + b"}" * 5_000 + b"]}"
    for literal in ("NaN", "Infinity", "-Infinity", "1e999", "9" * 5000, "01", "1.", ".5", "+1"):
        yield json.dumps({"rows": [row | {NUMBER: "it"}]}).replace('"it"', literal).encode()
    yield good.replace("{", '{"rows": [], ', 1).replace("]}", "], }").encode()
    yield b" " * (2**20 + 1)


def refused(answer: httpx.Response) -> None:
    assert 400 <= answer.status_code < 500, answer.text
    assert SECRET not in answer.text
    shape = Refused if answer.status_code == 422 else Failed
    assert shape.model_validate_json(answer.content, extra="forbid").detail


@pytest.fixture
def row(client: Any) -> Row:
    return dict(client.get("/model").json()["typical_row"])


@pytest.mark.parametrize("path", PATHS)
def test_no_malformed_body_is_answered_or_repeated(client: Any, row: Row, path: str) -> None:
    bodies = [body for body in wrong_bodies(row) if b"NaN" not in body or path != "/invocations"]
    assert len(bodies) >= 45
    for body in bodies:
        if path == "/invocations":
            if b'"stranger": ' in body[-40:]:  # platforms send words of their own beside the rows
                continue
            body = body.replace(b'"rows"', b'"instances"')
        refused(client.post(path, content=body))


def test_a_refusal_names_row_column_and_rule(client: Any, row: Row) -> None:
    rows = [row, row | {NUMBER: SECRET}, row, {k: v for k, v in row.items() if k != "calls"}]
    (number, absent) = client.post("/predict", json={"rows": rows}).json()["detail"]
    assert number["loc"] == f"rows.1.{NUMBER}"
    assert "number" in number["msg"]
    assert absent == {"loc": "rows.3.calls", "msg": "Field required"}


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.data())
def test_no_value_of_any_column_breaks_the_service(client: Any, row: Row, data: Any) -> None:
    name = data.draw(st.sampled_from([*row]))
    sent = {"rows": [row | {name: data.draw(json_values)}]}
    for path in ("/predict", "/explain"):
        answer = client.post(path, content=json.dumps(sent))
        if answer.status_code != 200:
            refused(answer)


def packed(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def chunked(body: bytes) -> Iterator[bytes]:
    """Yield a body in small parts, so that it is sent in chunks."""
    for start in range(0, len(body), 100):
        yield body[start : start + 100]


@pytest.mark.parametrize("path", ["/predict", "/invocations"])
@pytest.mark.parametrize("parts", [bytes, chunked])
def test_a_packed_body_is_answered_as_the_plain_one(
    client: Any, row: Row, path: str, parts: Callable[[bytes], Any]
) -> None:
    body = json.dumps({"rows" if path == "/predict" else "instances": [row]}).encode()
    plain = client.post(path, content=parts(body))
    answer = client.post(path, content=parts(packed(body)), headers={"Content-Encoding": "GZip"})
    assert answer.status_code == plain.status_code == 200
    assert answer.json()["predictions"] == plain.json()["predictions"]


@pytest.mark.parametrize("parts", [bytes, chunked])
def test_a_body_that_grows_beyond_the_cap_is_refused_before_it_is_unpacked(
    client: Any, parts: Callable[[bytes], Any]
) -> None:
    bomb = packed(bytes(2**28))
    assert len(bomb) < 2**20
    answer = client.post("/predict", content=parts(bomb), headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 413
    refused(answer)


@pytest.mark.parametrize(
    ("encoding", "body", "status"),
    [
        ("gzip", b"{}", 422),
        ("gzip", packed(b"{}")[:-1], 422),
        ("gzip", packed(b"{}") + b"x", 422),
        ("gzip", b"", 422),
        ("deflate", zlib.compress(b"{}"), 415),
        ("br", b"{}", 415),
        ("gzip, gzip", packed(packed(b"{}")), 415),
    ],
)
def test_what_is_packed_badly_or_otherwise_is_refused(
    client: Any, encoding: str, body: bytes, status: int
) -> None:
    answer = client.post("/predict", content=body, headers={"Content-Encoding": encoding})
    assert answer.status_code == status
    refused(answer)
