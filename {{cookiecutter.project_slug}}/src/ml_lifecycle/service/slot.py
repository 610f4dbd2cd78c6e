"""The model in use. It changes while the service runs, and never to one that fails a check.

In: the ledger's word on who serves. Out: the verified release that answers now. The registry is
only asked for releases that were never here: when it is down, the service goes on, starts and
rolls back with its verified copies.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from pydantic import BaseModel

from ..compiled import Compiled, compile_model
from ..data.rows import to_frame
from ..errors import CheckFailed, WorldBroken
from ..ledger.database import Ledger
from ..release import champion as champions
from ..release.bundle import Release, holdout
from ..release.registry import Registry, Version
from .request import rows_type
from .settings import ServiceSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class LoadedModel:
    """A release ready to answer: with its number, its request type, a typical row, a fast form."""

    version: Version
    release: Release
    request_type: type[BaseModel]
    typical_row: pd.DataFrame
    compiled: Compiled


class Slot:
    """Holds the model in use, and asks the ledger for a new champion now and then."""

    def __init__(
        self, loaded: LoadedModel, ledger: Ledger, load: Callable[[Version], LoadedModel]
    ) -> None:
        """Begin with a loaded model."""
        self.loaded, self.ledger, self.load = loaded, ledger, load
        self.refused: Version | None = None

    def refresh(self) -> None:
        """Take over a new champion if there is one and it passes every check."""
        champion = champions.serving(self.ledger)
        if champion == self.loaded.version:
            self.refused = None
        if champion is None or champion in (self.loaded.version, self.refused):
            return
        try:
            self.loaded = self.load(champion)
        except CheckFailed as error:
            self.refused = champion
            stays = self.loaded.version.number
            log.error("version %s is refused, %s stays: %s", champion.number, stays, error)
            return
        self.refused = None
        log.warning("version %s serves now", champion.number)


def open_slot(registry: Registry, ledger: Ledger, service: ServiceSettings) -> Slot:
    """Return a slot with the champion; while the registry is down, the latest that is here.

    Raises:
        WrongUse: there is no champion yet.
        WorldBroken: it does not come, and there is no copy of another.

    """

    def load(version: Version) -> LoadedModel:
        return ready(version, registry.fetch(version), service)

    wanted = champions.champion(registry, ledger)
    for version in dict.fromkeys(champions.history(ledger)):
        try:
            return Slot(load(version), ledger, load)
        except WorldBroken as error:
            log.error("version %s does not come, so the one before it: %s", version.number, error)
    raise WorldBroken(f"version {wanted.number} does not come, and there is no copy of another")


def ready(version: Version, release: Release, service: ServiceSettings) -> LoadedModel:
    """Return a verified release ready to answer."""
    typical = to_frame(release.contract, [release.manifest.typical_row])
    rows, test = rows_type(release.contract, service), holdout(release)
    compiled = compile_model(release.model, release.contract, release.classes, test)
    level = logging.INFO if compiled.score else logging.WARNING
    log.log(level, "version %s: %s", version.number, compiled.why)
    return LoadedModel(version, release, rows, typical, compiled)
