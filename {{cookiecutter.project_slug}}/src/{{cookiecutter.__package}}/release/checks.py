"""What must hold before the gate compares anything: each question with its answer.

In: a `Case`. Out: `Check`s, in the order in which they are asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ..data import contract as contracts
from ..data.split import FINER
from ..errors import ProjectError
from ..evaluation.slices import FEW
from ..settings import Settings
from .bundle import Release, holdout
from .compare import PairedDifference
from .evidence import Case, missing_features, rows_not_trained_on


@dataclass(frozen=True)
class GateCheck:
    """One question the gate asked. verdict: what the answer alone would lead to."""

    name: str
    verdict: str
    message: str
    gain: PairedDifference | None = None
    limit: float | None = None


def before(case: Case, settings: Settings) -> Iterator[GateCheck]:
    """Yield what must hold before anything is compared."""
    allowed, challenger = settings.gate, case.challenger
    test = holdout(challenger)
    known = (
        len(test)
        - len(rows_not_trained_on(test, challenger))
        - challenger.lineage["duplicate_rows"]
    )
    yield GateCheck(
        "no test row was trained on",
        "reject" if known > 0 else "promote",
        f"the challenger was trained on {max(known, 0):,} of its {len(test):,} test rows",
    )
    changed = _changed(challenger, settings)
    yield GateCheck(
        "same contract",
        "hold" if changed else "promote",
        f"contract.yaml and the release differ in {', '.join(changed)}: train again"
        if changed
        else "contract.yaml is that of the release",
    )
    yield GateCheck(
        "looks",
        "hold" if case.look > allowed.max_looks else "promote",
        f"version {case.look} of {allowed.max_looks} that may be judged on {case.where}"
        + ("; luck could pass now, bring fresh rows" if case.look > allowed.max_looks else ""),
    )
    yield GateCheck(
        "latency",
        "promote" if case.latency <= allowed.max_latency_ms else "reject",
        f"one row takes {case.latency:.0f} ms; the budget is {allowed.max_latency_ms:.0f} ms",
    )
    missed = challenger.evaluation["failed_floors"]
    yield GateCheck(
        "floors",
        "reject" if missed else "promote",
        f"a floor of [slices] is missed: {'; '.join(missed)}" if missed else "every floor is met",
    )
    losing = challenger.evaluation.get("losing", []) if allowed.value else []
    yield GateCheck(
        "value",
        "hold" if losing else "promote",
        f"{'; '.join(losing)}. Mend [value], the threshold or the model; `value = false` under "
        "[gate] takes it as it is"
        if losing
        else "it does not surely earn less than doing without it",
    )
    unknown = challenger.evaluation.get("unassessed", [])
    yield GateCheck(
        "what is not known", "promote", f"not assessed: {'; '.join(unknown) or 'nothing'}"
    )
    if case.champion is not None and (absent := missing_features(case.champion, case.frame)):
        said = f"no common rows: the champion needs {', '.join(absent)}, now set aside"
        yield GateCheck("common rows", "hold", said)
    elif len(case.frame) < FEW:
        few = f"only {len(case.frame)} rows that neither was trained on; {FEW} are needed"
        yield GateCheck("common rows", "hold", few)
    elif (group := settings.data.group) and case.frame[group].nunique(dropna=False) < 2:
        said = f"all rows of {case.where} are of one '{group}', so what is chance cannot be told"
        yield GateCheck("common rows", "hold", f"{said}; {FINER}")


def _changed(release: Release, settings: Settings) -> list[str]:
    """Return the columns in which contract.yaml and a release disagree on what a row looks like."""
    try:
        owned = contracts.load(settings.contract_path, settings.data)
    except ProjectError:
        return ["contract.yaml, which cannot be read"]
    now, then = (
        {c.name: (c.kind, c.role, c.nullable) for c in contract.columns}
        for contract in (owned, release.contract)
    )
    return sorted(name for name in now.keys() | then.keys() if now.get(name) != then.get(name))
