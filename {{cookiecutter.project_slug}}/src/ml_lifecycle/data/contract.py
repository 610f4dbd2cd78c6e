"""What a row must look like: one description for training, requests and monitoring.

In: contract.yaml, inferred once (infer.py), then owned by people. Out: a `Contract`. Roles that
project.toml gives always win over those in the file.
"""

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError, model_validator

from ..errors import WrongUse
from ..settings import Names, Section, explain
from .settings import DataSettings

Kind = Literal["number", "integer", "category", "boolean", "date", "text", "id"]
Role = Literal["feature", "target", "time", "group", "id", "sensitive", "ignored"]
NUMERIC = ("number", "integer")
NAMED = ("category", "boolean")
BOOLEANS = (("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("on", "off"), ("1", "0"))
TRUTHS = {word: word == yes for yes, no in BOOLEANS for word in (yes, no)}
PLAIN = re.compile(r"[+-]?(0|[1-9]\d*)(\.\d+)?")  # a number; 007 is none
ASIDE = "set aside in project.toml"
USED: tuple[Role, ...] = ("feature", "target", "time", "group", "sensitive")


class Column(Section):
    """One column. minimum and maximum: the range seen; categories: the values seen, or any.

    format: how numbers and dates are written; "number": the categories are codes, so that 1.0 is 1.
    missing: the words that mean "no value" besides an empty field; by default those that are usual
    for it in a column of numbers or dates, and none elsewhere.
    follows_time: a window holds only some of its values, so the drift check does not compare it.
    """

    name: str
    kind: Kind
    role: Role = "feature"
    nullable: bool = False
    minimum: float | None = None
    maximum: float | None = None
    categories: Names | None = None
    missing: Names | None = None
    format: str = ""
    follows_time: bool = False
    note: str = ""

    @property
    def numeric(self) -> bool:
        """Whether the categories are numbers, which may be written in more than one way."""
        if self.kind not in ("category", "id"):
            return False
        return self.format == "number" or all(map(PLAIN.fullmatch, self.categories or [""]))

    def replace(self, **changes: Any) -> "Column":
        """Return the column with some fields changed."""
        return self.model_copy(update=changes)


class Contract(Section):
    """The columns in the order of the table, and which table they were inferred from."""

    table: dict[str, Any]
    columns: tuple[Column, ...] = ()

    @model_validator(mode="after")
    def one_of_each_name(self) -> "Contract":
        """Raise if two columns have the same name."""
        names = [column.name for column in self.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"described twice: {', '.join(twice)}")
        return self

    def with_role(self, *roles: Role) -> list[Column]:
        """Return the columns that have one of `roles`."""
        return [column for column in self.columns if column.role in roles]

    @property
    def features(self) -> list[str]:
        """Names of the columns that the model sees."""
        return [column.name for column in self.with_role("feature")]

    @property
    def used(self) -> list[str]:
        """Names of the columns that training and judging use."""
        return [column.name for column in self.with_role(*USED)]

    @property
    def time(self) -> str:
        """Name of the column that says when, "" without one."""
        return next((column.name for column in self.with_role("time")), "")

    @property
    def group(self) -> str:
        """Name of the key whose rows belong together, "" without one."""
        return next((column.name for column in self.with_role("group")), "")

    @property
    def target(self) -> Column:
        """The column to predict."""
        return self.with_role("target")[0]

    @property
    def task(self) -> Literal["binary", "multiclass", "regression"]:
        """What kind of problem the target makes."""
        if self.target.kind in NUMERIC:
            return "regression"
        return "binary" if len(self.target.categories or ()) == 2 else "multiclass"

    def assign_roles(self, data: DataSettings) -> "Contract":
        """Return the contract with the roles that project.toml gives."""
        given: dict[str, Role] = {data.target: "target", data.time: "time", data.group: "group"}
        given.update(dict.fromkeys(data.sensitive, "sensitive"))
        given.update(dict.fromkeys(data.ignore, "ignored"))
        given.update(dict.fromkeys(data.keep, "feature"))
        columns = []
        for column in self.columns:
            role, note = given.get(column.name), column.note
            if role:
                column = column.replace(role=role, note=ASIDE if role == "ignored" else note)
            elif note == ASIDE or column.role not in ("feature", "id", "ignored"):
                # It had a role in project.toml, and has it no more.
                column = column.replace(role="id" if column.kind == "id" else "feature", note="")
            columns.append(column)
        return self.model_copy(update={"columns": tuple(columns)})


def save_contract(contract: Contract, path: Path) -> None:
    """Write the contract as YAML, leaving out what says nothing."""
    text = "# What a row must look like. Inferred once by check-data; review it, it is yours.\n"
    content = contract.model_dump(mode="json", exclude_defaults=True)
    text += yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    path.write_text(text, encoding="utf-8")


def load_contract(path: Path, data: DataSettings | None = None) -> Contract:
    """Read contract.yaml; raise `WrongUse` with one line for everything that is wrong in it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        contract = Contract.model_validate(content | {"columns": tuple(content["columns"])})
    except FileNotFoundError:
        raise WrongUse(f"{path} is not there yet; `check-data` makes it") from None
    except ValidationError as error:
        raise WrongUse(f"{path}:\n{explain(error, Contract)}") from None
    except (yaml.YAMLError, KeyError, TypeError, ValueError, OSError, RecursionError) as error:
        raise WrongUse(f"{path} is no contract: {error}") from None
    if data is None:
        return contract
    if data.target not in [column.name for column in contract.columns]:
        way_out = "move the file away and run `check-data`"
        raise WrongUse(f"{path} does not know the target '{data.target}'; {way_out}")
    contract = contract.assign_roles(data)
    if contract.task != "regression" and not contract.target.categories:
        raise WrongUse(f"{path}: the target '{data.target}' needs a kind of number, or categories")
    return contract
