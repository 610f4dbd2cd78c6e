"""The loop that keeps a model honest: ask the gate, watch what was served, retrain, score files.

In: settings, the table and the ledger. Out: a verdict of the gate; a drift check; a new version; a
scored file. An action of your own on a verdict (a mail, a ticket) belongs into `watch`.
"""

import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from ml_lifecycle import Progress, WorldBroken, WrongUse, counted, pace
from ml_lifecycle.data import load_rows, row_hashes
from ml_lifecycle.ledger import Ledger, traffic_of
from ml_lifecycle.monitoring import Looks, remembered
from ml_lifecycle.release import Release, champion, labelled, promote, questions
from ml_lifecycle.service import ready, score
from ml_lifecycle.tables import local, parts_of, pieces

from . import gate, loop, monitoring
from .service import build
from .settings import Settings
from .training import Version, train

PIECE = 20_000  # rows that are scored, and kept if the rest is cut off, at a time


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

    with Ledger(settings.project.ledger_url) as ledger:
        broken = loop.broken(ledger)
    verdict = promote(
        settings.registry,
        partial(gate.judge, settings=settings, strict=strict),
        partial(rehearse, settings=settings),
        settings.gate.min_outcomes,
        settings.approver,
        number,
        override,
        freeze,
        partial(labelled, exclude=settings.data.exclude, without=broken),
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


def watch(settings: Settings, last: int | None = None) -> tuple[monitoring.DriftCheck, Path]:
    """Check what the champion served since the last check, and write the report.

    last: so many of the latest rows instead, as if nobody had looked before; it is not remembered.
    Who is champion is the last move in the ledger (`promote`, `rollback`); the registry has its
    files.
    """
    version, release = champion.champion_release(settings.registry)
    with Ledger(settings.project.ledger_url) as ledger:
        looks = Looks() if last else remembered(ledger, version.number)
        most = None if last else settings.drift.max_rows
        served = ledger.served(last, version.number, since=looks.moments, most=most)
        asked, broken = traffic_of(ledger, version.number, looks.until), loop.broken(ledger)
        found = monitoring.check(
            release, served, settings.drift, looks, asked=asked, without=broken
        )
        said = (found.verdict, found.reason, version.number, None)
        with ledger.exclusive() as alone:
            if not last and remembered(ledger, version.number) != looks:
                raise WorldBroken("another check judged these rows meanwhile: ask again")
            details = {} if last else monitoring.details(found)
            ledger.decide("drift", *said, details, alone, who=settings.approver)
        earlier = ledger.decisions("drift", version=version.number)
        try:
            if not last:  # which is for who asked only
                loop.tell(settings, ledger, found, version.number)
        except WorldBroken as error:
            raise WorldBroken(f"{found.verdict.upper()}: {found.reason}\n{error}") from None
        finally:
            page = monitoring.write(found, version.number, settings.project, earlier)
    return found, page


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
        # What came through a broken pipe is nothing to learn from.
        fresh = labelled(ledger, contract, without=loop.broken(ledger))[list(rows.columns)]
    new = ~np.isin(row_hashes(fresh), row_hashes(rows))
    everything = pd.concat([rows, fresh[new]], ignore_index=True)
    version = train(everything, contract, settings, progress)
    verdict = ask_gate(settings, version.number, strict=strict)
    with Ledger(settings.project.ledger_url) as ledger:
        # No word of the gate's for a verdict: that would say again who serves.
        gate_said, who = {"gate": verdict.verdict}, settings.approver
        ledger.decide("retrain", "done", verdict.reason, version.number, None, gate_said, who=who)
    return version, verdict


@dataclass(frozen=True)
class Scored:
    """What `predict` did: rows, of them those of an earlier try, by which version.

    odd: by column how many values training never saw.
    """

    rows: int
    before: int
    version: int
    odd: Counter[str]

    def __str__(self) -> str:
        """Say it in words."""
        known = f" ({self.before:,} of them in an earlier try)" if self.before else ""
        return f"{counted(self.rows, 'row')} scored by version {self.version}{known}"


def predict(settings: Settings, source: str, output: Path, progress: Progress) -> Scored:
    """Score a whole file with the champion, as the service answers; OUTPUT is whole or not there.

    What came in stays as it is, with the prediction beside it. The file may be larger than memory:
    it goes through in pieces, and a try that was cut off is gone on with.
    """
    version, release = champion.champion_release(settings.registry)
    model, rows, before, odd = ready(version, release, settings.service), 0, 0, Counter[str]()
    data, begun = settings.data, time.monotonic()
    with local(source, Path.cwd()) as path:
        if path.resolve() == output.resolve():
            raise WrongUse(f"{output} is what is to be scored: name another file to write to")
        about = path.stat()
        made_from = f"{source} {about.st_size} {about.st_mtime_ns} {version}"
        with parts_of(output, made_from) as parts:
            for place, piece in enumerate(pieces(path, source, PIECE, data.header, data.encoding)):
                rows += len(piece.table.frame)
                known = parts.known(place)
                if known is None:
                    said, known = score(model, piece.table)
                    parts.write(place, piece.table, said, known)
                    done = pace(rows - before, piece.share, time.monotonic() - begun)
                    progress(done, round(1000 * piece.share), 1000)
                else:
                    before = rows
                odd.update(known)
    return Scored(rows, before, version.number, odd)
