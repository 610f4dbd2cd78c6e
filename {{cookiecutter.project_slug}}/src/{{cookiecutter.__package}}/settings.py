"""Every decision of project.toml, with what the environment adds, as one strict, frozen object.

In: project.toml and the environment. Out: `Settings`. A new knob is a field here and a line there.
"""

import getpass
import os
import re
import socket
import tomllib
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import quote, unquote

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import WrongUse

Metric = Literal[
    "auto",
    "roc_auc",
    "average_precision",
    "neg_log_loss",
    "neg_brier_score",
    "accuracy",
    "r2",
    "neg_mean_absolute_error",
    "neg_root_mean_squared_error",
]
Names = Annotated[tuple[str, ...], Field(strict=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
TOUR = ".tour"  # the folder in which the tour plays a project of its own
NAMES_OF_PEOPLE = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN")  # who started a job of CI


class Section(BaseModel):
    """A table of project.toml: unknown keys and wrong types are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Data(Section):
    """Where the table is and what its columns are for."""

    source: str = Field(min_length=1)
    target: str = Field(min_length=1)
    positive_class: str = ""
    time: str = ""
    ordered: bool = False
    group: str = ""
    sensitive: Names = ()
    sensitive_names: Names = ()
    ignore: Names = ()
    keep: Names = ()
    missing: Names | Literal["auto"] = "auto"
    header: bool = True
    encoding: str = ""
    test_share: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2

    @model_validator(mode="after")
    def one_role_per_column(self) -> "Data":
        """Raise if a column is named for two purposes that exclude each other."""
        named = [self.target, *filter(None, [self.time, self.group])]
        named += [*self.sensitive, *self.ignore, *self.keep]
        twice = sorted({name for name in named if named.count(name) > 1})
        if twice:
            raise ValueError(f"a column can have one role only; named twice: {', '.join(twice)}")
        return self


class Training(Section):
    """How the search is run and what it maximises."""

    metric: Metric = "auto"
    folds: Annotated[int, Field(ge=2, le=20)] = 4
    budget_seconds: Annotated[float, Field(gt=0)] = 25.0
    max_trials: Annotated[int, Field(gt=0)] = 60
    min_gain: Annotated[float, Field(ge=0, lt=1)] = 0.0005
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 20


class Value(Section):
    """Money per row: by outcome of acting on a positive, or by unit of error."""

    currency: str = "EUR"
    true_positive: float = 1.0
    false_positive: float = -1.0
    false_negative: float = 0.0
    true_negative: float = 0.0
    cost_over: float = 1.0
    cost_under: float = 1.0


class Gate(Section):
    """What a challenger has to show."""

    margin: float = 0.01
    confidence: Share = 0.95
    tolerance: Annotated[float, Field(ge=0)] = 0.02
    max_latency_ms: Annotated[float, Field(gt=0)] = 200.0
    max_looks: Annotated[int, Field(gt=0)] = 50
    min_outcomes: Annotated[int, Field(ge=50)] = 1000
    value: bool = True
    approver: str = ""


class RolloutSettings(Section):
    """What a challenger in a rollout, as shadow or canary, may cost before it is sent back."""

    max_error_rate: Share = 0.01
    max_loss_increase: Annotated[float, Field(ge=0)] = 0.05
    min_rows: Annotated[int, Field(ge=50)] = 100
    alpha: Share = 0.001


class Drift(Section):
    """When a change in production is worth a name."""

    min_rows: Annotated[int, Field(gt=0)] = 100
    false_alarm_rate: Share = 0.05
    min_effect_size: Annotated[float, Field(gt=0)] = 0.1
    max_missing_increase: Share = 0.01
    max_loss_increase: Annotated[float, Field(gt=0)] = 0.05


class Service(Section):
    """How the service listens and what it refuses, which training must not learn from either."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8000
    refresh_seconds: Annotated[float, Field(gt=0)] = 2.0
    deadline_seconds: Annotated[float, Field(gt=0)] = 5.0
    queue_rows: Annotated[int, Field(gt=0)] = 10_000
    body_kilobytes: Annotated[int, Field(gt=0)] = 1024
    max_rows: Annotated[int, Field(gt=0)] = 1000
    max_text_length: Annotated[int, Field(gt=0)] = 10_000
    max_number: Annotated[float, Field(gt=0, le=1e150)] = 1e100


class Settings(Section):
    """The whole of project.toml, and the folder that it stands in."""

    root: Path
    data: Data
    training: Training = Training()
    value: Value = Value()
    slices: dict[str, float] = {}
    gate: Gate = Gate()
    rollout: RolloutSettings = RolloutSettings()
    drift: Drift = Drift()
    service: Service = Service()

    @property
    def tracking_uri(self) -> str:
        """MLflow's database or server: MLFLOW_TRACKING_URI, else mlflow.db beside project.toml."""
        given = outside("MLFLOW_TRACKING_URI", self.root)
        return _with_driver(given) if given else sqlite_url(self.root / "mlflow.db")

    @property
    def ledger_url(self) -> str:
        """SQLAlchemy URL of the operational database: LEDGER_URL, else ledger.db."""
        given = outside("LEDGER_URL", self.root)
        return _with_driver(given) if given else sqlite_url(self.root / "ledger.db")

    @property
    def approver(self) -> str:
        """Who decides here: APPROVER, else [gate] approver, who started CI, or user@host."""
        named = [os.environ.get("APPROVER"), self.gate.approver]
        named += [os.environ.get(name) for name in NAMES_OF_PEOPLE]
        text = next(filter(None, named), None) or f"{_user()}@{socket.gethostname()}"
        # A variable may hold bytes that are no text; a database would refuse them.
        return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)[:200]

    @property
    def contract_path(self) -> Path:
        """What a row must look like."""
        return self.root / "contract.yaml"

    @property
    def reports(self) -> Path:
        """The folder of pages that people read."""
        return self.root / "reports"


def _with_driver(url: str) -> str:
    """Name our PostgreSQL driver in a URL as hosts hand it out; other URLs stay as they are."""
    return re.sub("^postgres(ql)?://", "postgresql+psycopg://", url)


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


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a number without a name, as in a container
        return f"uid {os.getuid()}"


def in_production() -> bool:
    """Return whether the environment says that this is production."""
    return os.environ.get("ENVIRONMENT", "development") == "production"


def find_root(start: Path | None = None) -> Path:
    """Return the nearest folder from `start` (default: here) upwards that has a project.toml."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "project.toml").is_file():
            return folder
    raise WrongUse(f"no project.toml in {here} or above it; run this inside a project")


def load(root: Path | None = None) -> Settings:
    """Read project.toml; raise `WrongUse` with one line for everything that is wrong in it."""
    folder = find_root(root)
    path = folder / "project.toml"
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongUse(f"{path} is not valid TOML: {error}") from None
    if "root" in values:
        raise WrongUse(f"{path}:\n  root: there is no such key")
    try:
        return Settings(root=folder, **values)
    except ValidationError as error:
        raise WrongUse(f"{path}:\n{explain(error, Settings)}") from None


FORMER = {
    "data": {"positive": "positive_class"},
    "training": {"seconds": "budget_seconds", "tries": "max_trials", "worth": "min_gain"},
    "value": {"over": "cost_over", "under": "cost_under"},
    "gate": {"looks": "max_looks", "latency_ms": "max_latency_ms", "outcomes": "min_outcomes"},
    "drift": {
        "minimum_rows": "min_rows",
        "false_alarms": "false_alarm_rate",
        "effect": "min_effect_size",
        "missing": "max_missing_increase",
        "loss": "max_loss_increase",
    },
    "": {"trial": "rollout"},
}  # keys that have another name now


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean '...'?` for the known name that is most like `name`, or nothing."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f" Did you mean '{folded[close[0]]}'?" if close else ""


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """Return a line for each problem: its place, what is wrong, and the nearest right key."""
    lines = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"])) or "[data]"
        text, given = problem["msg"].removeprefix("Value error, "), problem["input"]
        if problem["type"] == "extra_forbidden":
            known = _keys(model, problem["loc"][:-1])
            section, key = ".".join(map(str, problem["loc"][:-1])), str(problem["loc"][-1])
            now = FORMER.get(section, {}).get(key)
            hint = (
                f" It is called '{now}' now."
                if now
                else nearest(str(problem["loc"][-1]), known) or f" Known: {', '.join(known)}."
            )
            text = f"there is no such key.{hint}"
        elif not isinstance(given, dict):
            text += f" (given: {given!r})"
        lines.append(f"  {place}: {text}")
    return "\n".join(lines)


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at `loc`, following nested models and tuples of them."""
    for name in loc:
        if isinstance(name, str):
            kind = model.model_fields[name].annotation
            model = next(m for m in (kind, *get_args(kind)) if isinstance(m, type))
    return [name for name in model.model_fields if name != "root"]
