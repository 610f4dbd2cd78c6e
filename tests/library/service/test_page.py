"""The page for people: what a table holds is shown as text, and nothing comes from elsewhere."""

import re
from pathlib import Path
from typing import Any

import ml_lifecycle.pages
import pytest

PAGE = (Path(ml_lifecycle.pages.__file__).parent / "service.html").read_text(encoding="utf-8")
# What would make markup or code of a value.
MARKUP = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment|srcdoc"
CODE = r"\beval\(|\bFunction\(|javascript:|set(?:Timeout|Interval)\(\s*[\"'`]"
HANDLER = r"\bon(?:click|submit|load|error|change|input|toggle|focus|blur|key|mouse|pointer)\w*"
ELSEWHERE = r"(?:src|href|action)\s*=|@import|\burl\(|\bimport\b|<link|<iframe|<base|https?:"
SNIPPET = '"import json", "from urllib.request import Request, urlopen"'  # Python, to be pasted


def broken(page: str) -> list[str]:
    """Return each promise that a page breaks."""
    promises = {"markup": MARKUP, "code": CODE, "handler": HANDLER, "elsewhere": ELSEWHERE}
    page = page.replace(SNIPPET, "")
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
    assert broken(PAGE.replace("<script>", f"<script>\n{fault}")) == [said]


def test_the_browser_is_told_to_fetch_nothing_from_elsewhere(client: Any) -> None:
    answer = client.get("/")
    assert answer.text == PAGE
    rules = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in rules
    assert "http" not in rules


def test_every_field_has_a_label_that_is_tied_to_it() -> None:
    tied = set(re.findall(r'<label for="([\w-]+)"', PAGE))
    fixed = set(re.findall(r'<(?:input|select|textarea)[^>]*\bid="([\w-]+)"', PAGE))
    assert tied == fixed == {"key"}
    assert 'element("label", column.name, { htmlFor: id })' in PAGE
    assert 'text.setAttribute("aria-label"' in PAGE


def test_the_page_never_shows_a_key() -> None:
    snippets = PAGE.split("--- use it")[1].split("--- together")[0]
    assert snippets.count("YOUR-KEY") == 2
    assert not re.search(r"\bkey\b", snippets)
