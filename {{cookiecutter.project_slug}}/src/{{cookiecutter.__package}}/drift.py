"""The verb `drift`: what was served is judged, by itself or as a history; what is mended is said.

In: options. Out: a verdict as a message and an exit code, or a page.
"""

from typing import TYPE_CHECKING

import click

from ml_lifecycle import CheckFailed, WrongUse, counted
from ml_lifecycle.cli import progress, verb

if TYPE_CHECKING:
    from .settings import Settings


@click.command("drift")
@click.option("--last", type=click.IntRange(min=1), help="Only so many of the latest rows.")
@click.option("--by", help="A history in one page: by day, by month, or by a column.")
@click.option("--mended", metavar="REASON", help="Say that what was judged a fault is mended.")
@verb(__package__)
def drift_verb(settings: "Settings", last: int | None, by: str | None, mended: str | None) -> None:
    """Judge what was served since the last check.

    \b
    quiet, watch         exit 0
    fault                exit 1: mend the pipe; `retrain` leaves these rows out until --mended
    retrain              exit 1: `retrain --asked` acts on it, not more often than [drift] allows
    insufficient data    exit 1

    reports/drift.json is for schedulers, reports/drift.html for people. With --last or --by it
    judges as if nobody had looked before, and keeps nothing in mind. A verdict that is new goes to
    the webhooks of [drift].
    """
    from . import lifecycle
    from .monitoring import CALM

    if mended is not None:
        click.echo(_mended(settings, mended))
        return
    if by:
        page = lifecycle.history(settings, by, progress)
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
    return f"{counted(len(stretches), 'broken window')} may be learnt from again"
