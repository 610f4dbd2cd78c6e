"""The loop that keeps a model honest: ask the gate, watch what was served, retrain, score files.

In: settings, the table and the ledger. Out: a verdict of the gate; a drift check; a new version; a
scored file. An action of your own on a verdict (a mail, a ticket) belongs into `watch`.
"""

from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ml_lifecycle import Progress, WrongUse
from ml_lifecycle.data import load_rows, row_hashes, unseen_values, validate
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.monitoring import DriftCheck
from ml_lifecycle.release import Release, champion, labelled, promote, questions
from ml_lifecycle.service import predict_labels
from ml_lifecycle.tables import read_table, write_table

from . import gate, monitoring
from .service import build
from .settings import Settings
from .training import Version, train


def ask_gate(
    settings: Settings,
    number: int | None = None,
    override: str = "",
    freeze: bool = False,
    strict: bool = False,
) -> questions.Verdict:
    """Let a version serve if it answers in the service and the gate lets it; write the page of it.

    number, override, freeze: see `ml_lifecycle.release.promote`; strict: judge a refresh, the same
    recipe on newer rows, as a change.
    """
    from ml_lifecycle.pages import gate_page

    verdict = promote(
        settings.registry,
        partial(gate.judge, settings=settings, strict=strict),
        partial(rehearse, settings=settings),
        settings.gate.min_outcomes,
        settings.approver,
        number,
        override,
        freeze,
        settings.data.exclude,
    )
    if verdict.version is not None:
        page = settings.project.reports / f"gate-version-{verdict.version}.html"
        text = gate_page(verdict, settings.project, gate.ADVICE[verdict.verdict])
        page.write_text(text, encoding="utf-8")
    return verdict


def rehearse(release: Release, settings: Settings) -> float:
    """Try a release in the real service; return the median milliseconds of one row."""
    from ml_lifecycle.service import rehearsal

    app = partial(build, project=settings.project, service=settings.service, keys=[])
    return rehearsal.rehearse(release, settings.service, app)


def watch(settings: Settings, last: int | None = None) -> tuple[DriftCheck, Path]:
    """Check the rows that the champion served (the `last` of them) and write the report.

    Who is champion is the last move in the ledger (`promote`, `rollback`); the registry has its
    files.
    """
    version, release = champion.champion_release(settings.registry)
    with Ledger(settings.project.ledger_url) as ledger:
        served = ledger.served(last, version.number)
        found = monitoring.check(release, served, settings.drift)
        who = settings.approver
        ledger.decide("drift", found.verdict, found.reason, version.number, who=who)
    return found, monitoring.write(found, version.number, settings.project)


def retrain(
    settings: Settings,
    progress: Progress,
    history: pd.DataFrame | None = None,
    strict: bool = False,
) -> tuple[Version, questions.Verdict]:
    """Train on the table and on every labelled row since, then ask the gate.

    history: rows to start from instead of the table's. Rows that came back through the ledger and
    are in the table already are counted once. strict: see `ask_gate`.
    """
    table, contract = load_rows(settings.project, settings.data)
    rows = table if history is None else history
    with Ledger(settings.project.ledger_url) as ledger:
        fresh = labelled(ledger, contract)[list(rows.columns)]
    new = ~np.isin(row_hashes(fresh), row_hashes(rows))
    everything = pd.concat([rows, fresh[new]], ignore_index=True)
    version = train(everything, contract, settings, progress)
    return version, ask_gate(settings, version.number, strict=strict)


def predict(settings: Settings, source: str, output: Path) -> tuple[int, int, dict[str, int]]:
    """Score a whole file with the champion; write OUTPUT whole or not at all.

    What came in stays as it is, with the prediction beside it. Returns how many rows, which
    version, and by column how many values training never saw.
    """
    here = str(Path(source).resolve()) if "://" not in source else source
    if Path(here) == output.resolve():
        raise WrongUse(f"{output} is what is to be scored: name another file to write to")
    version, release = champion.champion_release(settings.registry)
    table = read_table(here, settings.project.root, settings.data.header, settings.data.encoding)
    frame = validate(release.contract, table.frame, source, roles=("feature",))
    labels, y_pred = predict_labels(release, frame)
    added = {"prediction": labels}
    if release.classes:
        columns = y_pred.T if y_pred.ndim == 2 else np.stack([1 - y_pred, y_pred])
        names = [f"probability of {name}" for name in release.classes]
        added |= dict(zip(names, columns.tolist(), strict=True))
    write_table(table, added, output)
    odd = unseen_values(release.contract, frame)
    return len(frame), version.number, {name: int(marks.sum()) for name, marks in odd.items()}
