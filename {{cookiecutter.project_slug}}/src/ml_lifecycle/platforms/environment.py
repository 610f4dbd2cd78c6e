"""Where a platform calls the service, as it says in the environment of the container.

In: AIP_HTTP_PORT, AIP_PREDICT_ROUTE and AIP_HEALTH_ROUTE of Vertex AI; SAGEMAKER_BIND_TO_PORT. Out:
an address to listen at, and routes. Azure ML is told ours, or calls /score.
"""

import os

from ..errors import WrongUse

PORTS = ("AIP_HTTP_PORT", "SAGEMAKER_BIND_TO_PORT")


def address() -> dict[str, str | int]:
    """Return the host and port at which the platform calls, nothing elsewhere."""
    for name in PORTS:
        if port := os.environ.get(name):
            if not port.isdecimal() or int(port) > 65535:
                raise WrongUse(f"{name} is no port: {port}")
            return {"host": "0.0.0.0", "port": int(port)}
    return {}


def predict_routes() -> list[str]:
    """Return the paths at which platforms ask for predictions."""
    return [*dict.fromkeys(["/invocations", "/score", *_route("AIP_PREDICT_ROUTE")])]


def health_routes() -> list[str]:
    """Return the paths at which a platform asks if the service is ready, besides our own."""
    return _route("AIP_HEALTH_ROUTE")


def _route(name: str) -> list[str]:
    path = os.environ.get(name, "")
    if path and not path.startswith("/"):
        raise WrongUse(f"{name} is no path: {path}")
    return [path] if path else []
