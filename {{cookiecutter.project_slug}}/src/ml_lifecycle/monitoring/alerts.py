"""Tell people what a check found, once: a verdict is news if the last one they heard differs.

In: a verdict, URLs of webhooks, the ledger. Out: a POST to each, as plain JSON, in Slack's form, or
as an issue of GitHub or GitLab.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import WorldBroken
from ..ledger.database import Ledger

SECONDS = 10.0
SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
ISSUES = "/issues"  # the end of the URL where GitHub and GitLab take issues
TOKEN = "ISSUES_TOKEN"  # in the environment: who may open them


def alert(ledger: Ledger, webhooks: Sequence[str], about: Mapping[str, Any], who: str) -> bool:
    """Send a verdict to each webhook unless it was the last one sent; return whether it was sent.

    about: project, version, verdict and reason; who: checked, as the ledger keeps it. A first
    `quiet` is no news. What could not be sent everywhere is sent again by the next check.

    Raises:
        WorldBroken: names who did not take it; the others were told.

    """
    told, verdict = ledger.decisions("alert", last=1), about["verdict"]
    if (told[0].verdict if told else "quiet") == verdict:
        return False
    broken = [said for url in webhooks if (said := _post(url, about))]
    if broken:
        raise WorldBroken(f"the verdict {verdict} could not be sent: {'; '.join(broken)}")
    ledger.decide("alert", verdict, about["reason"], about["version"], who=who)
    return True


def _post(url: str, about: Mapping[str, Any]) -> str:
    """Send to one webhook; return what went wrong. Its path may be a secret, and is not said."""
    import httpx  # which a service has not

    host = urlsplit(url).hostname or url
    content, headers = _content(url, host, about)
    if not content:
        return ""
    try:
        httpx.post(url, json=content, headers=headers, timeout=SECONDS).raise_for_status()
    except httpx.HTTPStatusError as error:
        return f"{host} answered {error.response.status_code}"
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{host}: {type(error).__name__}"
    return ""


def _content(
    url: str, host: str, about: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what is sent, and with which headers; nothing where it is no news for this place."""
    title = f"{about['project']}, version {about['version']}: {about['verdict'].upper()}"
    text = f"{title}. {about['reason']}"
    if host in SLACK:
        return {"text": text}, {}
    if not urlsplit(url).path.endswith(ISSUES):
        return dict(about), {}
    if about["verdict"] == "quiet":  # whoever mended it closes the issue
        return {}, {}
    # What GitHub calls body is GitLab's description.
    content = {"title": title, "body": text, "description": text}
    return content, {"Authorization": f"Bearer {os.environ.get(TOKEN, '')}"}
