"""Which project this is, and where its files and databases are.

In: its folder and package, and the environment. Out: a `Project`, which the wings are given.
"""

import getpass
import os
import re
import socket
from dataclasses import dataclass, replace
from importlib.metadata import metadata
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, unquote

TOUR = ".tour"  # the folder in which the tour plays a project of its own
NAMES_OF_PEOPLE = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN")  # who started a job of CI


@dataclass(frozen=True)
class Project:
    """A project: its name, and where it keeps what.

    package: the name of the recipe's package; root: the folder of project.toml; tracking_uri: of
    MLflow's database or server; ledger_url: SQLAlchemy's, of the operational database.

    >>> Project("churn", "0.1.0", "Who leaves?", "churn", Path("here")).contract_path
    PosixPath('here/contract.yaml')
    """

    name: str
    version: str
    summary: str
    package: str
    root: Path
    tracking_uri: str = ""
    ledger_url: str = ""

    @classmethod
    def of(cls, root: Path, package: str) -> "Project":
        """Return the project in `root` whose recipe is the installed `package`.

        The databases are mlflow.db and ledger.db in `root`, unless MLFLOW_TRACKING_URI and
        LEDGER_URL name others.
        """
        known = metadata(package)
        made = cls(known["Name"], known["Version"], known["Summary"] or "", package, root)
        return made.at(root)

    def at(self, root: Path) -> "Project":
        """Return the same project in another folder, with the databases that belong there."""
        tracking, ledger = (outside(name, root) for name in ("MLFLOW_TRACKING_URI", "LEDGER_URL"))
        return replace(
            self,
            root=root,
            tracking_uri=_with_driver(tracking) or sqlite_url(root / "mlflow.db"),
            ledger_url=_with_driver(ledger) or sqlite_url(root / "ledger.db"),
        )

    @property
    def contract_path(self) -> Path:
        """What a row must look like."""
        return self.root / "contract.yaml"

    @property
    def reports(self) -> Path:
        """The folder of pages that people read; made if it is not there."""
        folder = self.root / "reports"
        folder.mkdir(exist_ok=True)
        return folder

    def page(self, name: str) -> Path:
        """Return the template of a page: the recipe's own in its `pages/`, else the library's."""
        folders = [_folder(self.package), Path(__file__).parent]
        paths = [folder / "pages" / name for folder in folders if folder]
        return next((path for path in paths if path.is_file()), paths[-1])

    @property
    def releases(self) -> Path:
        """The folder of verified copies of releases."""
        return self.root / "releases"

    @property
    def cache(self) -> Path:
        """The folder of trials that the search remembers."""
        return self.root / ".search"


def _folder(package: str) -> Path | None:
    found = find_spec(package) if package else None
    return Path(found.origin).parent if found and found.origin else None


def approver(given: str = "") -> str:
    """Return who decides here: APPROVER, else `given`, who started CI, or user@host."""
    named = [os.environ.get("APPROVER"), given]
    named += [os.environ.get(name) for name in NAMES_OF_PEOPLE]
    text = next(filter(None, named), None) or f"{_user()}@{socket.gethostname()}"
    # A variable may hold bytes that are no text; a database would refuse them.
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:200]


def in_production() -> bool:
    """Return whether the environment says that this is production."""
    return os.environ.get("ENVIRONMENT", "development") == "production"


def outside(name: str, root: Path) -> str:
    """Return a variable of the environment, "" if there is none; none reaches the tour's folder."""
    return "" if root.name == TOUR else os.environ.get(name, "")


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file, whatever characters its path holds: a `?` as %3F."""
    text = str(path)
    if quote(text, safe=" +/") == text:
        return f"sqlite:///{text}"
    # Slashes too: MLflow makes the folder that the URL, as it is written, seems to name.
    return f"sqlite:///{quote(text, safe='')}"


def sqlite_file(url: str) -> Path | None:
    """Return the file of a SQLite URL, None of another database: the inverse of `sqlite_url`."""
    found = re.match(r"sqlite(?:\+\w+)?:///([^?]+)", url)
    return Path(unquote(found[1])) if found else None


def _with_driver(url: str) -> str:
    """Name our PostgreSQL driver in a URL as hosts hand it out; other URLs stay as they are."""
    return re.sub("^postgres(ql)?://", "postgresql+psycopg://", url)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, as in a container
        return f"uid {os.getuid()}"
