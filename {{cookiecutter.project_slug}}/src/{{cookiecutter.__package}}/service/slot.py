"""The model in use. It changes while the service runs, and never to one that fails a check.

In: the registry's alias. Out: the verified release that answers now. When the registry is down the
service goes on with what it has, and starts from its last good copy.
"""

import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from pydantic import BaseModel

from ..data.rows import frame_of
from ..errors import CheckFailed, WorldBroken
from ..release import registry
from ..release.bundle import Release, read
from ..release.registry import Version
from ..settings import Settings
from .request import rows_type

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A release ready to answer: with its number, its request type and a typical row."""

    version: Version
    release: Release
    rows: type[BaseModel]
    usual: pd.DataFrame


class Slot:
    """Holds the model in use; a thread asks the registry for a new champion now and then."""

    def __init__(self, settings: Settings) -> None:
        """Load the champion, or the last good copy while the registry is down."""
        self.settings = settings
        self.note = settings.root / "releases" / "last-good.json"
        self.refused: Version | None = None
        self.loaded = self._first()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="champion-watch", daemon=True)

    def start(self) -> None:
        """Begin to watch the registry."""
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, and wait until the watch has ended."""
        self._stop.set()
        self._thread.join(timeout=10)

    def refresh(self) -> None:
        """Take over a new champion if there is one and it passes every check."""
        champion = registry.by_alias(self.settings)
        if champion in (None, self.loaded.version, self.refused):
            return
        assert champion is not None
        try:
            self.loaded = self._load(champion)
        except CheckFailed as error:
            self.refused = champion
            log.error(
                "version %s is refused, %s stays: %s",
                champion.number,
                self.loaded.version.number,
                error,
            )
            return
        self.refused = None
        log.warning("version %s serves now", champion.number)

    def _first(self) -> Loaded:
        try:
            champion = registry.champion(self.settings)
        except WorldBroken as error:
            if not self.note.exists():
                raise
            log.error("%s; starting from the last good copy", error)
            return self._last_good()
        return self._load(champion)

    def _load(self, version: Version) -> Loaded:
        loaded = _ready(version, registry.fetch(version, self.settings))
        content = {
            "number": version.number,
            "run_id": version.run_id,
            "folder": loaded.release.path.name,
        }
        self.note.write_text(json.dumps(content), encoding="utf-8")
        return loaded

    def _last_good(self) -> Loaded:
        content = json.loads(self.note.read_text(encoding="utf-8"))
        path: Path = self.note.parent / content["folder"]
        version = Version(content["number"], content["run_id"])
        return _ready(version, read(path, self.settings.root))

    def _watch(self) -> None:
        while not self._stop.wait(self.settings.service.refresh_seconds):
            try:
                self.refresh()
            except Exception as error:  # the watch must outlive whatever goes wrong in one round
                log.error("no look at the registry: %s", error)


def _ready(version: Version, release: Release) -> Loaded:
    usual = frame_of(release.contract, [release.facts["usual"]])
    return Loaded(version, release, rows_type(release.contract), usual)
