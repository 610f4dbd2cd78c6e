"""The page in a real browser: by keyboard, on a phone, with a hostile table, and with nothing else.

One small model of a table whose names and categories are markup, quotes and Arabic serves all.
"""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import world
from browser import Tab, browsing
from ml_lifecycle.evaluation import ValueSettings
from ml_lifecycle.ledger import Ledger
from world import Settings

MARKUP = '<img src=x onerror="document.title=1">'
PLAN = "pl<i>an</i> \"&'"
LONG = "share_of_" + 8 * "something_" + "that_nobody_wants_to_read"
NAMES = {"basic": MARKUP, "plus": '"it\'s" & <b>bold</b>', "pro": "\u202eشهري", "rare": "rare"}
MONEY = ValueSettings(true_positive=60.0, false_positive=-10.0)
READY = "document.querySelector('#examples button') && !document.querySelector('#card').hidden"
MOVED = "document.querySelector('#moved-said')?.textContent"
# By the label's text: the field's element.
FIELD = "[...document.querySelectorAll('#row label')].find((l) => l.textContent === %r).control"
CONTRAST = """(() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).map((part) => {
      const one = part / 255;
      return one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = getComputedStyle(node).backgroundColor;
      if (!colour.endsWith(", 0)")) return colour;
    }
  };
  const words = (node) => [...node.childNodes].some((one) => one.nodeType === 3 && one.data.trim());
  const all = [...document.querySelectorAll("main *, header *")];
  const texts = all.filter((node) => node.checkVisibility() && words(node));
  return texts.map((node) => {
    const style = getComputedStyle(node);
    const drawn = node instanceof SVGElement ? style.fill : style.color;
    const [a, b] = [light(drawn), light(behind(node))].sort((x, y) => y - x);
    return [(a + 0.05) / (b + 0.05), node.outerHTML.slice(0, 80)];
  });
})()"""


@pytest.fixture(scope="module")
def hostile(project: Any, table: Any) -> Settings:
    """A project whose champion was trained on a table that would break a careless page."""
    frame = table("binary", 500)
    frame["plan"] = frame["plan"].map(NAMES)
    settings = project(frame.rename(columns={"plan": PLAN, "ratio": LONG}), "neg_brier_score")
    settings = settings.model_copy(update={"value": MONEY})
    world.check(settings)
    world.crown(settings, world.rows_of(settings), override="only the machinery is looked at")
    return settings


@pytest.fixture(scope="module")
def tab() -> Iterator[Tab]:
    with browsing() as opened:
        yield opened


@pytest.fixture(scope="module")
def service(tab: Tab, hostile: Settings, over_http: Any) -> Iterator[httpx.Client]:
    with over_http(hostile) as client:
        yield client


@pytest.fixture
def page(tab: Tab, service: httpx.Client) -> Tab:
    """The page as it is when it has come; of a desk."""
    tab.show(1200)
    tab.open(str(service.base_url))
    tab.until(READY)
    return tab


@pytest.fixture
def kept(hostile: Settings) -> Any:
    """Return the rows that the ledger keeps now, the latest last."""

    def read() -> list[dict[str, Any]]:
        with Ledger(hostile.project.ledger_url) as ledger:
            return ledger.served().to_dict("records")

    return read


def put(page: Tab, name: str, value: str) -> None:
    """Write into a field, as a hand that types quickly."""
    change = "one.dispatchEvent(new Event('input', { bubbles: true }))"
    page.ask(f"(() => {{ const one = {FIELD % name}; one.value = {value!r}; {change}; }})()")


def predict(page: Tab, column: str = "") -> str:
    """Ask for a prediction, and move a column if one is named; return what is said then."""
    page.ask("document.querySelector('button.main[form=row]').click()")
    page.until(MOVED)
    if column and page.ask("document.getElementById('moved').value") != column:
        choose = f"one.value = {column!r}; one.dispatchEvent(new Event('change'))"
        page.ask(f"(() => {{ const one = document.getElementById('moved'); {choose}; }})()")
        # The column is chosen when its answer has come: by then the focus is back.
        page.until(f"{MOVED}?.includes({column!r}) && document.activeElement.id === 'moved'")
    return str(page.ask(MOVED))


def go_to(page: Tab, where: str) -> None:
    """Press Tab until the focus is where it should be; every stop on the way is seen."""
    for _ in range(60):
        page.press("Tab")
        seen = page.ask(
            "document.activeElement === document.body"
            " || getComputedStyle(document.activeElement).outlineStyle !== 'none'"
        )
        assert seen, page.ask("document.activeElement.outerHTML")
        if page.ask(f"document.activeElement === {where}"):
            return
    pytest.fail(f"no key leads to {where}")


def test_a_person_with_a_keyboard_only_gets_a_prediction(page: Tab, kept: Any) -> None:
    before = len(kept())
    go_to(page, FIELD % "calls")
    page.press("1", "1")
    go_to(page, "document.querySelector('button.main[form=row]')")
    page.press("Enter")
    said = page.until("document.querySelector('#answer .answer')?.textContent")
    assert len(kept()) == before + 1
    last = kept()[-1]
    assert last["inputs"]["calls"] == 11
    assert f"\u2068{last['prediction']}\u2069" in said
    assert page.ask("document.getElementById('answer').role") == "status"
    text = page.ask("document.getElementById('answer').innerText")
    assert "Probability of" in text
    assert "Acting on such a row is worth" in text
    assert page.ask("document.querySelectorAll('#why .reason').length") > 0


def test_an_example_row_fills_the_form(page: Tab, service: httpx.Client) -> None:
    rows = {e["which"]: e["row"] for e in service.get("/model").json()["examples"]}
    buttons = page.ask("[...document.querySelectorAll('#examples button')].map((b) => b.innerText)")
    assert buttons == ["Typical row", "Most likely yes", "In between", "Least likely yes"]
    for place, which in enumerate(("typical", "highest", "middle", "lowest")):
        page.ask(f"document.querySelectorAll('#examples button')[{place}].click()")
        shown = page.ask("read()")
        known = {name: value for name, value in rows[which].items() if value is not None}
        dates = {"since": known["since"][:10]}
        assert shown == known | dates
        pressed = "document.querySelector('[aria-pressed=true]').innerText"
        assert page.ask(pressed) == buttons[place]


def test_the_slider_redraws_and_the_ledger_has_not_grown(page: Tab, kept: Any) -> None:
    first, before = predict(page, "usage"), len(kept())
    spot = "document.querySelector('svg .here').getAttribute('cx')"
    start = page.ask(spot)
    page.ask("document.getElementById('to').focus()")
    page.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert float(page.ask(spot)) > float(start)
    assert page.ask(MOVED) != first
    assert page.ask("document.getElementById('to').getAttribute('aria-valuetext')") == page.ask(
        MOVED
    )
    assert len(kept()) == before


def test_another_category_redraws_and_can_be_put_into_the_form(page: Tab, kept: Any) -> None:
    first, before = predict(page, PLAN), len(kept())
    page.ask("document.querySelector('fieldset input:checked').focus()")
    page.press("ArrowDown")
    assert page.ask(MOVED) != first
    chosen = page.ask("document.querySelector('fieldset :checked').parentElement.innerText")
    page.ask("document.querySelector('#move > button').click()")
    assert page.ask(f"read()[{PLAN!r}]") in chosen
    assert len(kept()) == before


def test_typing_says_nothing_aloud(page: Tab) -> None:
    watch = "new MutationObserver((seen) => { said += seen.length })"
    page.ask(f"said = 0; {watch}.observe(document.getElementById('answer'), {{ childList: true }})")
    for value in ("1", "12", "123"):
        put(page, "calls", value)
    assert page.ask("new Promise((done) => setTimeout(() => done(said)))") == 0


@pytest.mark.parametrize("value", ["1.5", "1e300", ""])  # seen by the page, by the service, by both
def test_an_error_names_the_field_and_is_announced(page: Tab, kept: Any, value: str) -> None:
    before = len(kept())
    put(page, "calls", value)
    page.ask("document.querySelector('button.main[form=row]').click()")
    said = page.until("document.getElementById('problem').innerText")
    assert said.startswith("calls: ")
    assert page.ask("document.getElementById('problem').role") == "alert"
    field = FIELD % "calls"
    assert page.ask(f"document.activeElement === {field}")
    assert page.ask(f"{field}.getAttribute('aria-invalid')") == "true"
    error = f"document.getElementById({field}.getAttribute('aria-describedby').split(' ')[1])"
    assert page.ask(f"{error}.innerText") in said
    assert len(kept()) == before


def test_what_a_hostile_table_holds_is_shown_as_text(page: Tab) -> None:
    put(page, PLAN, "0")
    predict(page, PLAN)
    text = page.ask("document.body.textContent")
    for name in (PLAN, *NAMES.values()):
        assert name in text
    made = page.ask("document.querySelectorAll('main img, main b, main p i, main [dir] i').length")
    assert (made, page.ask("document.title")) == (0, page.ask("model.name"))
    # What runs from right to left stays within its own words, and turns no sentence round.
    assert page.ask(
        "[...document.querySelectorAll('p, li')].every((n) => !/\u202e/.test(n.textContent))"
    )
    bidi = page.ask("getComputedStyle(document.querySelector('.option [dir=auto]')).unicodeBidi")
    assert bidi in ("isolate", "plaintext")


def test_no_request_leaves_the_origin_and_the_browser_has_nothing_to_complain_of(
    page: Tab, service: httpx.Client
) -> None:
    predict(page, "usage")
    asked = page.requests()
    assert len(asked) > 6
    # A browser draws its own calendar beside a date, from a picture that it brings along.
    ours = (str(service.base_url), "data:")
    assert [url for url in asked if not url.startswith(ours)] == []
    told = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
    assert [event for event in page.events if event.get("method") in told] == []


@contextmanager
def planted(page: httpx.Response, rules: str) -> Iterator[str]:
    """Serve the page with an inline script and a handler in it, by the same rules or by others."""
    text = page.text.replace(
        "</main>", "<script>ran = 1</script><img src=x onerror='ran = 1'></main>"
    )

    class Planted(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Security-Policy", rules)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode() if found else b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Planted) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@pytest.mark.parametrize("ours", [True, False])
def test_a_planted_inline_script_runs_only_without_our_policy(
    tab: Tab, service: httpx.Client, ours: bool
) -> None:
    page = service.get("/")
    rules = page.headers["Content-Security-Policy"] if ours else ""
    with planted(page, rules) as address:
        tab.open(address)
        tab.until("location.port !== '' && document.readyState === 'complete'")
        assert tab.ask("typeof ran") == ("undefined" if ours else "number")


def test_not_even_the_pages_own_script_can_make_markup_of_a_text(page: Tab) -> None:
    attempt = "(() => { try { document.body.innerHTML = 'x' } catch (e) { return e.name } })()"
    assert page.ask(attempt) == "TypeError"


def test_at_360_pixels_there_is_one_column_and_nothing_scrolls_sideways(page: Tab) -> None:
    page.show(360)
    page.ask("document.querySelectorAll('#examples button')[1].click()")
    for column in ("usage", PLAN):
        predict(page, column)
        page.ask("document.getElementById('use').open = true")
        assert page.ask("document.documentElement.scrollWidth") == 360
        wide = page.ask(
            "[...document.querySelectorAll('body *')].filter((one) => one.checkVisibility()"
            " && one.getBoundingClientRect().right > 360).map((one) => one.outerHTML)"
        )
        assert wide == []
    lefts = "new Set([...document.querySelectorAll('#row > div')].map((d) => d.offsetLeft)).size"
    assert page.ask(lefts) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(page: Tab, scheme: str) -> None:
    page.show(1200, scheme=scheme)
    predict(page, "usage")
    put(page, "calls", "")
    page.ask("problems([{ at: fields[0], message: 'a planted problem' }])")
    found = page.ask(CONTRAST)
    assert len(found) > 60
    assert [text for ratio, text in found if ratio < 4.5] == []


def test_whatever_takes_an_input_has_a_name_that_is_read_out(page: Tab) -> None:
    predict(page, "usage")
    page.ask("document.getElementById('use').open = true")
    nodes = page.send("Accessibility.getFullAXTree")["nodes"]
    roles = {"textbox", "spinbutton", "combobox", "slider", "radio", "button", "image", "Date"}
    named = [(n["role"]["value"], n["name"]["value"]) for n in nodes if n["role"]["value"] in roles]
    assert {role for role, _ in named} >= {"spinbutton", "combobox", "slider", "button", "image"}
    assert [role for role, name in named if not name.strip()] == []


def test_where_a_key_is_needed_it_is_asked_for_and_never_put_into_an_address(
    tab: Tab, hostile: Settings, over_http: Any
) -> None:
    door = "!document.getElementById('door').hidden"
    with over_http(hostile, [b"sesame"]) as client:
        tab.open(str(client.base_url))
        tab.until(f"document.activeElement?.id === 'key' && {door}")
        tab.press(*"wrong", "Enter")
        tab.until("document.getElementById('problem').innerText.includes('not valid')")
        tab.until("document.activeElement?.id === 'key'")
        tab.press(*"sesame", "Enter")
        tab.until(READY)
        assert not tab.ask(door)
        predict(tab)
        assert [url for url in tab.requests() if "sesame" in url] == []
        assert "sesame" not in tab.ask("document.documentElement.outerHTML + location.href")
        stored = "[localStorage.length, sessionStorage.length, document.cookie]"
        assert tab.ask(stored) == [0, 0, ""]
