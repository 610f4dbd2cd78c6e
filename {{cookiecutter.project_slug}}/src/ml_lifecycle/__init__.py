"""The mechanisms beneath a machine learning project, the same in every one; updated, not edited.

A wing a stage: data, model, evaluation, release, service, monitoring. Each names in its `__all__`
what a project may use. What a project decides is given to it: this package imports no project.
"""

from .digest import code_digest, digest
from .errors import CheckFailed, ProjectError, WorldBroken, WrongUse
from .project import Project, approver, in_production
from .settings import Section, find_root, load_toml
from .words import Progress, counted, sentence

__version__ = "0.1.0"
# The versions that the template's own run of this package's tests has seen: from, and below.
TESTED = {
    "fastapi": ("0.165", "0.166"),
    "mlflow-skinny": ("3.17", "3.18"),
    "numpy": ("2.2", "3"),
    "pandas": ("3.0", "3.1"),
    "pydantic": ("2.12", "2.13"),
    "scikit-learn": ("1.9", "1.10"),
    "scipy": ("1.16", "1.18"),
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
    "sentence",
]
