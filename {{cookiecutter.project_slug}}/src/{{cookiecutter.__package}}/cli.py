"""The verbs. Each says what it did, where to look and what comes next; each may be run twice.

Exit codes: 0 done, 1 a check said no, 2 wrong use, 3 the world is broken (disk, network, registry).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from . import NAME, VERSION
from .errors import CheckFailed, ProjectError, WorldBroken, WrongUse
from .settings import TOUR, Settings, load
from .words import counted

WORLD = ("sqlalchemy", "mlflow", "alembic")


def verb(function: Callable[..., None]) -> Callable[..., None]:
    """Give `function` the settings, and turn our errors into a message and an exit code."""

    @wraps(function)
    def run(*args: Any, **options: Any) -> None:
        try:
            function(load(), *args, **options)
        except ProjectError as error:
            click.secho(f"{error}", fg="red", err=True)
            sys.exit(error.exit_code)
        except Exception as error:
            # Disk, database and registry fail in ways of their own; a fault of ours is not hidden.
            if not isinstance(error, OSError) and type(error).__module__.split(".")[0] not in WORLD:
                raise
            click.secho(f"{type(error).__name__}: {error}".splitlines()[0], fg="red", err=True)
            sys.exit(WorldBroken.exit_code)

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(VERSION, prog_name=NAME)
def main() -> None:
    """The lifecycle of one model, a verb a stage.

    \b
    The first time:   check-data, train, promote, serve
    Every day:        drift
    When it says so:  retrain (which asks the gate), rollback if it was a mistake
    Everything once:  tour

    Exit codes: 0 done, 1 a check said no, 2 wrong use, 3 the world is broken.
    """


@main.command("check-data")
@verb
def check_data_verb(settings: Settings) -> None:
    """Read the table, infer contract.yaml once, and hold the table against it.

    Every column gets a kind and a role. Suspected leaks, ids and personal data are named, with the
    line of project.toml to edit. Exits 1 with one list of what needs your decision.
    """
    from .data.check import check_data
    from .evaluation.query import matching
    from .show import checked_table

    checked = check_data(settings, progress)
    for query in settings.slices:
        matching(checked.rows, query, checked.contract)
    click.echo(checked_table(checked, settings))
    click.echo("Next: `train`")


@main.command("train")
@verb
def train_verb(settings: Settings) -> None:
    """Search the ladder, keep the simplest rung that nothing beats, register a signed release.

    Tracked in MLflow. The new version does not serve before `promote` lets it.
    """
    from .data.check import check_data
    from .model.train import train

    checked = check_data(settings)
    trained = train(checked.rows, checked.contract, settings, progress)
    _told(settings, trained)
    click.echo("Next: `promote`")


def _told(settings: Settings, trained: Any) -> None:
    from .evaluation.assess import headline

    click.echo(trained.evaluation["choice"])
    click.echo(f"Version {trained.version.number}: {headline(trained.evaluation)}")
    for said in trained.evaluation["unassessed"]:
        click.echo(f"Not known: {said}.")
    for said in trained.evaluation["losing"]:
        click.echo(f"Look at [value]: {said}.")
    click.echo(f"Look at {trained.report.relative_to(settings.root)}")


@main.command("promote")
@click.option("--version", "number", type=int, help="Version to judge; default: the latest.")
@click.option("--override", default="", help="Promote in spite of the gate, for this reason.")
@click.option("--anchor", is_flag=True, help="Freeze it: no later champion may fall behind it.")
@verb
def promote_verb(settings: Settings, number: int | None, override: str, anchor: bool) -> None:
    """Ask the gate whether a version may serve, and let it if so.

    The challenger must be better than the champion on the same rows, beyond chance, and hurt no
    slice. Exits 1 if the gate holds or rejects; the decision is in the ledger either way, and the
    page of it in reports/.
    """
    from .lifecycle import ask_gate

    _judged(ask_gate(settings, number, override, anchor))
    click.echo("Next: `serve`; a running service takes it over by itself")


def _judged(verdict: Any) -> None:
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
@verb
def serve_verb(settings: Settings, host: str | None, port: int | None) -> None:
    """Serve the champion over HTTP until stopped; the page to try it is at `/`."""
    from .service.run import serve

    given = {"host": host, "port": port}
    changes = {name: value for name, value in given.items() if value is not None}
    service = settings.service.model_copy(update=changes)
    serve(settings.model_copy(update={"service": service}))


@main.command("predict")
@click.argument("source")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@verb
def predict_verb(settings: Settings, source: str, output: Path) -> None:
    """Score the rows of SOURCE (CSV or Parquet; path or URL) with the champion into OUTPUT."""
    from .predict import predict

    rows, number, odd = predict(settings, source, output)
    for name, count in odd.items():
        click.echo(f"Column {name}: {counted(count, 'value')} that training never saw", err=True)
    click.echo(f"{counted(rows, 'row')} scored by version {number}: {output}")


@main.command("drift")
@click.option(
    "--last", type=click.IntRange(min=1), help="Only the latest so many rows; default: all."
)
@verb
def drift_verb(settings: Settings, last: int | None) -> None:
    """Judge what was served: quiet, watch, fault, retrain, or insufficient data.

    Exits 0 when quiet or watch, else 1. reports/drift.json is for schedulers.
    """
    from .lifecycle import watch
    from .monitoring.verdict import CALM

    found, page = watch(settings, last)
    message = f"{found.verdict.upper()}: {found.reason}\nLook at {page.relative_to(settings.root)}"
    if found.verdict not in CALM:
        raise CheckFailed(message)
    click.echo(message)


@main.command("retrain")
@verb
def retrain_verb(settings: Settings) -> None:
    """Train on the table and on every served row whose outcome is known, then ask the gate."""
    from .lifecycle import retrain

    trained, verdict = retrain(settings, progress)
    _told(settings, trained)
    _judged(verdict)


@main.command("rollback")
@verb
def rollback_verb(settings: Settings) -> None:
    """Let the former champion serve again. Nothing is judged: it has served before."""
    from .release.promotion import rollback

    current, former = rollback(settings)
    click.echo(f"Back from version {current} to {former}; a running service follows by itself")


@main.command("rollout")
@click.option("--version", "number", type=int, help="Version to try; default: the latest.")
@click.option(
    "--canary", type=click.FloatRange(0, 1, min_open=True), help="Share of requests it answers."
)
@click.option(
    "--shadow",
    type=click.FloatRange(0, 1, min_open=True),
    help="Share of requests it is asked on too, without being heard.",
)
@click.option("--stop", is_flag=True, help="End the rollout.")
@verb
def rollout_verb(
    settings: Settings, number: int | None, canary: float | None, shadow: float | None, stop: bool
) -> None:
    """Let a challenger meet real traffic beside the champion: as a shadow, or as a canary.

    \b
    rollout --shadow 1        asked on each request, answers none
    rollout --canary 0.05     answers one request in twenty
    rollout --stop

    A running service follows within seconds. It ends the rollout by itself when errors, latency or
    outcomes break the budget of [rollout]; a promotion or a rollback ends it too. The decisions are
    in the ledger; `shadows` there holds what the other model would have said.
    """
    from .release import rollout

    if [canary is not None, shadow is not None, stop].count(True) != 1:
        raise WrongUse("give one of --canary, --shadow and --stop")
    if stop:
        click.echo(f"Version {rollout.stop(settings).version.number} is out of its rollout")
        return
    share = canary if canary is not None else shadow
    assert share is not None
    begun = rollout.start(settings, number, share, "canary" if canary is not None else "shadow")
    click.echo(
        f"Version {begun.version.number} is in a {begun.mode} rollout: {share:.1%} of the requests"
    )
    click.echo("Next: outcomes; then `promote`, which judges on them, or `rollout --stop`")


@main.command("card")
@verb
def card_verb(settings: Settings) -> None:
    """Write docs/model-card.md about the champion."""
    from .evaluation.card import card
    from .release import registry
    from .release.champion import champion as serving

    champion = serving(settings)
    release = registry.fetch(champion, settings)
    path = settings.root / "docs" / "model-card.md"
    path.parent.mkdir(exist_ok=True)
    text = card(NAME, champion.number, release.lineage, release.evaluation, release.contract)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Look at {path.relative_to(settings.root)}")


@main.command("score")
@verb
def score_verb(settings: Settings) -> None:
    """Run the tests that earn points in the ML Test Score (Breck et al., 2017) and add them up.

    Exits 1 if one of them fails. A point is only given for a test that ran and passed.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-m", "ml_test", "--ml-test-score"]
    if subprocess.run(command, cwd=settings.root, check=False).returncode:
        raise CheckFailed("a test of the score failed")


@main.command("tour")
@click.option("--cd", "folder", default="", help="Folder to name before the commands at the end.")
@verb
def tour_verb(settings: Settings, folder: str) -> None:
    """Walk the whole lifecycle once on this project's table, telling what happens and why.

    It happens in .tour, a project of its own: ledger, registry and reports here stay as they are.
    `cd .tour`, and the verbs are about what the tour left. The next tour begins afresh.
    """
    from .tour import Guide, tour

    steps = iter(range(1, 100))

    def step(text: str) -> None:
        click.secho(f"\n{next(steps)}. {text}", bold=True)

    if settings.root.name == TOUR:
        raise WrongUse("this is what a tour left; run `tour` in the project, with `cd ..`")
    tour(settings, Guide(step, lambda text: click.echo(f"   {text}"), progress), folder)


@main.command("mlflow")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
@verb
def mlflow_verb(settings: Settings, port: int) -> None:
    """Show runs and versions in MLflow's own pages, at http://127.0.0.1:5000, until stopped."""
    from .release import registry

    if settings.tracking_uri.startswith("http"):
        raise WrongUse(f"the registry is a server with pages: open {registry.place(settings)}")
    if "%" in sys.prefix:
        raise WrongUse(
            f"MLflow's pages do not open below a folder with a % in its name: {sys.prefix}"
        )
    registry.client(settings)  # makes it, or brings its paths up to date
    # By the environment: the URL may hold a password, and others can read a process's arguments.
    env = os.environ | {"MLFLOW_BACKEND_STORE_URI": settings.tracking_uri}
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    os.chdir(settings.root)
    os.execve(sys.executable, command, env)  # so that what stops this process stops MLflow


@main.command("backup")
@click.argument("file", type=click.Path(path_type=Path))
@verb
def backup_verb(settings: Settings, file: Path) -> None:
    """Write the ledger to FILE, as it is at one moment; the service may go on writing.

    FILE is a SQLite ledger, whatever the database, and must not be there yet.
    """
    from .backup import backup, told

    rows = backup(settings, file, rows_so_far)
    click.echo(f"{told(rows)}\nLook at {file}")
    click.echo("Next: keep it on another machine; `restore` brings it back")


@main.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@verb
def restore_verb(settings: Settings, file: Path) -> None:
    """Fill the ledger, which must be empty, with what `backup` wrote to FILE.

    This is also the way from SQLite to PostgreSQL: `backup`, set LEDGER_URL, `restore`. A FILE of
    an older version of the project will do. It is not changed.
    """
    from sqlalchemy import make_url

    from .backup import restore, told

    rows = restore(settings, file, rows_so_far)
    click.echo(f"{told(rows)}\nNow in {make_url(settings.ledger_url).render_as_string()}")
    click.echo("Next: `serve`")


@main.command("rotate-key")
@verb
def rotate_key_verb(settings: Settings) -> None:
    """Make a new pair of keys for releases; those signed before stay valid.

    What comes next, and what to do when a key was lost or stolen, is in docs/runbook.md.
    """
    from .release import keys

    public = keys.rotate(settings.root)
    said = f"keys/signing.key is new; keys/verify.key accepts {counted(len(public), 'key')}"
    click.echo(said)
    click.echo(
        "Next: bring keys/verify.key to where models are judged, served and watched, and restart"
        " what has it in RELEASE_VERIFY_KEY; only then `train`. Drop the older lines when no"
        " version that they signed serves or could be gone back to."
    )


def rows_so_far(table: str, done: int, total: int) -> None:
    """Show how many rows of a table were copied."""
    progress(f"{table}: {done:,} of {total:,} rows", done, total)


def progress(what: str, done: int, total: int) -> None:
    """Show how far a long step is: one line, rewritten on a terminal; elsewhere some ten lines."""
    if sys.stderr.isatty():
        fits = f"   {what}"[: shutil.get_terminal_size().columns - 1]
        click.echo(f"\r\x1b[2K{fits}", nl=done == total, err=True)
    elif done == total or done % max(1, total // 10) == 0:
        click.echo(f"   {what}", err=True)
