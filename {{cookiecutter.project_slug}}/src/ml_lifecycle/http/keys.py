"""API keys: which are valid, and whose a given one is.

In: SERVICE_API_KEYS, comma-separated, so that an old and a new one are valid at once. Out: bytes.
"""

import hmac
import os

from ..errors import WrongUse
from ..project import in_production


def api_keys(issuer: str = "") -> list[bytes]:
    """Return the valid keys, of any bytes but commas.

    Raises:
        WrongUse: in production there are none, and no issuer whose tokens would do.

    """
    given = os.fsencode(os.environ.get("SERVICE_API_KEYS", "")).split(b",")
    keys = [key.strip() for key in given if key.strip()]
    if in_production() and not keys and not issuer:
        raise WrongUse("ENVIRONMENT is production, but SERVICE_API_KEYS is empty")
    return keys


def owner(given: bytes, keys: list[bytes]) -> str:
    """Return whose key `given` is, "" if nobody's."""
    # Every key is compared, so that the time taken says nothing about which one was close.
    same = [hmac.compare_digest(given, key) for key in keys]
    return f"key {same.index(True)}" if any(same) else ""
