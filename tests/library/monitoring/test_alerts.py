"""Each verdict is told once, in the form that the other side reads, and none is lost."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from ml_lifecycle.errors import WorldBroken
from ml_lifecycle.ledger.database import Ledger
from ml_lifecycle.monitoring import DriftSettings, alert, alerts
from pydantic import ValidationError


class Listener(HTTPServer):
    """A webhook that remembers what it heard, and may be out of order."""

    heard: list[Any]
    tokens: list[str | None]
    status = 200
    broken = ""


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status = self.server.status
        if self.server.broken and self.path.endswith(self.server.broken):
            status = 500
        if status == 200:
            self.server.heard.append(json.loads(body))
            self.server.tokens.append(self.headers["Authorization"])
        self.send_response(status)
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


def about(verdict: str, *causes: str, version: int = 1) -> dict[str, Any]:
    said = {"project": "p", "version": version, "verdict": verdict, "reason": "why"}
    return said | {"causes": list(causes)}


def told(ledger: Ledger, urls: list[str], *verdicts: str) -> list[bool]:
    """Send verdicts one after the other, of which quiet and watch are not asked for."""
    calm = ("quiet", "watch")
    return [alert(ledger, urls, about(one), "cron", one not in calm) for one in verdicts]


def url(listener: Listener) -> str:
    return f"http://127.0.0.1:{listener.server_port}/a-secret"


def test_a_verdict_is_told_when_it_is_news_and_never_twice(
    ledger: Ledger, listener: Listener
) -> None:
    verdicts = ["quiet", "fault", "fault", "fault", "watch", "quiet", "retrain"]
    sent = told(ledger, [url(listener)], *verdicts)
    assert sent == [False, True, False, False, True, False, True]
    assert [one["verdict"] for one in listener.heard] == ["fault", "watch", "retrain"]
    assert listener.heard[0] == about("fault")
    assert {one.who for one in ledger.decisions("alert")} == {"cron"}


def test_another_broken_column_and_another_version_are_news(
    ledger: Ledger, listener: Listener
) -> None:
    said = [about("fault", "fee"), about("fault", "fee"), about("fault", "hours", "fee")]
    said += [about("fault", "hours"), about("fault", "hours", version=2)]
    assert [alert(ledger, [url(listener)], one, "cron") for one in said] == [
        True, False, True, False, True,
    ]  # fmt: skip


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
    told(ledger, [issues], "fault", "fault", "quiet", "retrain")
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


def test_what_waits_is_sent_before_the_next_verdict_and_others_are_not_told_again(
    ledger: Ledger, listener: Listener
) -> None:
    calm, out = url(listener), url(listener) + "/out-of-order"
    listener.broken = "/out-of-order"
    for _ in range(2):
        with pytest.raises(WorldBroken):
            told(ledger, [calm, out], "fault")
    assert len(listener.heard) == 1
    listener.broken = ""
    assert told(ledger, [calm, out], "quiet") == [True]
    assert [one["verdict"] for one in listener.heard] == ["fault", "quiet", "fault", "quiet"]


def test_a_place_for_issues_without_a_token_is_said_to_lack_it(
    ledger: Ledger, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ISSUES_TOKEN", raising=False)
    with pytest.raises(WorldBroken, match="ISSUES_TOKEN is not set"):
        told(ledger, [url(listener) + "/issues"], "fault")


@pytest.mark.parametrize("url", ["hooks.slack.com/secret", "ftp://a/secret", "https://"])
def test_what_is_no_url_is_refused_before_anything_is_sent_and_not_said(url: str) -> None:
    with pytest.raises(ValidationError, match="number 1 is no URL") as failed:
        DriftSettings(webhooks=(url,))
    assert "secret" not in str(failed.value.errors(include_input=False))
