"""The page for people: what a table holds is shown as text, and nothing comes from elsewhere."""

import re
from pathlib import Path
from typing import Any

import ml_lifecycle.pages
import pytest

FOLDER = Path(ml_lifecycle.pages.__file__).parent
FILES = {"/": "service.html", "/page.css": "service.css", "/page.js": "service.js"}
PARTS = {at: (FOLDER / name).read_text(encoding="utf-8") for at, name in FILES.items()}
PAGE = "".join(PARTS.values())
OWN = ('<link rel="stylesheet" href="page.css">', '<script src="page.js" defer></script>')
NAME = '"http://www.w3.org/2000/svg"'  # of the kind of element, which is fetched by nobody
# What would make markup or code of a value.
MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc"
CODE = r"\beval\(|\bFunction\(|javascript:|set(?:Timeout|Interval)\(\s*[\"'`]"
HANDLER = r"\bon(?:click|submit|load|error|change|input|toggle|focus|blur|key|mouse|pointer)\w*"
ELSEWHERE = r"(?:src|href|action)\s*=|@import|\burl\(|\bimport\b|<link|<iframe|<base|https?:"
SNIPPET = '"import json", "from urllib.request import Request, urlopen"'  # Python, to be pasted


def broken(page: str) -> list[str]:
    """Return each promise that a page breaks."""
    promises = {"markup": MARKUP, "code": CODE, "handler": HANDLER, "elsewhere": ELSEWHERE}
    for allowed in (SNIPPET, *OWN, NAME):
        page = page.replace(allowed, "", 1)
    found = [name for name, words in promises.items() if re.search(words, page)]
    places = re.findall(r"\bfetch\((.{8})", page)
    return found if places == ["`${HERE}"] else [*found, "fetch"]


def test_the_page_makes_no_markup_and_no_code_of_a_value_and_fetches_from_here_only() -> None:
    assert broken(PAGE) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("byId('answer').innerHTML = error.message;", "markup"),
        ("made.insertAdjacentHTML('beforeend', name);", "markup"),
        ("setTimeout(`run(${name})`, 1);", "code"),
        ("button.setAttribute('onclick', `fill(${name})`);", "handler"),
        ("element('button', '', { onclick: name });", "handler"),
        ("const more = '<script src=\"https://example.org/x.js\">';", "elsewhere"),
        ("fetch(`//example.org/${name}`);", "fetch"),
    ],
)
def test_a_promise_that_is_broken_is_named(fault: str, said: str) -> None:
    assert broken(f"{PAGE}\n{fault}") == [said]


@pytest.mark.parametrize("at", FILES)
def test_the_browser_is_told_to_fetch_nothing_from_elsewhere_and_to_run_no_inline_script(
    client: Any, at: str
) -> None:
    answer = client.get(at)
    assert answer.text == PARTS[at]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    rules = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in rules
    assert "script-src 'self'" in rules
    assert "unsafe" not in rules
    assert "http" not in rules


def test_the_page_is_open_where_keys_are_needed(
    champion: Any, serving: Any, tmp_path: Path
) -> None:
    with serving(champion.copy(tmp_path), [b"a-key"]) as running:
        assert [running.http.get(at).status_code for at in FILES] == [200, 200, 200]
        assert running.http.get("/card").status_code == 401


def test_the_page_never_shows_a_key() -> None:
    snippets = PAGE.split("--- use it")[1].split("--- together")[0]
    assert snippets.count("YOUR-KEY") == 2
    assert not re.search(r"\bkey\b", snippets)
