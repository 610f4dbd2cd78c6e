"""One training as a run of MLflow, with its release as an artifact, registered as a version.

In: a release folder. Out: a `Version`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .. import NAME
from ..errors import WorldBroken
from ..settings import Settings
from . import places
from .fetch import FOLDER
from .registry import Version, client


@contextmanager
def started(candidate: str, settings: Settings) -> Iterator[str]:
    """Give the id of a new run, to which a release is bound; it is FAILED if the block raises."""
    opened = client(settings)
    run = opened.create_run(_experiment(opened, settings), run_name=candidate)
    try:
        yield run.info.run_id
    except BaseException:
        with suppress(Exception):
            opened.set_terminated(run.info.run_id, "FAILED")
        raise


def register(
    run_id: str,
    path: Path,
    pages: dict[str, str],
    lineage: dict[str, Any],
    evaluation: dict[str, Any],
    settings: Settings,
) -> Version:
    """Log one training in its run, with the release as its artifact, and register it.

    pages: text by file name, logged as they are. The tries of the search are metrics by step.
    """
    opened = client(settings)
    run = opened.get_run(run_id)
    stamp = run.info.start_time
    scores = {name: score["value"] for name, score in evaluation["scores"].items()}
    scores |= {"baseline": evaluation["baseline"]}
    params = {"candidate": lineage["candidate"], "rows": lineage["rows"], **lineage["params"]}
    tags = {
        name: lineage[name] for name in ("rows_sha256", "test_sha256", "git_commit", "lock_sha256")
    }
    opened.log_batch(
        run_id,
        metrics=[Metric(name, value, stamp, 0) for name, value in scores.items()]
        + [
            Metric(f"search_{name}", trial[name], stamp, step)
            for step, trial in enumerate(evaluation["search"])
            for name in ("score", "best", "seconds")
        ],
        params=[Param(name, str(value)) for name, value in params.items()],
        tags=[RunTag(name, value) for name, value in tags.items()],
    )
    opened.log_artifacts(run_id, str(path), FOLDER)
    for name, text in pages.items():
        opened.log_text(run_id, text, name)
    opened.set_terminated(run_id)
    source = f"{run.info.artifact_uri}/{FOLDER}"
    _ensure_model(opened)
    made = opened.create_model_version(
        NAME, source, run_id, description=lineage["headline"], await_creation_for=0
    )
    return Version(int(made.version), run_id)


def _experiment(opened: MlflowClient, settings: Settings) -> str:
    found = opened.get_experiment_by_name(NAME)
    if found is not None:
        return str(found.experiment_id)
    # A server chooses where artifacts go; without one, they go beside the database.
    local = settings.tracking_uri.startswith(("sqlite", "postgresql"))
    where = (settings.root / places.FOLDER).as_uri() if local else None
    try:
        return str(opened.create_experiment(NAME, artifact_location=where))
    except MlflowException:  # another first training was faster
        found = opened.get_experiment_by_name(NAME)
        if found is None:
            raise
        return str(found.experiment_id)


def _ensure_model(opened: MlflowClient) -> None:
    try:
        opened.create_registered_model(NAME)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise WorldBroken(f"the registry refuses: {error}") from None
