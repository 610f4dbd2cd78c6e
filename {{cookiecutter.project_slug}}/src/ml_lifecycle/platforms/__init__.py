"""What MLflow, SageMaker, Vertex AI and Azure ML send, expect, and say in the environment.

Their requests become ours, and our answers theirs; the service does not know one from another.
"""

from .environment import address, health_routes, predict_routes
from .invocations import CSV, JSON, answer_type, as_csv, from_invocation

__all__ = [
    "CSV",
    "JSON",
    "address",
    "answer_type",
    "as_csv",
    "from_invocation",
    "health_routes",
    "predict_routes",
]
