"""How often one caller may ask.

The generic cell rate algorithm (ITU-T I.371, 2004, annex A): one moment a caller says it all.
"""

import time

MOST = 100_000  # callers that are remembered; tokens may be of any number of people


class Rate:
    """So many requests a second for each caller, with bursts of a second's worth."""

    def __init__(self, per_second: float) -> None:
        """Let `per_second` requests of one caller in; 0: any number."""
        self.per_second = per_second
        self.due: dict[str, float] = {}

    def wait(self, who: str) -> float:
        """Count a request and return 0, or return in how many seconds the next one may come."""
        if not self.per_second:
            return 0.0
        now = time.monotonic()
        due = max(self.due.get(who, now), now)
        # At least one request fits into a burst, however few a second are allowed.
        early = due - now - max(0.0, 1.0 - 1.0 / self.per_second)
        if early > 0:
            return early
        if len(self.due) >= MOST:
            self.due = {name: at for name, at in self.due.items() if at > now}
        self.due[who] = due + 1.0 / self.per_second
        return 0.0
