"""Photographs what the tour left: parts of its report, and the service's page with one answer.

In: the folder that `make demo` leaves; a Chromium on the PATH. Out: docs/report.png, docs/page.png.
Run by the project's own Python, which has Pillow: `make pictures`.
"""

import base64
import io
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from PIL import Image

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
WIDTH, PIXELS, BYTES = 900, 2, 200_000
# What each script leaves on the page is shown.
REPORT = """
  let shown = true;
  for (const part of [...document.body.children]) {
    if (part.tagName === "H2")
      shown = ["Complexity and quality", "For whom it works"].includes(part.textContent);
    if (!shown) part.remove();
    if (part.tagName === "FIGURE") shown = false;
  }
"""
PAGE = """
  const find = async (selector) => {
    for (let look = 0; look < 300 && !document.querySelector(selector); look++)
      await new Promise((later) => setTimeout(later, 100));
    return document.querySelector(selector);
  };
  await find("#row input");
  document.querySelector("#examples button:nth-child(2)").click();
  document.querySelector("button.main[form=row]").click();
  await find("#moved-said");
  for (const part of ["#use", "#card"]) document.querySelector(part).remove();
"""
SHOW = """(async () => {
  if (document.readyState !== "complete") await new Promise((done) => { onload = done; });
  %s
  return Math.ceil(document.body.getBoundingClientRect().bottom) + 24;
})()"""
Send = Callable[..., dict[str, Any]]


def read_message(browser: subprocess.Popen[bytes]) -> dict[str, Any]:
    """The browser's next message, which a zero byte ends; exits where it has gone."""
    assert browser.stdout is not None
    message = bytearray()
    while (letter := browser.stdout.read(1)) != b"\0":
        if not letter:
            sys.exit("The browser stopped before the picture was taken: start it by hand once.")
        message += letter
    return dict(json.loads(message))


def send(
    browser: subprocess.Popen[bytes], numbers: Iterator[int], method: str, /, **params: Any
) -> dict[str, Any]:
    """What a command of the DevTools protocol returns; exits where it fails."""
    assert browser.stdin is not None
    session = {"sessionId": params.pop("page")} if "page" in params else {}
    sent = {"id": next(numbers), "method": method, "params": params, **session}
    browser.stdin.write(json.dumps(sent).encode() + b"\0")
    browser.stdin.flush()
    while (answer := read_message(browser)).get("id") != sent["id"]:
        pass
    result = dict(answer.get("result", {}))
    if "error" in answer or "exceptionDetails" in result:
        sys.exit(f"The browser could not do {method}: {answer}")
    return result


@contextmanager
def browsing() -> Iterator[Send]:
    """A headless browser, as the function that sends commands to it."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        sys.exit(f"There is no browser to take pictures with: install {' or '.join(BROWSERS)}.")
    # The browser reads commands from file 3 and answers in file 4.
    redirect = ("sh", "-c", 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null', "sh")
    options = ["--headless=new", "--remote-debugging-pipe", "--hide-scrollbars", "--disable-gpu"]
    # Chromium has no sandbox for root, whom containers run as; the pages are our own.
    options += ["--no-sandbox"] if os.geteuid() == 0 else []
    pipe, silent = subprocess.PIPE, subprocess.DEVNULL
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [*redirect, program, *options, f"--user-data-dir={profile}"]
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=silent) as browser:
            try:
                yield partial(send, browser, itertools.count(1))
            finally:
                browser.terminate()


@contextmanager
def serving(folder: Path, package: str) -> Iterator[str]:
    """The address of the tour's champion, served on a free port."""
    command = [sys.executable, "-m", package, "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as service:
        try:
            address = re.search(r"http://\S+", service.stdout.readline() if service.stdout else "")
            if not address:
                sys.exit(f"The service in {folder} did not start: what it said stands above.")
            yield address.group()
        finally:
            service.terminate()


def photograph(send: Send, address: str, script: str, path: Path) -> None:
    """Writes what the script leaves of the page as PNG of 128 colours; exits above 200 kB."""
    target = send("Target.createTarget", url="about:blank")["targetId"]
    page = send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
    size = {"width": WIDTH, "height": 1000, "deviceScaleFactor": PIXELS, "mobile": False}
    send("Emulation.setDeviceMetricsOverride", page=page, **size)
    send("Page.navigate", page=page, url=address)
    run = {"expression": SHOW % script, "awaitPromise": True}
    height = send("Runtime.evaluate", page=page, **run)["result"]["value"]
    clip = {"x": 0, "y": 0, "width": WIDTH, "height": height, "scale": 1}
    shot = send("Page.captureScreenshot", page=page, clip=clip, captureBeyondViewport=True)
    image = Image.open(io.BytesIO(base64.b64decode(shot["data"]))).convert("RGB")
    image.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    taken = path.stat().st_size
    print(f"{path.name}: {image.width} x {image.height} pixels, {taken:,} bytes")
    if taken > BYTES:
        sys.exit(f"{path.name} has more than {BYTES:,} bytes: show less of the page.")


def main() -> None:
    project, docs = Path(sys.argv[1]).resolve(), Path(__file__).parent
    report = project / ".tour" / "reports" / "version-1.html"
    if not report.exists():
        sys.exit(f"{report} is not there: run make demo first.")
    with browsing() as send, serving(project / ".tour", project.name.replace("-", "_")) as service:
        photograph(send, report.as_uri(), REPORT, docs / "report.png")
        photograph(send, service, PAGE, docs / "page.png")


if __name__ == "__main__":
    main()
