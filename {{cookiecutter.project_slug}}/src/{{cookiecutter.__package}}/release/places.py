"""Where MLflow's files are, after the project was moved or copied: MLflow keeps absolute paths.

In: the project's own mlflow.db and the folder that it lies in now. Out: the same database, in which
every place in the former folder is one in this folder; so a copy never touches the original.
"""

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

from .. import NAME
from .fetch import local

FOLDER = "mlruns"
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
log = logging.getLogger(__name__)


def follow(file: Path, root: Path) -> None:
    """Let all places that `file` names in the project's former folder be in `root`.

    The former folder is that of our experiment, whose files lie in its `mlruns`. An experiment that
    keeps its files elsewhere stays as it is.
    """
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        former = _former(connection, root)
        if former is None:
            return
        connection.execute("BEGIN IMMEDIATE")
        for table, column in COLUMNS:
            # MLflow writes both forms. A column is never long, so no index is missed.
            for old, new in ((former.as_uri(), root.as_uri()), (str(former), str(root))):
                connection.execute(
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE substr({column}, 1, ?) = ?",
                    (new, len(old) + 1, len(old) + 1, f"{old}/"),
                )
        connection.execute("COMMIT")
    log.warning("The project was in %s; its registry now names files in %s.", former, root)


def escape_percent() -> None:
    """Let MLflow find its migrations where the path of its own code holds a `%`.

    It gives that path to alembic unescaped, which reads `%` as the start of a variable.
    """
    import mlflow

    folder = str(Path(mlflow.__file__).parent / "store" / "db_migrations")
    if "%" not in folder:
        return
    from alembic.config import Config
    from mlflow.store.db import utils

    def config(db_url: str, alembic_dir: str | None = None) -> Config:
        made = Config(f"{alembic_dir or folder}/alembic.ini")
        places = {"script_location": alembic_dir or folder, "sqlalchemy.url": db_url}
        for name, value in places.items():
            made.set_main_option(name, value.replace("%", "%%"))
        return made

    utils._get_alembic_config = config


def _former(connection: sqlite3.Connection, root: Path) -> Path | None:
    """Return the folder in which the project was, None if it is where it was."""
    query = "SELECT artifact_location FROM experiments WHERE name = ?"
    found = connection.execute(query, (NAME,)).fetchone()
    folder = local(found[0]) if found else None
    if folder is None or folder.name != FOLDER or folder.parent == root:
        return None
    return folder.parent
