"""A request sent again is answered as before: its key names it, and the ledger remembers.

In: the header Idempotency-Key and the bytes of a body. Out: a request_id that follows from the key,
so that the ledger's primary key keeps every replica from writing twice; and what was answered.
"""

import re
from dataclasses import dataclass
from hashlib import sha256

from ..ledger.database import Ledger
from .bodies import refused
from .forms import ONCE, Prediction, Predictions

(HEADER,) = ONCE["parameters"]
NAME = HEADER["name"]


@dataclass(frozen=True)
class Once:
    """A request that counts once, however often it is sent."""

    request_id: str
    body_sha256: str

    @classmethod
    def of(cls, key: str, body: bytes) -> "Once":
        """Name a request by its key; raise 422 if it is no such key."""
        if not re.match(HEADER["schema"]["pattern"], key):
            raise refused(NAME, "a key is 1 to 255 visible characters of ASCII")
        name = sha256(f"{NAME} {key}".encode()).hexdigest()
        return cls(name[:32], sha256(body).hexdigest())

    def said(self, ledger: Ledger) -> Predictions | None:
        """Return what was answered, None if nothing was; raise 422 if the body was another."""
        rows = ledger.answered(self.request_id)
        if not rows:
            return None
        if rows[0].body_sha256 is None:
            raise refused(NAME, "rows of this request were forgotten since: send a new key")
        if rows[0].body_sha256 != self.body_sha256:
            raise refused(NAME, "this key came before with another body: send a new key")
        found = [
            Prediction(
                # The ledger keeps text; a number has no probabilities.
                prediction=row.prediction if row.probabilities else float(row.prediction),
                probabilities=row.probabilities,
                warnings=row.warnings,
            )
            for row in rows
        ]
        version = rows[0].version
        return Predictions(request_id=self.request_id, version=version, predictions=found)
