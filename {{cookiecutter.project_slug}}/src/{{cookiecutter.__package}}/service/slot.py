"""The model in use. It changes while the service runs, and never to one that fails a check.

In: the ledger's word on who serves. Out: the verified release that answers now. The registry is
only asked for releases that were never here: when it is down, the service goes on, starts and
rolls back with its verified copies.
"""

import logging
from dataclasses import dataclass

import pandas as pd
from pydantic import BaseModel

from ..data.rows import to_frame
from ..errors import CheckFailed, WorldBroken
from ..ledger import Ledger
from ..release import champion as champions
from ..release import registry
from ..release.bundle import Release
from ..release.registry import Version
from ..settings import Service, Settings
from .request import rows_type

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A release ready to answer: with its number, its request type and a typical row."""

    version: Version
    release: Release
    request_type: type[BaseModel]
    typical_row: pd.DataFrame


class Slot:
    """Holds the model in use, and asks the ledger for a new champion now and then."""

    def __init__(self, settings: Settings, ledger: Ledger) -> None:
        """Load the champion, or while the registry is down the latest of which a copy is here."""
        self.settings, self.ledger = settings, ledger
        self.refused: Version | None = None
        self.loaded = self._first()

    def refresh(self) -> None:
        """Take over a new champion if there is one and it passes every check."""
        champion = champions.serving(self.ledger)
        if champion == self.loaded.version:
            self.refused = None
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

    def _first(self) -> LoadedModel:
        wanted = champions.champion(self.settings)
        for version in dict.fromkeys(champions.history(self.ledger)):
            try:
                return self._load(version)
            except WorldBroken as error:
                log.error(
                    "version %s does not come, so the one before it: %s", version.number, error
                )
        raise WorldBroken(f"version {wanted.number} does not come, and there is no copy of another")

    def _load(self, version: Version) -> LoadedModel:
        return ready(version, registry.fetch(version, self.settings), self.settings.service)


def ready(version: Version, release: Release, service: Service) -> LoadedModel:
    """Return a verified release ready to answer."""
    typical = to_frame(release.contract, [release.lineage["typical_row"]])
    return LoadedModel(version, release, rows_type(release.contract, service), typical)
