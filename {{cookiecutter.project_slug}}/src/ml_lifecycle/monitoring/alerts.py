"""Tell people what a check found, once: a verdict is news to whoever has not heard it yet.

In: a verdict, URLs of webhooks, the ledger. Out: a POST to each, as plain JSON, in Slack's form, or
as an issue of GitHub or GitLab.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import WorldBroken
from ..ledger.database import Ledger

SECONDS = 10.0
CALM = ("quiet", "watch")
SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
ISSUES = "/issues"  # the end of the URL where GitHub and GitLab take issues
TOKEN = "ISSUES_TOKEN"  # in the environment: who may open them
MOST = 10  # verdicts that wait for a webhook that is out of order
About = Mapping[str, Any]


def alert(
    ledger: Ledger, webhooks: Sequence[str], about: About, who: str, wanted: bool = True
) -> bool:
    """Send a verdict to each webhook to which it is news; return whether any heard something.

    about: project, version, verdict, reason, and its causes, which make it another one; who:
    checked, as the ledger keeps it; wanted: else only those hear of a calm verdict who heard of
    another one. What could not be sent waits for the next check, and is sent first.

    Raises:
        WorldBroken: names who did not take it; the others were told, and are not told again.

    """
    sent, broken, told = False, [], ledger.decisions("alert")
    for url in webhooks:
        mark = hashlib.sha256(url.encode()).hexdigest()[:16]
        known = next((one.details for one in told if one.details.get("to") == mark), {})
        heard, waiting = known.get("heard"), list(known.get("waiting", ()))
        if _news(waiting[-1] if waiting else heard, about, wanted):
            waiting.append(dict(about))
        said = ""
        while waiting and not (said := _post(url, waiting[0])):
            heard, sent = waiting.pop(0), True
        now = {"to": mark, "heard": heard, "waiting": waiting[-MOST:]}
        if now != {"to": mark, "heard": known.get("heard"), "waiting": known.get("waiting", [])}:
            ledger.decide(
                "alert", about["verdict"], about["reason"], about["version"], None, now, who=who
            )
        broken += [said] if said else []
    if broken:
        raise WorldBroken(f"the verdict could not be sent: {'; '.join(broken)}")
    return sent


def _news(last: About | None, about: About, wanted: bool) -> bool:
    """Tell whether a verdict, or a cause of it, is another than the last one."""
    if not wanted:
        return about["verdict"] in CALM and last is not None and last["verdict"] not in CALM
    same = last and all(last[name] == about[name] for name in ("version", "verdict"))
    return not last or not same or not set(about["causes"]) <= set(last["causes"])


def _post(url: str, about: About) -> str:
    """Send to one webhook; return what went wrong. Its path may be a secret, and is not said."""
    import httpx  # which a service has not

    host = urlsplit(url).hostname or "a webhook"
    content, headers = _content(url, host, about)
    if headers and not os.environ.get(TOKEN):
        return f"{host} takes issues, and {TOKEN} is not set"
    if not content:
        return ""
    try:
        httpx.post(url, json=content, headers=headers, timeout=SECONDS).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"{host} answered {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{host}: {type(error).__name__}"
    return ""


def _content(url: str, host: str, about: About) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is sent, and with which headers; nothing where it is no news for this place."""
    title = f"{about['project']}, version {about['version']}: {about['verdict'].upper()}"
    text = f"{title}. {about['reason']}"
    if host in SLACK:
        return {"text": text}, {}
    if not urlsplit(url).path.endswith(ISSUES):
        return dict(about), {}
    if about["verdict"] in CALM:  # whoever mended it closes the issue
        return {}, {}
    # What GitHub calls body is GitLab's description.
    content = {"title": title, "body": text, "description": text}
    return content, {"Authorization": f"Bearer {os.environ.get(TOKEN, '')}"}
