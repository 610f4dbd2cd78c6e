"""Many callers at once, who remember what they were answered."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

PATIENCE = 60.0  # seconds until a condition must hold; never waited for in full when it does


@dataclass
class Callers:
    """Threads that ask again as soon as they were answered, until told to stop."""

    address: str
    body: dict[str, Any]
    number: int = 16
    timeout: float = 30.0
    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: set[tuple[str, int]] = field(default_factory=set)
    versions: Counter[int] = field(default_factory=Counter)
    hurried: bool = True  # those who are refused wait as long as they are told, otherwise
    unsaid: int = 0  # refusals that do not say when to come again
    lost: int = 0  # connections that ended without an answer

    def __enter__(self) -> "Callers":
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._ask) for _ in range(self.number)]
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def _ask(self) -> None:
        with httpx.Client(base_url=self.address, timeout=self.timeout) as http:
            while not self.ended.is_set():
                try:
                    answer = http.post("/predict", json=self.body)
                except httpx.TransportError:
                    self.lost += 1
                    if self.ended.wait(0.01):
                        return
                    continue
                self._note(answer)

    def _note(self, answer: httpx.Response) -> None:
        self.statuses[answer.status_code] += 1
        if answer.status_code == 200:
            said = answer.json()
            self.versions[said["version"]] += 1
            places = range(len(said["predictions"]))
            self.acknowledged |= {(said["request_id"], place) for place in places}
        elif answer.status_code == 503 and not answer.headers.get("Retry-After", "").isdigit():
            self.unsaid += 1


def until(holds: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait until something holds."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds
        time.sleep(0.005)
