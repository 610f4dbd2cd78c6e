"""The model card (Mitchell et al., 2019), as short as a screen: what is known, and what is not.

In: the release that serves, and the ledger's decisions. Out: a `Card`.
"""

from math import isfinite

from ..evaluation.scored import Known
from ..ledger.database import Ledger
from ..project import Project
from ..release.bundle import Release
from ..service.server import ModelServer
from ..words import called
from .forms import Card, Group, Measure, Watched

WORTH = 8  # columns that the model makes the most of


def card(server: ModelServer, project: Project) -> Card:
    """Return what the release says of itself, and what was last found of what it served."""
    loaded = server.slot.loaded
    made_of, found = loaded.release.manifest, loaded.release.evaluation
    named = {name: _measure(called(name), score) for name, score in found.scores.items()}
    chosen_by = named.pop(found.metric)
    return Card(
        version=loaded.version.number,
        summary=project.summary,
        candidate=made_of.candidate,
        trained_at=made_of.trained_at,
        fitted_rows=made_of.fitted_rows or made_of.train_rows,
        test_rows=made_of.test_rows,
        judged=found.judged,
        metric=called(found.metric),
        baseline=_finite(found.baseline),
        currency=found.currency,
        scores=[chosen_by, *named.values()],
        leads=_leads(loaded.release),
        groups=_groups(loaded.release),
        importances=[_measure(one.feature, one.importance) for one in found.importances[:WORTH]],
        caveats=_caveats(loaded.release),
        watched=_watched(server.ledger),
    )


def _leads(release: Release) -> list[Measure]:
    """Return by how much acting on the model is better; an error of a number is no such act."""
    policies = release.evaluation.policies if release.classes else []
    return [_measure(row.policy, row.lead) for row in policies if row.lead]


def _groups(release: Release) -> list[Group]:
    found, name = release.evaluation, called(release.evaluation.metric)
    return [
        Group(column=s.column, value=s.value, rows=s.rows, score=_measure(name, s.score))
        for s in found.slices
        if s.sensitive
    ]


def _caveats(release: Release) -> list[str]:
    """Return a sentence for each thing that is unknown, missed or surely worse somewhere."""
    found, worst = release.evaluation, release.evaluation.worst_slice
    said = [*found.failed_floors, *found.losing, *found.unassessed]
    if worst:
        where = f"it is surely worse where {worst.rule} ({worst.rows:,} rows)"
        said.append(f"{where}: {worst.score.value:.3g}, elsewhere {worst.rest.value:.3g}")
    return said


def _watched(ledger: Ledger) -> Watched | None:
    last = next(iter(ledger.decisions("drift", last=1)), None)
    if last is None:
        return None
    return Watched(
        at=last.created_at, verdict=last.verdict, reason=last.reason, version=last.version
    )


def _measure(name: str, known: Known) -> Measure:
    bounds = (known.value, known.low, known.high) if known else (None, None, None)
    value, low, high = map(_finite, bounds)
    return Measure(name=name, value=value, low=low, high=high)


def _finite(number: float | None) -> float | None:
    """Return None for what is undefined, which JSON has no number for."""
    return number if number is not None and isfinite(number) else None
