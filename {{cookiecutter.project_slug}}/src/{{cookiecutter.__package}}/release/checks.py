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
from .compare import Gain
from .evidence import Case, fresh, gone


@dataclass(frozen=True)
class Check:
    """One question the gate asked. verdict: what the answer alone would lead to."""

    name: str
    verdict: str
    said: str
    gain: Gain | None = None
    limit: float | None = None


def before(case: Case, settings: Settings) -> Iterator[Check]:
    """Yield what must hold before anything is compared."""
    allowed, challenger = settings.gate, case.challenger
    test = holdout(challenger)
    known = len(test) - len(fresh(test, challenger)) - challenger.facts["twins"]
    yield Check(
        "no test row was trained on",
        "reject" if known > 0 else "promote",
        f"the challenger was trained on {max(known, 0):,} of its {len(test):,} test rows",
    )
    changed = _changed(challenger, settings)
    yield Check(
        "same contract",
        "hold" if changed else "promote",
        f"contract.yaml and the release differ in {', '.join(changed)}: train again"
        if changed
        else "contract.yaml is that of the release",
    )
    yield Check(
        "looks",
        "hold" if case.look > allowed.looks else "promote",
        f"version {case.look} of {allowed.looks} that may be judged on {case.where}"
        + ("; luck could pass now, bring fresh rows" if case.look > allowed.looks else ""),
    )
    yield Check(
        "latency",
        "promote" if case.latency <= allowed.latency_ms else "reject",
        f"one row takes {case.latency:.0f} ms; the budget is {allowed.latency_ms:.0f} ms",
    )
    missed = challenger.evaluation["missed"]
    yield Check(
        "floors",
        "reject" if missed else "promote",
        f"a floor of [slices] is missed: {'; '.join(missed)}" if missed else "every floor is met",
    )
    losing = challenger.evaluation.get("losing", []) if allowed.value else []
    yield Check(
        "value",
        "hold" if losing else "promote",
        f"{'; '.join(losing)}. Mend [value], the threshold or the model; `value = false` under "
        "[gate] takes it as it is"
        if losing
        else "it does not surely earn less than doing without it",
    )
    unknown = challenger.evaluation.get("unassessed", [])
    yield Check("what is not known", "promote", f"not assessed: {'; '.join(unknown) or 'nothing'}")
    if case.champion is not None and (absent := gone(case.champion, case.frame)):
        said = f"no common rows: the champion needs {', '.join(absent)}, now set aside"
        yield Check("common rows", "hold", said)
    elif len(case.frame) < FEW:
        few = f"only {len(case.frame)} rows that neither was trained on; {FEW} are needed"
        yield Check("common rows", "hold", few)
    elif (group := settings.data.group) and case.frame[group].nunique(dropna=False) < 2:
        said = f"all rows of {case.where} are of one '{group}', so what is chance cannot be told"
        yield Check("common rows", "hold", f"{said}; {FINER}")


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
