"""Between the socket and the routes: who may ask, how often, how much and how slowly.

In: a listening socket, [service] and SERVICE_API_KEYS. Out: requests that may pass, counted; a
process that begins before it is ready, and ends without losing one. Knows nothing of models.
"""

from .direct import DirectRoute
from .guard import Guard
from .keys import api_keys
from .metrics import CountRequests, Metrics
from .run import listen, run
from .settings import AccessSettings
from .threads import QueueFull, Threads
from .waiting import when_it_comes

__all__ = [
    "AccessSettings",
    "CountRequests",
    "DirectRoute",
    "Guard",
    "Metrics",
    "QueueFull",
    "Threads",
    "api_keys",
    "listen",
    "run",
    "when_it_comes",
]
