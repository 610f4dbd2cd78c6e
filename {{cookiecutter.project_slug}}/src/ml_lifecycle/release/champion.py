"""Who serves: the ledger's last move, and nothing else. MLflow's alias is its mirror, for people.

In: the ledger. Out: the version that serves, those that served, the anchor. Whoever can write to
the registry can move an alias or delete a version, and neither changes who serves.
"""

import logging

import numpy as np
import pandas as pd
from sqlalchemy.engine import Connection

from ..errors import CheckFailed, WorldBroken, WrongUse
from ..evaluation.task import Task
from ..evaluation.value import Policy
from ..ledger.database import Decision, Ledger
from .bundle import Release
from .evidence import honest_predictions
from .registry import Registry, Version

log = logging.getLogger(__name__)
MOVES = ("promote", "rollback")


def history(ledger: Ledger) -> list[Version]:
    """Return the versions that came to serve, the latest first: that one serves."""
    return [_of(move) for move in ledger.decisions(verdicts=MOVES)]


def serving(ledger: Ledger, connection: Connection | None = None) -> Version | None:
    """Return the version that serves, None if none ever did."""
    return next((_of(move) for move in ledger.decisions(None, MOVES, 1, connection)), None)


def champion(registry: Registry, ledger: Ledger) -> Version:
    """Return the version that serves; raise `WrongUse` if there is none yet."""
    found = serving(ledger)
    if found is None:
        check_emptied(registry)
        raise WrongUse("there is no champion yet: run `train`, then `promote`")
    return found


def champion_release(registry: Registry) -> tuple[Version, Release]:
    """Return the version that serves and its verified release.

    Raises:
        WrongUse: there is none yet.
        CheckFailed, WorldBroken: as `Registry.fetch`.

    """
    with Ledger(registry.project.ledger_url) as ledger:
        version = champion(registry, ledger)
    return version, registry.fetch(version)


def champion_policy(registry: Registry, test: pd.DataFrame, task: Task) -> Policy | None:
    """Return what the champion says of typed test rows, and its threshold.

    None without a champion, and where it cannot be compared on these rows: other classes, features
    that are set aside, or rows of which it says nothing honest.
    """
    with Ledger(registry.project.ledger_url) as ledger:
        version = serving(ledger)
    if version is None:
        return None
    try:
        release = registry.fetch(version)
    except CheckFailed:
        return None  # Who asks the gate hears of it; a new model may be the way out.
    alike = release.classes == task.classes and set(release.contract.features) <= set(test)
    if not alike:
        return None
    y_pred = honest_predictions(release, test, np.ones(len(test), dtype=bool))
    return None if np.isnan(y_pred).any() else (y_pred, release.evaluation.threshold)


def former(ledger: Ledger, current: Version | None) -> Version:
    """Return the version that served before `current` was promoted."""
    moves = ledger.decisions(verdicts=MOVES)
    for place, move in enumerate(moves):
        if move.verdict != "promote" or _of(move) != current or not move.previous_version:
            continue
        before = moves[place + 1 :]
        found = next(_of(m) for m in before if m.version == move.previous_version)
        if found != current:  # one that was promoted again, to be the anchor, followed itself
            return found
    raise CheckFailed("there is no former champion to go back to")


def anchor(ledger: Ledger) -> Version | None:
    """Return the version that no later champion may fall behind: the first, or one frozen since."""
    moves = ledger.decisions(verdicts=("promote",))
    frozen = (m for m in moves if m.details.get("anchor"))
    found = next(frozen, moves[-1] if moves else None)
    return _of(found) if found else None


def check_emptied(registry: Registry) -> None:
    """Raise `CheckFailed` if the registry names a champion that the ledger has never heard of."""
    found = registry.by_alias()
    if found is not None:
        raise CheckFailed(
            f"the registry calls version {found.number} champion, but the ledger knows of no "
            "promotion: is LEDGER_URL that of another project, or was the ledger emptied? "
            "`restore` a backup, or `promote --override` with the reason"
        )


def check_registered(registry: Registry, current: Version) -> None:
    """Raise `CheckFailed` if the registry does not have the champion: deleted, or not our registry.

    A registry that does not answer is another thing: `WorldBroken`.
    """
    found = registry.get(current.number)
    if found is None or (current.run_id and found.run_id != current.run_id):
        state = "does not have" if found is None else "has another run as"
        raise CheckFailed(
            f"the registry at {registry.place} {state} version {current.number}, the champion: was "
            "it deleted, or is MLFLOW_TRACKING_URI that of another project? It goes on serving "
            f"from {registry.local(current)}. `promote --override` goes on"
        )


def mirror(registry: Registry, current: Version) -> None:
    """Let the registry's alias name the champion. When that cannot be done now, the next move may.

    The alias is for people who look at MLflow; no job reads it.
    """
    try:
        shown = registry.by_alias()
        if shown is None or shown.number != current.number:
            registry.point(current)
    except WorldBroken as error:
        log.warning("version %s serves, but its alias was not moved: %s", current.number, error)


def _of(move: Decision) -> Version:
    assert move.version is not None  # a move is always to a version
    return Version(move.version, move.run_id or "", move.sha256 or "")
