"""A table of project.toml as a strict, frozen object; and errors that name the right key.

In: project.toml, and the model that a project makes of the wings' sections. Out: that model, or
one line for everything that is wrong. A wing's own section is in its `settings` module.
"""

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import WrongUse

Names = Annotated[tuple[str, ...], Field(strict=False)]
Share = Annotated[float, Field(gt=0, lt=1)]
Model = TypeVar("Model", bound=BaseModel)
FORMER: Mapping[str, Mapping[str, str]] = {
    "": {"trial": "rollout"},
    "data": {"positive": "positive_class"},
    "training": {"seconds": "budget_seconds", "tries": "max_trials", "worth": "min_gain"},
    "value": {"over": "cost_over", "under": "cost_under"},
    "gate": {"looks": "max_looks", "latency_ms": "max_latency_ms", "outcomes": "min_outcomes"},
    "rollout": {
        "errors": "max_error_rate",
        "loss": "max_loss_increase",
        "minimum_rows": "min_rows",
        "surely": "alpha",
    },
    "drift": {
        "minimum_rows": "min_rows",
        "false_alarms": "false_alarm_rate",
        "effect": "min_effect_size",
        "missing": "max_missing_increase",
        "loss": "max_loss_increase",
    },
}  # keys that have another name now, by section


class Section(BaseModel):
    """A table of project.toml: unknown keys and wrong types are errors.

    >>> class Deadline(Section):
    ...     days: int = 30
    >>> Deadline().days
    30
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def find_root(start: Path | None = None) -> Path:
    """Return the nearest folder from `start` (default: here) upwards that has a project.toml.

    Raises:
        WrongUse: there is none.

    """
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / "project.toml").is_file():
            return folder
    raise WrongUse(f"no project.toml in {here} or above it; run this inside a project")


def load_toml(path: Path, model: type[Model], **given: Any) -> Model:
    """Read a TOML file as `model`; given: fields that no file may set.

    Raises:
        WrongUse: with one line for everything that is wrong in the file.

    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongUse(f"{path} is not valid TOML: {error}") from None
    if taken := sorted(values.keys() & given.keys()):
        raise WrongUse(f"{path}:\n  {taken[0]}: there is no such key")
    try:
        return model(**given, **values)
    except ValidationError as error:
        raise WrongUse(f"{path}:\n{explain(error, model, frozenset(given))}") from None


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ` Did you mean '...'?` for the known name that is most like `name`, or nothing."""
    folded = {candidate.casefold(): candidate for candidate in known}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.5)
    return f" Did you mean '{folded[close[0]]}'?" if close else ""


def explain(
    error: ValidationError, model: type[BaseModel], hidden: frozenset[str] = frozenset()
) -> str:
    """Return a line for each problem: its place, what is wrong, and the nearest right key."""
    lines = []
    for problem in error.errors():
        place = ".".join(map(str, problem["loc"])) or "[data]"
        text, given = problem["msg"].removeprefix("Value error, "), problem["input"]
        if problem["type"] == "extra_forbidden":
            known = [key for key in _keys(model, problem["loc"][:-1]) if key not in hidden]
            text = f"there is no such key.{_instead(problem['loc'], known)}"
        elif not isinstance(given, dict):
            text += f" (given: {given!r})"
        lines.append(f"  {place}: {text}")
    return "\n".join(lines)


def _instead(loc: tuple[int | str, ...], known: list[str]) -> str:
    *sections, key = map(str, loc)
    now = FORMER.get(".".join(sections), {}).get(key)
    if now:
        return f" It is called '{now}' now."
    return nearest(key, known) or f" Known: {', '.join(known)}."


def _keys(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys allowed at `loc`, following nested models and tuples of them."""
    for name in loc:
        if isinstance(name, str):
            kind = model.model_fields[name].annotation
            model = next(m for m in (kind, *get_args(kind)) if isinstance(m, type))
    return list(model.model_fields)
