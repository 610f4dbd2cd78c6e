"""MLflow's client, opened so that it is quick to say no and finds its files after a move.

In: a project. Out: a client, imported when it is asked for: that takes a second, and a service with
its verified copy never needs it. MLflow keeps absolute paths: after the project was moved or
copied, every place in the former folder becomes one in this folder; a copy never touches the
original.
"""

import logging
import os
import sqlite3
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

from ..download import brief, local
from ..errors import WorldBroken
from ..files import alone
from ..project import Project, sqlite_file

# No telemetry; and a registry that is down is said within seconds, where the default is minutes.
QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
RUNS = "mlruns"
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
log = logging.getLogger(__name__)


def place(project: Project) -> str:
    """Return where the registry is, without the password that a URL may carry."""
    return brief(project.tracking_uri)


def open_client(project: Project) -> Any:
    """Return MLflow's client, or raise `WorldBroken` if the registry does not answer."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking import MlflowClient

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    uri, root, file = project.tracking_uri, project.root, sqlite_file(project.tracking_uri)
    # Where MLflow's own first experiment keeps its files; else that is wherever we are.
    os.environ["_MLFLOW_SERVER_ARTIFACT_ROOT"] = (root / RUNS).as_uri()
    try:
        # MLflow makes its tables at the first opening, and two at once would break each other.
        with alone(Path(f"{file}.lock")) if file else nullcontext():
            _escape_percent()
            client = MlflowClient(uri, uri)
            client.search_experiments(max_results=1)
            if file and file.resolve().parent == root.resolve():
                _follow(file, root, project.name)
    except Exception as error:
        told = f"the registry at {place(project)} does not answer: {brief(error)}"
        raise WorldBroken(brief(told)) from None
    return client


def experiment_id(project: Project, client: Any) -> str:
    """Return the id of the project's experiment, made if it is not there."""
    from mlflow.exceptions import MlflowException

    found = client.get_experiment_by_name(project.name)
    if found is not None:
        return str(found.experiment_id)
    # A server chooses where artifacts go; without one, they go beside the database.
    here = project.tracking_uri.startswith(("sqlite", "postgresql"))
    where = (project.root / RUNS).as_uri() if here else None
    try:
        return str(client.create_experiment(project.name, artifact_location=where))
    except MlflowException:  # another first training was faster
        found = client.get_experiment_by_name(project.name)
        if found is None:
            raise
        return str(found.experiment_id)


def _follow(file: Path, root: Path, name: str) -> None:
    """Let all places that `file` names in the former folder of project `name` be in `root`.

    The former folder is that of our experiment, whose files lie in its `mlruns`. An experiment that
    keeps its files elsewhere stays as it is.
    """
    with closing(sqlite3.connect(file, timeout=30, isolation_level=None)) as connection:
        former = _former(connection, root, name)
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


def _escape_percent() -> None:
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


def _former(connection: sqlite3.Connection, root: Path, name: str) -> Path | None:
    """Return the folder in which the project was, None if it is where it was."""
    query = "SELECT artifact_location FROM experiments WHERE name = ?"
    found = connection.execute(query, (name,)).fetchone()
    folder = local(found[0]) if found else None
    if folder is None or folder.name != RUNS or folder.parent == root:
        return None
    return folder.parent
