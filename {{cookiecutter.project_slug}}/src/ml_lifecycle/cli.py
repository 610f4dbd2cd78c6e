"""The verbs of every project; what all verbs share is in `verbs.py`.

In: the name of a recipe's package, whose `settings.load` reads its project.toml. Out: the commands
of SHARED, which a recipe adds to its own.
"""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from .errors import CheckFailed, WrongUse
from .verbs import progress, verb
from .words import counted

__all__ = ["SHARED", "progress", "verb"]

SHARE = click.FloatRange(0, 1, min_open=True)


def mlflow(package: str) -> click.Command:
    """Return the verb that shows MLflow's own pages."""

    @click.command("mlflow")
    @click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True)
    @verb(package)
    def run(settings: Any, port: int) -> None:
        """Show runs and versions in MLflow's own pages, at http://127.0.0.1:5000, until stopped."""
        registry = settings.registry
        if registry.project.tracking_uri.startswith("http"):
            raise WrongUse(f"the registry is a server with pages: open {registry.place}")
        if "%" in sys.prefix:
            raise WrongUse(
                f"MLflow's pages do not open below a folder with a % in its name: {sys.prefix}"
            )
        registry.client()  # makes it, or brings its paths up to date
        # By the environment: the URL may hold a password, and others can read arguments.
        env = os.environ | {"MLFLOW_BACKEND_STORE_URI": registry.project.tracking_uri}
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        os.chdir(registry.project.root)
        # So that what stops this process stops MLflow.
        os.execve(sys.executable, [*command, "--port", str(port)], env)

    return run


def outcomes(package: str) -> click.Command:
    """Return the verb that takes what really happened."""

    @click.command("outcomes")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @click.option("--key", metavar="COLUMN", default="", help="Sent with the rows, and in FILE.")
    @click.option("--at", metavar="COLUMN", default="", help="When it happened (UTC, or a day).")
    @verb(package)
    def run(settings: Any, file: Path, key: str, at: str) -> None:
        """Take outcomes from FILE (CSV or Parquet): what really happened for rows that were served.

        Columns: the target's name or `value`; request_id and, unless 0, row; or --key: with several
        predictions the latest before the outcome counts. The same FILE again changes nothing. A
        correction counts, and the first is kept beside it. What cannot be taken is written to
        FILE.quarantine.csv with the reason, and the exit code is 1.
        """
        from .data import load_contract
        from .evaluation.outcomes import take_file
        from .ledger import Ledger

        contract = load_contract(settings.project.contract_path, settings.data)
        with Ledger(settings.project.ledger_url) as ledger:
            told = take_file(ledger, file, contract, progress, key, at, settings.data.encoding)
        click.echo(f"{told}")
        if told.ambiguous:
            held = counted(told.ambiguous, "row")
            click.echo(f"{held}: several predictions have this '{key}', the latest before counted")
        click.echo("Next: `drift`")
        if told.quarantine:
            raise CheckFailed(f"Look at {told.quarantine}: mend its rows, and take it as a FILE")

    return run


def backup(package: str) -> click.Command:
    """Return the verb that writes the ledger to a file."""

    @click.command("backup")
    @click.argument("file", type=click.Path(path_type=Path))
    @verb(package)
    def run(settings: Any, file: Path) -> None:
        """Write the ledger to FILE, as it is at one moment; the service may go on writing.

        FILE is a SQLite ledger, whatever the database, and must not be there yet.
        """
        from .ledger import backup as write
        from .ledger import told

        rows = write(settings.project, file, progress)
        click.echo(f"{told(rows)}\nLook at {file}")
        click.echo("Next: keep it on another machine; `restore` brings it back")

    return run


def restore(package: str) -> click.Command:
    """Return the verb that fills the ledger from a file."""

    @click.command("restore")
    @click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
    @verb(package)
    def run(settings: Any, file: Path) -> None:
        """Fill the ledger, which must be empty, with what `backup` wrote to FILE.

        This is also the way from SQLite to PostgreSQL: `backup`, set LEDGER_URL, `restore`. A FILE
        of an older version of the project will do. It is not changed.
        """
        from sqlalchemy import make_url

        from .ledger import restore as fill
        from .ledger import told

        rows = fill(settings.project, file, progress)
        click.echo(
            f"{told(rows)}\nNow in {make_url(settings.project.ledger_url).render_as_string()}"
        )
        click.echo("Next: `serve`")

    return run


def forget(package: str) -> click.Command:
    """Return the verb that deletes rows of the ledger."""

    @click.command("forget")
    @click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Rows before a day (UTC).")
    @click.option("--where", nargs=2, metavar="COLUMN VALUE", help="Rows sent with this value.")
    @verb(package)
    def run(settings: Any, before: datetime | None, where: tuple[str, str] | None) -> None:
        """Delete predictions, with their outcomes and shadows, and say how many.

        Without options those older than [service] keep_days: let cron run it so, daily. The service
        may go on; decisions and looks stay. What else holds a person is in docs/privacy.md.
        """
        from .ledger import forget as delete
        from .ledger import told

        days = settings.service.keep_days
        if before is None and where is None:
            if not days:
                click.echo("[service] keep_days is 0: nothing is too old, nothing was deleted")
                return
            before = datetime.now(UTC) - timedelta(days)
        moment = before and before.replace(tzinfo=UTC)
        click.echo(f"Deleted: {told(delete(settings.project, moment, where))}")

    return run


def rotate_key(package: str) -> click.Command:
    """Return the verb that makes a new pair of keys."""

    @click.command("rotate-key")
    @verb(package)
    def run(settings: Any) -> None:
        """Make a new pair of keys for releases; those signed before stay valid.

        What comes next, and what to do when a key was lost or stolen, is in docs/runbook.md.
        """
        from .release import keys

        public = keys.rotate(settings.project.root)
        accepted = counted(len(public), "key")
        click.echo(f"keys/signing.key is new; keys/verify.key accepts {accepted}")
        click.echo(
            "Next: bring keys/verify.key to where models are judged, served and watched, and "
            "restart what has it in RELEASE_VERIFY_KEY; only then `train`. Drop the older lines "
            "when no version that they signed serves or could be gone back to."
        )

    return run


def rollout(package: str) -> click.Command:
    """Return the verb that lets a challenger meet traffic."""

    @click.command("rollout")
    @click.option("--version", "number", type=int, help="Version to try; default: the latest.")
    @click.option("--canary", type=SHARE, help="Share of requests it answers.")
    @click.option("--shadow", type=SHARE, help="Share of requests it is asked on, without a voice.")
    @click.option("--stop", is_flag=True, help="End the rollout.")
    @verb(package)
    def run(
        settings: Any, number: int | None, canary: float | None, shadow: float | None, stop: bool
    ) -> None:
        """Let a challenger meet real traffic beside the champion: as a shadow, or as a canary.

        \b
        rollout --shadow 1        asked on each request, answers none
        rollout --canary 0.05     answers one request in twenty
        rollout --stop

        A running service follows within seconds. It ends the rollout by itself when errors, latency
        or outcomes break the budget of [rollout]; a promotion or a rollback ends it too. The
        decisions are in the ledger; `shadows` there holds what the other model would have said.
        """
        from .service import rollout

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
            f"Version {begun.version.number} is in a {begun.mode} rollout: "
            f"{share:.1%} of the requests"
        )
        click.echo("Next: outcomes; then `promote`, which judges on them, or `rollout --stop`")

    return run


def score(package: str) -> click.Command:
    """Return the verb that adds up the ML Test Score."""

    @click.command("score")
    @verb(package)
    def run(settings: Any) -> None:
        """Run the tests that earn points in the ML Test Score (Breck et al., 2017), and add up.

        Exits 1 if one of them fails. A point is only given for a test that ran and passed.
        """
        command = [sys.executable, "-m", "pytest", "-q", "-m", "ml_test", "--ml-test-score"]
        if subprocess.run(command, cwd=settings.project.root, check=False).returncode:
            raise CheckFailed("a test of the score failed")

    return run


SHARED = (rollout, score, mlflow, outcomes, backup, restore, forget, rotate_key)
