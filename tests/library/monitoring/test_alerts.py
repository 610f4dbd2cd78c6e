"""Each verdict is told once, in the form that the other side reads, and none is lost."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ml_lifecycle.errors import WorldBroken
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.monitoring import alert, alerts


class Listener(HTTPServer):
    """A webhook that remembers what it heard, and may be out of order."""

    heard: list[Any]
    tokens: list[str | None]
    status = 200


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.heard.append(json.loads(body))
            self.server.tokens.append(self.headers["Authorization"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(("127.0.0.1", 0), Handler) as server:
        server.heard, server.tokens = [], []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def about(verdict: str) -> dict[str, Any]:
    return {"project": "p", "version": 1, "verdict": verdict, "reason": "why"}


def url(listener: Listener) -> str:
    return f"http://127.0.0.1:{listener.server_port}/a-secret"


def test_a_verdict_is_told_when_it_is_news_and_never_twice(
    ledger: Ledger, listener: Listener
) -> None:
    verdicts = ["quiet", "fault", "fault", "fault", "quiet", "quiet", "retrain"]
    sent = [alert(ledger, [url(listener)], about(verdict), "cron") for verdict in verdicts]
    assert sent == [False, True, False, False, True, False, True]
    assert [one["verdict"] for one in listener.heard] == ["fault", "quiet", "retrain"]
    assert listener.heard[0] == about("fault")
    assert {one.who for one in ledger.decisions("alert")} == {"cron"}


def test_slack_gets_a_text(
    ledger: Ledger, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "SLACK", ("127.0.0.1",))
    alert(ledger, [url(listener)], about("fault"), "cron")
    assert listener.heard == [{"text": "p, version 1: FAULT. why"}]


def test_an_issue_is_opened_with_the_token_for_what_is_to_be_done_only(
    ledger: Ledger, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ISSUES_TOKEN", "secret")
    issues = url(listener) + "/repos/me/mine/issues"
    for verdict in ("fault", "fault", "quiet", "retrain"):
        alert(ledger, [issues], about(verdict), "cron")
    titles = ["p, version 1: FAULT", "p, version 1: RETRAIN"]
    assert [one["title"] for one in listener.heard] == titles
    assert listener.heard[0]["body"] == listener.heard[0]["description"] == f"{titles[0]}. why"
    assert listener.tokens == ["Bearer secret"] * 2


def test_what_could_not_be_sent_is_sent_by_the_next_check_and_no_secret_is_said(
    ledger: Ledger, listener: Listener
) -> None:
    listener.status = 500
    gone = "http://127.0.0.1:9/another-secret"
    with pytest.raises(WorldBroken, match=r"127\.0\.0\.1 answered 500") as failed:
        alert(ledger, [gone, url(listener)], about("fault"), "cron")
    assert "secret" not in str(failed.value)
    listener.status = 200
    assert alert(ledger, [url(listener)], about("fault"), "cron")
    assert len(listener.heard) == 1
