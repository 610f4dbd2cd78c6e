"""The verbs. Each says what it did, where to look and what comes next; each may be run twice.

Exit codes: 0 done, 1 a check said no, 2 wrong use, 3 the world is broken (disk, network, registry).
"""

from importlib.metadata import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ml_lifecycle import CheckFailed, WrongUse, counted
from ml_lifecycle.cli import SHARED, progress, verb

from .card import card_verb
from .drift import drift_verb

if TYPE_CHECKING:
    from ml_lifecycle.release import questions

    from .settings import Settings

ABOUT = metadata(__package__)
STRICT = click.option("--strict", is_flag=True, help="Ask a refresh to be better, as a change is.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ABOUT["Version"], prog_name=ABOUT["Name"])
def main() -> None:
    """The lifecycle of one model, a verb a stage.

    \b
    The first time:   check-data, train, promote, serve
    Every day:        outcomes, drift
    When it says so:  retrain (which asks the gate), rollback if it was a mistake
    Everything once:  tour

    Exit codes: 0 done, 1 a check said no, 2 wrong use, 3 the world is broken.
    """


@main.command("check-data")
@verb(__package__)
def check_data_verb(settings: "Settings") -> None:
    """Read the table, infer contract.yaml once, and hold the table against it.

    Every column gets a kind and a role. Suspected leaks, ids and personal data are named, with the
    line of project.toml to edit; reports/data.html shows each column. Exits 1 with one list of what
    needs your decision.
    """
    from .data import check

    click.echo(check(settings, progress))
    click.echo("Next: `train`")


@main.command("train")
@verb(__package__)
def train_verb(settings: "Settings") -> None:
    """Search the ladder, judge what it keeps, fit that on all rows, register a signed release.

    Tracked in MLflow. The new version does not serve before `promote` lets it.
    """
    from ml_lifecycle.data import check_data

    from .data import CHECKS
    from .training import train

    checked = check_data(settings.project, settings.data, CHECKS, settings.service)
    click.echo(train(checked.rows, checked.contract, settings, progress).summary)
    click.echo("Next: `promote`")


@main.command("promote")
@click.option("--version", "number", type=int, help="Version to judge; default: the latest.")
@click.option("--override", default="", help="Promote in spite of the gate, for this reason.")
@click.option("--anchor", is_flag=True, help="Freeze it: no later champion may fall behind it.")
@STRICT
@verb(__package__)
def promote_verb(
    settings: "Settings", number: int | None, override: str, anchor: bool, strict: bool
) -> None:
    """Ask the gate whether a version may serve, and let it if so.

    On the same rows as the champion, beyond chance, a change must be better and a refresh (the same
    recipe, newer rows) no worse; neither may hurt a slice. Exits 1 if the gate holds or rejects;
    the decision is in the ledger either way, and the page of it in reports/.
    """
    from .lifecycle import ask_gate

    _judged(ask_gate(settings, number, override, anchor, strict))
    click.echo("Next: `serve`; a running service takes it over by itself")


def _judged(verdict: "questions.Verdict") -> None:
    click.echo(f"Asked: {verdict.question}" if verdict.question else "Nothing was asked")
    message = f"{verdict.verdict.upper()}: {verdict.reason}"
    if verdict.version is not None:
        message += f"\nLook at reports/gate-version-{verdict.version}.html"
    if verdict.verdict != "promote":
        raise CheckFailed(message)
    click.echo(message)


@main.command("serve")
@click.option("--host", help="Address to listen on; default: [service] host.")
@click.option(
    "--port", type=click.IntRange(0, 65535), help="Port, 0 for a free one; default: [service] port."
)
@verb(__package__)
def serve_verb(settings: "Settings", host: str | None, port: int | None) -> None:
    """Serve the champion over HTTP until stopped; the page to try it is at `/`."""
    from ml_lifecycle.platforms import address

    from .service import serve

    changes = address() | {k: v for k, v in {"host": host, "port": port}.items() if v is not None}
    service = settings.service.model_copy(update=changes)
    serve(settings.model_copy(update={"service": service}))


@main.command("predict")
@click.argument("source")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@verb(__package__)
def predict_verb(settings: "Settings", source: str, output: Path) -> None:
    """Score SOURCE (CSV or Parquet; path or URL) into OUTPUT; cut off, it goes on where it was."""
    from .lifecycle import predict

    scored = predict(settings, source, output, progress)
    for name, count in scored.odd.items():
        click.echo(f"Column {name}: {counted(count, 'value')} that training never saw", err=True)
    click.echo(f"{scored}: {output}")


@main.command("retrain")
@STRICT
@click.option("--asked", is_flag=True, help="Only if the last check asks for it, not too often.")
@verb(__package__)
def retrain_verb(settings: "Settings", strict: bool, asked: bool) -> None:
    """Train on the table and on every served row whose outcome is known, then ask the gate.

    Rows of windows that `drift` judged a fault are left out until `drift --mended`. --asked is for
    schedulers: it acts on the last verdict as [drift.then] says, after cool_down_days, and exits 0
    if there is nothing to do; 1 if the gate says no, or has turned `attempts` away.
    """
    from ml_lifecycle.ledger import Ledger
    from ml_lifecycle.release import champion

    from .lifecycle import retrain
    from .loop import why_not

    if asked:
        with Ledger(settings.project.ledger_url) as ledger:
            version = champion.champion(settings.registry, ledger)
            if reason := why_not(settings, ledger, version.number):
                click.echo(f"Nothing to do: {reason}")
                return
    made, verdict = retrain(settings, progress, strict=strict)
    click.echo(made.summary)
    _judged(verdict)


@main.command("rollback")
@verb(__package__)
def rollback_verb(settings: "Settings") -> None:
    """Let the former champion serve again. Nothing is judged: it has served before."""
    from ml_lifecycle.release import rollback

    current, former = rollback(settings.registry, settings.approver)
    click.echo(f"Back from version {current} to {former}; a running service follows by itself")


@main.command("tour")
@click.option("--cd", "folder", default="", help="Folder to name before the commands at the end.")
@verb(__package__)
def tour_verb(settings: "Settings", folder: str) -> None:
    """Walk the whole lifecycle once on this project's table, telling what happens and why.

    It happens in .tour, a project of its own: ledger, registry and reports here stay as they are.
    `cd .tour`, and the verbs are about what the tour left. The next tour begins afresh.
    """
    from .tour import TOUR, Guide, tour

    steps = iter(range(1, 100))

    def step(text: str) -> None:
        click.secho(f"\n{next(steps)}. {text}", bold=True)

    if settings.project.root.name == TOUR:
        raise WrongUse("this is what a tour left; run `tour` in the project, with `cd ..`")
    tour(settings, Guide(step, lambda text: click.echo(f"   {text}"), progress), folder)


main.add_command(card_verb)
main.add_command(drift_verb)
for shared in SHARED:  # rollout, score, mlflow, outcomes, backup, restore, forget, rotate-key
    main.add_command(shared(__package__))
