"""The verbs. Each says what it did, where to look and what comes next; each may be run twice.

Exit codes: 0 done, 1 a check said no, 2 wrong use, 3 the world is broken (disk, network, registry).
"""

import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ml_lifecycle import CheckFailed, WrongUse, counted
from ml_lifecycle.cli import backup, mlflow, progress, restore, rotate_key, verb

if TYPE_CHECKING:
    from ml_lifecycle.release import questions

    from .settings import Settings
    from .training import Version

ABOUT = metadata(__package__)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(ABOUT["Version"], prog_name=ABOUT["Name"])
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
@verb(__package__)
def check_data_verb(settings: "Settings") -> None:
    """Read the table, infer contract.yaml once, and hold the table against it.

    Every column gets a kind and a role. Suspected leaks, ids and personal data are named, with the
    line of project.toml to edit. Exits 1 with one list of what needs your decision.
    """
    from ml_lifecycle.data import check_data, checked_table
    from ml_lifecycle.evaluation import matching

    from .data import CHECKS

    checked = check_data(settings.project, settings.data, CHECKS, settings.service, progress)
    for query in settings.slices:
        matching(checked.rows, query, checked.contract)
    classes = settings.task(checked.contract).classes
    click.echo(checked_table(checked, classes[1] if len(classes) == 2 else ""))
    click.echo("Next: `train`")


@main.command("train")
@verb(__package__)
def train_verb(settings: "Settings") -> None:
    """Search the ladder, keep the simplest rung that nothing beats, register a signed release.

    Tracked in MLflow. The new version does not serve before `promote` lets it.
    """
    from ml_lifecycle.data import check_data

    from .data import CHECKS
    from .training import train

    checked = check_data(settings.project, settings.data, CHECKS, settings.service)
    _told(settings, train(checked.rows, checked.contract, settings, progress))
    click.echo("Next: `promote`")


def _told(settings: "Settings", version: "Version") -> None:
    evaluation = version.evaluation
    click.echo(evaluation.choice)
    click.echo(f"Version {version.number}: {evaluation.headline}")
    for said in evaluation.unassessed:
        click.echo(f"Not known: {said}.")
    for said in evaluation.losing:
        click.echo(f"Look at [value]: {said}.")
    click.echo(f"Look at {version.report.relative_to(settings.project.root)}")


@main.command("promote")
@click.option("--version", "number", type=int, help="Version to judge; default: the latest.")
@click.option("--override", default="", help="Promote in spite of the gate, for this reason.")
@click.option("--anchor", is_flag=True, help="Freeze it: no later champion may fall behind it.")
@verb(__package__)
def promote_verb(settings: "Settings", number: int | None, override: str, anchor: bool) -> None:
    """Ask the gate whether a version may serve, and let it if so.

    The challenger must be better than the champion on the same rows, beyond chance, and hurt no
    slice. Exits 1 if the gate holds or rejects; the decision is in the ledger either way, and the
    page of it in reports/.
    """
    from .lifecycle import ask_gate

    _judged(ask_gate(settings, number, override, anchor))
    click.echo("Next: `serve`; a running service takes it over by itself")


def _judged(verdict: "questions.Verdict") -> None:
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
    from .service import serve

    given = {"host": host, "port": port}
    changes = {name: value for name, value in given.items() if value is not None}
    service = settings.service.model_copy(update=changes)
    serve(settings.model_copy(update={"service": service}))


@main.command("predict")
@click.argument("source")
@click.argument("output", type=click.Path(dir_okay=False, path_type=Path))
@verb(__package__)
def predict_verb(settings: "Settings", source: str, output: Path) -> None:
    """Score the rows of SOURCE (CSV or Parquet; path or URL) with the champion into OUTPUT."""
    from .lifecycle import predict

    rows, number, odd = predict(settings, source, output)
    for name, count in odd.items():
        click.echo(f"Column {name}: {counted(count, 'value')} that training never saw", err=True)
    click.echo(f"{counted(rows, 'row')} scored by version {number}: {output}")


@main.command("drift")
@click.option(
    "--last", type=click.IntRange(min=1), help="Only the latest so many rows; default: all."
)
@verb(__package__)
def drift_verb(settings: "Settings", last: int | None) -> None:
    """Judge what was served: quiet, watch, fault, retrain, or insufficient data.

    Exits 0 when quiet or watch, else 1. reports/drift.json is for schedulers.
    """
    from .lifecycle import watch
    from .monitoring import CALM

    found, page = watch(settings, last)
    where = page.relative_to(settings.project.root)
    message = f"{found.verdict.upper()}: {found.reason}\nLook at {where}"
    if found.verdict not in CALM:
        raise CheckFailed(message)
    click.echo(message)


@main.command("retrain")
@verb(__package__)
def retrain_verb(settings: "Settings") -> None:
    """Train on the table and on every served row whose outcome is known, then ask the gate."""
    from .lifecycle import retrain

    version, verdict = retrain(settings, progress)
    _told(settings, version)
    _judged(verdict)


@main.command("rollback")
@verb(__package__)
def rollback_verb(settings: "Settings") -> None:
    """Let the former champion serve again. Nothing is judged: it has served before."""
    from ml_lifecycle.release import rollback

    current, former = rollback(settings.registry, settings.approver)
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
@verb(__package__)
def rollout_verb(
    settings: "Settings", number: int | None, canary: float | None, shadow: float | None, stop: bool
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
    from ml_lifecycle.release import rollout

    if [canary is not None, shadow is not None, stop].count(True) != 1:
        raise WrongUse("give one of --canary, --shadow and --stop")
    if stop:
        stopped = rollout.stop(settings.registry, settings.approver)
        click.echo(f"Version {stopped.version.number} is out of its rollout")
        return
    mode: rollout.Mode = "shadow" if canary is None else "canary"
    share = shadow or canary or 0.0  # one of them was given, and is above 0
    begun = rollout.start(settings.registry, number, share, mode, settings.approver)
    click.echo(
        f"Version {begun.version.number} is in a {begun.mode} rollout: {share:.1%} of the requests"
    )
    click.echo("Next: outcomes; then `promote`, which judges on them, or `rollout --stop`")


@main.command("card")
@verb(__package__)
def card_verb(settings: "Settings") -> None:
    """Write docs/model-card.md about the champion."""
    from ml_lifecycle.release import champion

    from .card import card

    version, release = champion.champion_release(settings.registry)
    path = settings.project.root / "docs" / "model-card.md"
    path.parent.mkdir(exist_ok=True)
    made_of, evaluation = release.manifest, release.evaluation
    text = card(settings.project, version.number, made_of, evaluation, release.contract)
    path.write_text(text, encoding="utf-8")
    click.echo(f"Look at {path.relative_to(settings.project.root)}")


@main.command("score")
@verb(__package__)
def score_verb(settings: "Settings") -> None:
    """Run the tests that earn points in the ML Test Score (Breck et al., 2017) and add them up.

    Exits 1 if one of them fails. A point is only given for a test that ran and passed.
    """
    command = [sys.executable, "-m", "pytest", "-q", "-m", "ml_test", "--ml-test-score"]
    if subprocess.run(command, cwd=settings.project.root, check=False).returncode:
        raise CheckFailed("a test of the score failed")


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


for shared in (mlflow, backup, restore, rotate_key):
    main.add_command(shared(__package__))
