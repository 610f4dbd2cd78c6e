"""MLflow as index and store: runs, versions and the alias `champion`; never its loaders.

In: a version. Out: a verified `Release`; where the alias points. Every answer of MLflow is data
here: what is run was verified by `bundle`. `tracking` is how a training gets there.
"""

import logging
import os
import re
import tempfile
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

# Set before MLflow is imported, where the person has not: no telemetry; and a registry that is
# down is said within seconds, where the default is to retry for minutes.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "5")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from .. import NAME
from ..errors import CheckFailed, WorldBroken, WrongUse
from ..settings import Settings, sqlite_file
from . import fetch as fetching
from . import places
from .bundle import Release, read
from .fetch import FOLDER, brief
from .lock import alone

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("alembic").setLevel(logging.WARNING)

CHAMPION = "champion"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Version:
    """A registered version: its number, the run whose artifacts hold the release, and which one.

    sha256: of the release's manifest, where it is known: after the gate has seen it.
    """

    number: int
    run_id: str
    sha256: str = field(default="", compare=False)


def place(settings: Settings) -> str:
    """Return where the registry is, without the password that a URL may carry."""
    return brief(settings.tracking_uri)


def client(settings: Settings) -> MlflowClient:
    """Return a client of the project's registry, or raise `WorldBroken` if it does not answer."""
    file = sqlite_file(settings.tracking_uri)
    # Where MLflow's own first experiment keeps its files; else that is wherever we are.
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = (settings.root / places.FOLDER).as_uri()
    try:
        # MLflow makes its tables at the first opening, and two at once would break each other.
        with alone(Path(f"{file}.lock")) if file else nullcontext():
            places.escape_percent()
            opened = MlflowClient(settings.tracking_uri, settings.tracking_uri)
            opened.search_experiments(max_results=1)
            if file and file.resolve().parent == settings.root.resolve():
                places.follow(file, settings.root)
    except Exception as error:
        told = f"the registry at {place(settings)} does not answer: {brief(error)}"
        raise WorldBroken(brief(told)) from None
    return opened


def by_alias(settings: Settings) -> Version | None:
    """Return the version that the alias points to, None if there is none.

    Raises:
        WorldBroken: the registry does not answer, which is not the same as "none".

    """
    try:
        found = client(settings).get_model_version_by_alias(NAME, CHAMPION)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise WorldBroken(f"the registry does not answer: {error}") from None
    return Version(int(found.version), str(found.run_id))


def latest(settings: Settings) -> Version | None:
    """Return the version registered last, None if there is none yet."""
    found = client(settings).search_model_versions(f"name = '{NAME}'")
    newest = max(found, key=lambda version: int(version.version), default=None)
    return Version(int(newest.version), str(newest.run_id)) if newest else None


def wanted(settings: Settings, number: int | None) -> Version:
    """Return a version by its number, without one the latest; raise `WrongUse` if there is none."""
    found = latest(settings) if number is None else by_number(settings, number)
    if found is None:
        missing = "train a model first" if number is None else f"version {number} is not registered"
        raise WrongUse(f"{missing} (registry: {place(settings)})")
    return found


def by_number(settings: Settings, number: int) -> Version | None:
    """Return a version by its number, None if it is not registered."""
    try:
        found = client(settings).get_model_version(NAME, str(number))
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return None
        raise WorldBroken(f"the registry does not answer: {error}") from None
    return Version(int(found.version), str(found.run_id))


def point(settings: Settings, version: Version) -> None:
    """Let the alias point to `version`; raise `WorldBroken` if that cannot be done."""
    try:
        client(settings).set_registered_model_alias(NAME, CHAMPION, str(version.number))
    except MlflowException as error:
        raise WorldBroken(f"the registry refuses: {error}") from None


def local(version: Version, settings: Settings) -> Path:
    """Return the folder of the local copy of a release."""
    return settings.root / "releases" / f"{version.number}-{version.run_id[:8]}"


def fetch(version: Version, settings: Settings, seconds: float = fetching.SECONDS) -> Release:
    """Return the verified release of `version`: the copy here, or if it is not right a fresh one.

    seconds: in all, for what comes from afar.

    Raises:
        CheckFailed: what came is not right, or not this version.
        WorldBroken: it does not come.

    """
    if not version.run_id:
        raise CheckFailed(
            f"version {version.number} was released before releases were bound to their runs: "
            "train again"
        )
    if not re.fullmatch(r"\w+", version.run_id):
        raise CheckFailed(f"version {version.number}: {version.run_id!r} is not the id of a run")
    home = local(version, settings)
    refused = ""
    try:
        if home.exists():
            return read(home, settings.root, version.run_id, version.sha256 or None)
    except CheckFailed as error:
        refused = f"; the copy in {home} is not right either: {error}"
        log.warning("version %s: its copy is set aside: %s", version.number, error)
    try:
        return _fetched(version, settings, seconds, home)
    except (CheckFailed, WorldBroken) as error:
        raise type(error)(f"version {version.number}: {error}{refused}") from None


def _fetched(version: Version, settings: Settings, seconds: float, home: Path) -> Release:
    home.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home.parent) as folder:
        made = Path(folder) / FOLDER
        made.mkdir()
        source = _source(version, settings)
        if source:
            fetching.copy(source / FOLDER, made)
        else:
            fetching.download(settings.tracking_uri, version.run_id, made, seconds)
        release = read(made, settings.root, version.run_id, version.sha256 or None)
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
