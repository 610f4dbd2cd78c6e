"""The loop that keeps a model honest: watch what was served, retrain on what came back.

In: settings, the table and the ledger. Out: a drift check with its report; a new version with the
gate's verdict on it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from .data.split import fingerprints
from .ledger import Ledger
from .model.search import Progress
from .model.train import Trained, load_rows, train
from .monitoring import report
from .monitoring.verdict import DriftCheck, check
from .release import decision, registry
from .release.champion import champion as serving
from .release.evidence import labelled
from .release.gate import Verdict
from .release.promotion import promote
from .service.rehearsal import rehearse
from .settings import Settings


def ask_gate(
    settings: Settings, number: int | None = None, override: str = "", freeze: bool = False
) -> Verdict:
    """Let a version serve if it answers in the service and the gate lets it; write the page of it.

    See `promotion.promote`.
    """
    verdict = promote(
        settings, lambda release: rehearse(release, settings), number, override, freeze
    )
    if verdict.version is not None:
        decision.write(verdict, settings)
    return verdict


def retrain(
    settings: Settings, progress: Progress, history: pd.DataFrame | None = None
) -> tuple[Trained, Verdict]:
    """Train on the table and on every labelled row since, then ask the gate.

    history: rows to start from instead of the table's. Rows that came back through the ledger and
    are in the table already are counted once.
    """
    table, contract = load_rows(settings)
    rows = table if history is None else history
    with Ledger(settings.ledger_url) as ledger:
        fresh = labelled(ledger, contract)[list(rows.columns)]
    new = ~np.isin(fingerprints(fresh), fingerprints(rows))
    everything = pd.concat([rows, fresh[new]], ignore_index=True)
    trained = train(everything, contract, settings, progress)
    return trained, ask_gate(settings, trained.version.number)


def watch(settings: Settings, last: int | None = None) -> tuple[DriftCheck, Path]:
    """Check the rows that the champion served (the `last` of them) and write the report."""
    champion = serving(settings)
    release = registry.fetch(champion, settings)
    with Ledger(settings.ledger_url) as ledger:
        served = ledger.served(last, champion.number)
    found = check(release, served, settings.drift)
    with Ledger(settings.ledger_url) as ledger:
        ledger.decide("drift", found.verdict, found.reason, champion.number, who=settings.approver)
    return found, report.write(found, champion.number, settings)
