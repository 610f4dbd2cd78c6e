"""The loop that keeps a model honest: watch what was served, retrain on what came back.

In: settings, the table and the ledger. Out: a drift check with its report; a new version with the
gate's verdict on it.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from .data.contract import USED, Contract
from .data.rows import frame_of
from .data.split import fingerprints
from .ledger import Ledger
from .model.search import Progress
from .model.train import Trained, load_rows, train
from .monitoring import report
from .monitoring.verdict import Check, check
from .release import registry
from .release.gate import Verdict
from .release.promotion import promote
from .settings import Settings


def labelled(settings: Settings, contract: Contract) -> pd.DataFrame:
    """Return typed rows that were served and whose outcome is known."""
    with Ledger(settings.ledger_url) as ledger:
        served = ledger.served()
    known = served[served["outcome"].notna()].reset_index(drop=True)
    rows = [
        inputs | {contract.target.name: outcome}
        for inputs, outcome in zip(known["inputs"], known["outcome"], strict=True)
    ]
    for row, at in zip(rows, known["at"], strict=True):
        for column in contract.named("time"):
            if row.get(column.name) is None:
                row[column.name] = at.isoformat()
    return frame_of(contract, rows, USED)


def retrain(
    settings: Settings, progress: Progress, history: pd.DataFrame | None = None
) -> tuple[Trained, Verdict]:
    """Train on the table and on every labelled row since, then ask the gate.

    history: rows to start from instead of the table's. Rows that came back through the ledger and
    are in the table already are counted once.
    """
    table, contract = load_rows(settings)
    rows = table if history is None else history
    fresh = labelled(settings, contract)[list(rows.columns)]
    new = ~np.isin(fingerprints(fresh), fingerprints(rows))
    everything = pd.concat([rows, fresh[new]], ignore_index=True)
    trained = train(everything, contract, settings, progress)
    return trained, promote(settings, trained.version.number)


def watch(settings: Settings, last: int | None = None) -> tuple[Check, Path]:
    """Check the rows that the champion served (the `last` of them) and write the report."""
    champion = registry.champion(settings)
    release = registry.fetch(champion, settings)
    with Ledger(settings.ledger_url) as ledger:
        served = ledger.served(last, champion.number)
    found = check(release, served, settings.drift)
    with Ledger(settings.ledger_url) as ledger:
        ledger.decide("drift", found.verdict, found.reason, champion.number)
    return found, report.write(found, champion.number, settings)
