"""The mechanisms beneath a machine learning project, the same in every one; updated, not edited.

A wing a stage: data, model, evaluation, release, service, monitoring. Each names in its `__all__`
what a project may use. What a project decides is given to it: this package imports no project.
"""

from .digest import code_digest, digest, sha256
from .errors import CheckFailed, ProjectError, WorldBroken, WrongUse
from .project import Project, approver, in_production
from .settings import Section, find_root, load_toml
from .words import Progress, counted, pace, sentence

__version__ = "0.1.0"
# The versions that the template's own run of this package's tests has seen: from, and below.
TESTED = {
    "cryptography": ("50.0", "51"),
    "fastapi": ("0.165", "0.166"),
    "mlflow-skinny": ("3.17", "3.18"),
    "numpy": ("2.4", "2.6"),
    "pandas": ("3.1", "3.2"),
    "pydantic": ("2.14", "2.15"),
    "scikit-learn": ("1.9", "1.10"),
    "scipy": ("1.17", "1.19"),
    "skops": ("0.16", "0.17"),
    "sqlalchemy": ("2.1", "2.2"),
    "starlette": ("1.10", "1.11"),
}
__all__ = [
    "TESTED",
    "CheckFailed",
    "Progress",
    "Project",
    "ProjectError",
    "Section",
    "WorldBroken",
    "WrongUse",
    "__version__",
    "approver",
    "code_digest",
    "counted",
    "digest",
    "find_root",
    "in_production",
    "load_toml",
    "pace",
    "sentence",
    "sha256",
]
