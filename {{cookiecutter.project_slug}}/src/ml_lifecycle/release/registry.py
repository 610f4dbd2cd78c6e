"""MLflow as index and store: runs, versions and the alias `champion`; never its loaders.

In: a project. Out: versions; a verified `Release`; where the alias points. Every answer of MLflow
is data here: what is run was verified by `bundle`.
"""

import logging
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import download
from ..download import FOLDER, brief
from ..errors import CheckFailed, WorldBroken, WrongUse
from ..project import Project
from .bundle import Release, read_release
from .client import experiment_id, open_client, place
from .keys import sign
from .trust import TrustPolicy

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


@dataclass(frozen=True)
class Registry:
    """The project's runs and versions in MLflow, and its verified copies; trust: see there."""

    project: Project
    trust: TrustPolicy

    @property
    def place(self) -> str:
        """Where the registry is, without the password that a URL may carry."""
        return place(self.project)

    def check_key(self) -> None:
        """Raise `WrongUse` if nothing could be signed here; see `keys.sign`."""
        sign(b"", self.project.root)

    def client(self) -> Any:
        """Return MLflow's client, or raise `WorldBroken` if the registry does not answer."""
        return open_client(self.project)

    def by_alias(self) -> Version | None:
        """Return the version that the alias points to, None if there is none.

        Raises:
            WorldBroken: the registry does not answer, which is not the same as "none".

        """
        absent = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
        return self._asked("get_model_version_by_alias", CHAMPION, absent)

    def get(self, number: int) -> Version | None:
        """Return a version by its number, None if it is not registered."""
        return self._asked("get_model_version", str(number), ("RESOURCE_DOES_NOT_EXIST",))

    def _asked(self, method: str, what: str, absent: tuple[str, ...]) -> Version | None:
        opened = self.client()
        from mlflow.exceptions import MlflowException

        try:
            found = getattr(opened, method)(self.project.name, what)
        except MlflowException as error:
            if error.error_code in absent:
                return None
            raise WorldBroken(f"the registry does not answer: {error}") from None
        return Version(int(found.version), str(found.run_id))

    def latest(self) -> Version | None:
        """Return the version registered last, None if there is none yet."""
        found = self.client().search_model_versions(f"name = '{self.project.name}'")
        newest = max(found, key=lambda version: int(version.version), default=None)
        return Version(int(newest.version), str(newest.run_id)) if newest else None

    def wanted(self, number: int | None) -> Version:
        """Return a version by its number, or the latest; raise `WrongUse` if there is none."""
        found = self.latest() if number is None else self.get(number)
        if found is None:
            missing = f"version {number} is not registered" if number else "train a model first"
            raise WrongUse(f"{missing} (registry: {self.place})")
        return found

    def point(self, version: Version) -> None:
        """Let the alias point to `version`; raise `WorldBroken` if that cannot be done."""
        opened = self.client()
        from mlflow.exceptions import MlflowException

        try:
            opened.set_registered_model_alias(self.project.name, CHAMPION, str(version.number))
        except MlflowException as error:
            raise WorldBroken(f"the registry refuses: {error}") from None

    def local(self, version: Version) -> Path:
        """Return the folder of the local copy of a release."""
        return self.project.releases / f"{version.number}-{version.run_id[:8]}"

    def fetch(self, version: Version, seconds: float = download.SECONDS) -> Release:
        """Return the verified release of `version`: the copy here, or if it is not right another.

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
            raise CheckFailed(f"version {version.number}: {version.run_id!r} is no id of a run")
        home, refused = self.local(version), ""
        try:
            if home.exists():
                return self._read(home, version)
        except CheckFailed as error:
            refused = f"; the copy in {home} is not right either: {error}"
            log.warning("version %s: its copy is set aside: %s", version.number, error)
        try:
            return self._fetched(version, seconds, home)
        except (CheckFailed, WorldBroken) as error:
            raise type(error)(f"version {version.number}: {error}{refused}") from None

    def _read(self, folder: Path, version: Version) -> Release:
        expected = version.sha256 or None
        return read_release(folder, self.project, self.trust, version.run_id, expected)

    def _fetched(self, version: Version, seconds: float, home: Path) -> Release:
        home.parent.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as folder:
            made = Path(folder) / FOLDER
            made.mkdir()
            source = self._source(version)
            if source:
                download.copy(source / FOLDER, made)
            else:
                download.download(self.project.tracking_uri, version.run_id, made, seconds)
            release = self._read(made, version)
            download.replace(made, home)
        return replace(release, path=home)

    def _source(self, version: Version) -> Path | None:
        """Return the folder of the run's artifacts, None if database or artifacts are not here."""
        if not self.project.tracking_uri.startswith("sqlite"):
            return None
        opened = self.client()
        from mlflow.exceptions import MlflowException

        try:
            run = opened.get_run(version.run_id)
        except MlflowException as error:
            raise WorldBroken(f"it cannot be fetched: {brief(error)}") from None
        return download.local(run.info.artifact_uri)

    @contextmanager
    def start_run(self, name: str) -> Iterator[Any]:
        """Give a new run of MLflow, `run.info.run_id`; it is FAILED if the block raises."""
        client = self.client()
        run = client.create_run(experiment_id(self.project, client), run_name=name)
        try:
            yield run
        except BaseException:
            with suppress(Exception):
                client.set_terminated(run.info.run_id, "FAILED")
            raise

    def register(self, run: Any, folder: Path, description: str) -> Version:
        """Log a release folder as the run's artifact, end the run, and register it as a version."""
        client, run_id, name = self.client(), run.info.run_id, self.project.name
        from mlflow.exceptions import MlflowException

        client.log_artifacts(run_id, str(folder), FOLDER)
        client.set_terminated(run_id)
        try:
            client.create_registered_model(name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise WorldBroken(f"the registry refuses: {error}") from None
        source = f"{run.info.artifact_uri}/{FOLDER}"
        made = client.create_model_version(
            name, source, run_id, description=description, await_creation_for=0
        )
        return Version(int(made.version), run_id)
