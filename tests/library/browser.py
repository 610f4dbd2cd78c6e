"""A headless Chromium, driven by its own protocol through a pipe: no driver, no port, no library.

In: an address. Out: a `Tab` that types, presses keys, and knows each request that the page made.
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PATIENCE = 20_000  # milliseconds until a condition must hold; never waited for in full when it does
KEYS = {"Tab": 9, "Enter": 13, " ": 32, "ArrowRight": 39, "ArrowDown": 40}
UNTIL = """new Promise((done, fail) => {
  const end = Date.now() + %d;
  const look = () => {
    const found = (() => %s)();
    if (found) done(found);
    else if (Date.now() > end) fail(new Error("never came: " + document.body.innerText));
    else setTimeout(look, 10);
  };
  look();
})"""


class Tab:
    """One page of a browser; `events` holds what the browser told, such as requests."""

    def __init__(self, browser: subprocess.Popen[bytes]) -> None:
        """Open an empty page."""
        self.browser, self.numbers = browser, itertools.count(1)
        self.session: dict[str, str] = {}
        self.events: list[dict[str, Any]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        page = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.session = {"sessionId": page}
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.send(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """Return what a command answers; fail with what it says is wrong."""
        assert self.browser.stdin
        sent = {"id": next(self.numbers), "method": method, "params": params, **self.session}
        self.browser.stdin.write(json.dumps(sent).encode() + b"\0")
        self.browser.stdin.flush()
        while (answer := self._read()).get("id") != sent["id"]:
            self.events.append(answer)
        result = dict(answer.get("result", {}))
        wrong = answer.get("error") or result.get("exceptionDetails")
        assert not wrong, f"{method}: {wrong}"
        return result

    def _read(self) -> dict[str, Any]:
        """Return the browser's next message, which a zero byte ends."""
        assert self.browser.stdout
        message = bytearray()
        while (letter := self.browser.stdout.read(1)) != b"\0":
            assert letter, "the browser is gone"
            message += letter
        return dict(json.loads(message))

    def show(self, width: int, height: int = 900, scheme: str = "light") -> None:
        """Be so wide and high, in pixels, and light or dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        dark = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=dark)

    def open(self, address: str) -> None:
        """Begin to load a page."""
        self.events.clear()
        self.send("Page.navigate", url=address)

    def ask(self, expression: str) -> Any:
        """Return the value of an expression in the page, as JSON."""
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        return self.send("Runtime.evaluate", **asked)["result"].get("value")

    def until(self, expression: str) -> Any:
        """Return an expression's value as soon as it holds; fail with the page's text if never."""
        return self.ask(UNTIL % (PATIENCE, expression))

    def press(self, *keys: str) -> None:
        """Press keys one after the other, as a person does."""
        for key in keys:
            about = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS.get(key, 0)}
            text = (
                {"text": "\r" if key == "Enter" else key} if key == "Enter" or len(key) == 1 else {}
            )
            self.send("Input.dispatchKeyEvent", type="keyDown", **about, **text)
            self.send("Input.dispatchKeyEvent", type="keyUp", **about)

    def requests(self) -> list[str]:
        """Return the address of each request since `open`, also of those that were not let out."""
        self.ask("0")  # what was told until now has been read
        sent = [one for one in self.events if one.get("method") == "Network.requestWillBeSent"]
        return [one["params"]["request"]["url"] for one in sent]

    def picture(self, path: Path) -> None:
        """Write the whole page as PNG."""
        shot = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browsing() -> Iterator[Tab]:
    """Yield a page of a headless browser; skip where there is none."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"there is no browser: none of {', '.join(BROWSERS)} is on the PATH")
    # The browser reads commands from file 3 and answers in file 4.
    redirect = ("sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh")
    options = ["--headless=new", "--remote-debugging-pipe", "--hide-scrollbars", "--disable-gpu"]
    # Chromium has no sandbox for root, whom containers run as; the pages are our own.
    options += ["--no-sandbox"] if os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [*redirect, program, *options, f"--user-data-dir={profile}"]
        pipe, silent = subprocess.PIPE, subprocess.DEVNULL
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=silent) as browser:
            try:
                yield Tab(browser)
            finally:
                browser.terminate()
