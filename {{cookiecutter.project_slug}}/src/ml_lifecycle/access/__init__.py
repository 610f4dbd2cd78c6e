"""Who may ask, how often, how much and how slowly: what stands before every request.

In: [service] and SERVICE_API_KEYS. Out: ASGI middleware and a protocol that refuse by themselves.
Knows nothing of models.
"""

from .guard import Guard
from .keys import api_keys
from .patience import Impatient
from .settings import AccessSettings

__all__ = ["AccessSettings", "Guard", "Impatient", "api_keys"]
