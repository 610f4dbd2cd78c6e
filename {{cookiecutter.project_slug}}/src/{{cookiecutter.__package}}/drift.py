"""The verb `drift`: what was served is judged, by itself or as a history; what is mended is said.

In: options. Out: a verdict as a message and an exit code, or a page.
"""

from typing import TYPE_CHECKING, Any

import click

from ml_lifecycle import CheckFailed, WrongUse, counted
from ml_lifecycle.cli import progress, verb

if TYPE_CHECKING:
    from pathlib import Path

    from .settings import Settings


@click.command("drift")
@click.option("--last", type=click.IntRange(min=1), help="Only so many of the latest rows.")
@click.option("--by", help="A history in one page: by day, by month, or by a column.")
@click.option(
    "--mended",
    metavar="REASON",
    help="Let rows of windows judged a fault be learnt from, as they are.",
)
@verb(__package__)
def drift_verb(settings: "Settings", last: int | None, by: str | None, mended: str | None) -> None:
    """Judge what was served since the last check.

    \b
    quiet, watch         exit 0
    fault                exit 1: mend the pipe; rows of this window are left out of `retrain`, the
                         gate and the loss, until --mended says that they are right as they are
    retrain              exit 1: `retrain --asked` acts on it, not more often than [drift] allows
    insufficient data    exit 1

    reports/drift.json is for schedulers, reports/drift.html for people. With --last or --by it
    judges as if nobody had looked before, and keeps nothing in mind. A verdict that is new goes to
    the webhooks of [drift].
    """
    from . import lifecycle
    from .monitoring import CALM

    if sum(one is not None for one in (last, by, mended)) > 1:
        raise WrongUse("give one of --last, --by and --mended")
    if mended is not None:
        click.echo(_mended(settings, mended))
        return
    if by:
        page = history(settings, by)
        click.echo(f"Look at {page.relative_to(settings.project.root)}")
        return
    found, page = lifecycle.watch(settings, last)
    where = page.relative_to(settings.project.root)
    message = f"{found.verdict.upper()}: {found.reason}\nLook at {where}"
    if found.verdict not in CALM:
        raise CheckFailed(message)
    click.echo(message)


def _mended(settings: "Settings", reason: str) -> str:
    from ml_lifecycle.ledger import Ledger

    from .loop import broken

    if not reason.strip():
        raise WrongUse("--mended: say what was mended, for whoever reads the ledger")
    with Ledger(settings.project.ledger_url) as ledger:
        stretches = broken(ledger)
        if stretches:
            ledger.decide("mended", "mended", reason, who=settings.approver)
    return f"{counted(len(stretches), 'broken window')} may be learnt from again, as the rows are"


def history(settings: "Settings", by: str) -> "Path":
    """Judge what the champion served part by part, and write one page of it.

    by: day, month, or a column, whose values are compared with test rows that have them; of more
    than [drift] max_rows so many are drawn by chance. As if nobody had looked before, at a level
    for all parts together.
    """
    from ml_lifecycle.ledger import Ledger
    from ml_lifecycle.monitoring import baseline, of_part, parted
    from ml_lifecycle.pages import history_page
    from ml_lifecycle.release import champion

    from . import monitoring

    version, release = champion.champion_release(settings.registry)
    with Ledger(settings.project.ledger_url) as ledger:
        served = ledger.served(version=version.number, most=settings.drift.max_rows)
    parts = parted(served, by, release.contract)
    if not parts:
        raise WrongUse(
            f"version {version.number} has not served a row yet: `serve`, then ask again"
        )
    rate = settings.drift.false_alarm_rate / len(parts)
    drift, past = settings.drift.model_copy(update={"false_alarm_rate": rate}), []
    known = baseline(release)
    for place, (name, rows) in enumerate(parts, 1):
        alike = of_part(release, known, by, name, settings.drift)
        about: dict[str, Any] = {"at": name, "rows": len(rows), "verdict": "insufficient data"}
        about |= {"reason": f"too few test rows have '{by}' = {name}"}
        if alike is not None:
            found = monitoring.check(alike[0], rows, drift, known=alike[1])
            about |= {"verdict": found.verdict, "reason": found.reason}
            about |= monitoring.details(found)
        past.append(about)
        progress(f"{name}: {about['verdict'].upper()}", place, len(parts))
    page = settings.project.reports / "drift-history.html"
    text = history_page(past, settings.project, version.number, by)
    page.write_text(text, encoding="utf-8")
    return page
