"""MLflow as index and store: runs, versions and the alias `champion`; never its loaders.

In: a release folder. Out: a registered version; and a verified `Release` back from a version. Every
answer of MLflow is data here: what is run was verified by `bundle`.
"""

import logging
import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

# Set before MLflow is imported, where the person has not: no telemetry; and a registry that is
# down is said within seconds, where the default is to retry for minutes.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .. import NAME
from ..errors import CheckFailed, WorldBroken, WrongUse
from ..settings import Settings
from . import fetch as fetching
from .bundle import Release, read
from .fetch import FOLDER, brief
from .lock import alone

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)

CHAMPION = "champion"
ANCHOR = "anchor"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """A registered version: its number and the run whose artifacts hold the release."""

    number: int
    run_id: str


def client(settings: Settings) -> MlflowClient:
    """Return a client of the project's registry, or raise `WorldBroken` if it does not answer."""
    path = settings.tracking_uri.removeprefix("sqlite:///")
    local = path != settings.tracking_uri
    try:
        # MLflow makes its tables at the first opening, and two at once would break each other.
        with alone(Path(f"{path}.lock")) if local else nullcontext():
            opened = MlflowClient(settings.tracking_uri, settings.tracking_uri)
            opened.search_experiments(max_results=1)
    except Exception as error:
        text = f"the registry at {settings.tracking_uri} does not answer: {brief(error)}"
        raise WorldBroken(brief(text)) from None
    return opened


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
    facts: dict[str, Any],
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
    params = {"candidate": facts["candidate"], "rows": facts["rows"], **facts["settings"]}
    tags = {
        name: facts[name] for name in ("rows_sha256", "test_sha256", "git_commit", "lock_sha256")
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
        NAME, source, run_id, description=facts["headline"], await_creation_for=0
    )
    return Version(int(made.version), run_id)


def _experiment(opened: MlflowClient, settings: Settings) -> str:
    found = opened.get_experiment_by_name(NAME)
    if found is not None:
        return str(found.experiment_id)
    # A server chooses where artifacts go; without one, they go beside the database.
    local = settings.tracking_uri.startswith(("sqlite", "postgresql"))
    where = (settings.root / "mlruns").as_uri() if local else None
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


def by_alias(settings: Settings, alias: str = CHAMPION) -> Version | None:
    """Return the version that an alias points to, None if there is none yet.

    Raises:
        WorldBroken: the registry does not answer, which is not the same as "none yet".

    """
    try:
        found = client(settings).get_model_version_by_alias(NAME, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise WorldBroken(f"the registry does not answer: {error}") from None
    return Version(int(found.version), str(found.run_id))


def champion(settings: Settings) -> Version:
    """Return the version that serves; raise `WrongUse` if there is none yet."""
    found = by_alias(settings)
    if found is None:
        raise WrongUse("there is no champion yet: run `train`, then `promote`")
    return found


def latest(settings: Settings) -> Version | None:
    """Return the version registered last, None if there is none yet."""
    found = client(settings).search_model_versions(f"name = '{NAME}'")
    newest = max(found, key=lambda version: int(version.version), default=None)
    return Version(int(newest.version), str(newest.run_id)) if newest else None


def by_number(settings: Settings, number: int) -> Version | None:
    """Return a version by its number, None if it is not registered."""
    try:
        found = client(settings).get_model_version(NAME, str(number))
    except MlflowException:
        return None
    return Version(int(found.version), str(found.run_id))


def point(settings: Settings, version: Version, alias: str = CHAMPION) -> None:
    """Let `alias` point to `version`; only the gate calls this, under the ledger's lock."""
    client(settings).set_registered_model_alias(NAME, alias, str(version.number))


def fetch(
    version: Version,
    settings: Settings,
    sha256: str | None = None,
    seconds: float = fetching.SECONDS,
) -> Release:
    """Return the verified release of `version`: the copy here, or if it is not right a fresh one.

    sha256: of its manifest, where somebody knows it; seconds: in all, for what comes from afar.

    Raises:
        CheckFailed: what came is not right, or not this version.
        WorldBroken: it does not come.

    """
    if not re.fullmatch(r"\w+", version.run_id):
        raise CheckFailed(f"version {version.number}: {version.run_id!r} is not the id of a run")
    home = settings.root / "releases" / f"{version.number}-{version.run_id[:8]}"
    refused = ""
    try:
        if home.exists():
            return read(home, settings.root, version.run_id, sha256)
    except CheckFailed as error:
        refused = f"; the copy in {home} is not right either: {error}"
        log.warning("version %s: its copy is set aside: %s", version.number, error)
    try:
        return _fetched(version, settings, sha256, seconds, home)
    except (CheckFailed, WorldBroken) as error:
        raise type(error)(f"version {version.number}: {error}{refused}") from None


def _fetched(
    version: Version, settings: Settings, sha256: str | None, seconds: float, home: Path
) -> Release:
    home.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        made = Path(folder) / FOLDER
        made.mkdir()
        source = _source(version, settings)
        if source:
            fetching.copy(source / FOLDER, made)
        else:
            fetching.download(settings.tracking_uri, version.run_id, made, seconds)
        release = read(made, settings.root, version.run_id, sha256)
        fetching.replace(made, home)
    return replace(release, path=home)


def _source(version: Version, settings: Settings) -> Path | None:
    """Return the folder of the run's artifacts, None if database or artifacts are not local."""
    if not settings.tracking_uri.startswith("sqlite"):
        return None
    try:
        run = client(settings).get_run(version.run_id)
    except MlflowException as error:
        raise WorldBroken(f"it cannot be fetched: {brief(error)}") from None
    return fetching.local(run.info.artifact_uri)
