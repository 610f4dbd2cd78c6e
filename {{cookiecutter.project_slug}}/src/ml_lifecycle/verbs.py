"""What verbs share: settings in, a message and an exit code out.

In: the name of a recipe's package, whose `settings.load` reads its project.toml. Exit codes: 0
done, 1 a check said no, 2 wrong use, 3 the world is broken (disk, network, registry).
"""

import shutil
import sys
from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any

import click

from .errors import ProjectError, WorldBroken

WORLD = ("sqlalchemy", "mlflow", "alembic")
Verb = Callable[..., None]


def verb(package: str) -> Callable[[Verb], Verb]:
    """Give a function the settings of `package`, and turn our errors into a message and a code."""

    def decorate(function: Verb) -> Verb:
        @wraps(function)
        def run(*args: Any, **options: Any) -> None:
            try:
                # Not before: `--help` needs none of what settings import.
                settings = import_module(f"{package}.settings").load()
                function(settings, *args, **options)
            except ProjectError as error:
                click.secho(f"{error}", fg="red", err=True)
                sys.exit(error.exit_code)
            except Exception as error:
                # Disk, database and registry fail in their ways; a fault of ours is not hidden.
                module = type(error).__module__.split(".")[0]
                if not isinstance(error, OSError) and module not in WORLD:
                    raise
                click.secho(f"{type(error).__name__}: {error}".splitlines()[0], fg="red", err=True)
                sys.exit(WorldBroken.exit_code)

        return run

    return decorate


def progress(what: str, done: int, total: int) -> None:
    """Show how far a long step is: one line, rewritten on a terminal; elsewhere some ten lines."""
    if sys.stderr.isatty():
        fits = f"   {what}"[: shutil.get_terminal_size().columns - 1]
        click.echo(f"\r\x1b[2K{fits}", nl=done == total, err=True)
    elif done == total or done % max(1, total // 10) == 0:
        click.echo(f"   {what}", err=True)
