"""The model in use. It changes while the service runs, and never to one that fails a check.

In: the registry's alias. Out: the verified release that answers now. When the registry is down the
service goes on with what it has, and starts from its last good copy.
"""

import asyncio
import json
import logging
from dataclasses import asdict, dataclass

import pandas as pd
from anyio import to_thread
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
    """Holds the model in use, and asks the registry for a new champion now and then."""

    def __init__(self, settings: Settings) -> None:
        """Load the champion, or the last good copy while the registry is down."""
        self.settings = settings
        self.note = settings.root / "releases" / "last-good.json"
        self.refused: Version | None = None
        self.loaded = self._first()

    async def watch(self) -> None:
        """Take over each new champion until cancelled."""
        while True:
            await asyncio.sleep(self.settings.service.refresh_seconds)
            try:
                # A registry that hangs must not keep the process from ending.
                await to_thread.run_sync(self.refresh, abandon_on_cancel=True)
            except Exception as error:  # the watch must outlive whatever goes wrong in one round
                log.error("no look at the registry: %s", error)

    def refresh(self) -> None:
        """Take over a new champion if there is one and it passes every check."""
        champion = registry.by_alias(self.settings)
        if champion is None or champion in (self.loaded.version, self.refused):
            return
        try:
            self.loaded = self._load(champion)
        except CheckFailed as error:
            self.refused = champion
            stays = self.loaded.version.number
            log.error("version %s is refused, %s stays: %s", champion.number, stays, error)
            return
        self.refused = None
        log.warning("version %s serves now", champion.number)

    def _first(self) -> Loaded:
        try:
            return self._load(registry.champion(self.settings))
        except WorldBroken as error:
            if not self.note.exists():
                raise
            log.error("%s; starting from the last good copy", error)
        content = json.loads(self.note.read_text(encoding="utf-8"))
        path = self.note.parent / content.pop("folder")
        return _ready(Version(**content), read(path, self.settings.root))

    def _load(self, version: Version) -> Loaded:
        loaded = _ready(version, registry.fetch(version, self.settings))
        content = asdict(version) | {"folder": loaded.release.path.name}
        self.note.write_text(json.dumps(content), encoding="utf-8")
        return loaded


def _ready(version: Version, release: Release) -> Loaded:
    usual = frame_of(release.contract, [release.facts["usual"]])
    return Loaded(version, release, rows_type(release.contract), usual)
