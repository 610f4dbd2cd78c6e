"""What must hold before two models are compared: each question of the gate with its answer.

In: a `Case`. Out: a `GateCheck` a question. Which are asked, and in which order, is the project's.
"""

import numpy as np

from ...data.contract import Contract
from ...data.split import FINER, row_hashes
from ...evaluation.scored import FEW
from ..bundle import holdout, judgement, trained_on
from ..evidence import Case, missing_features
from ..settings import GateSettings
from .verdict import QUESTION, GateCheck


def leakage(case: Case) -> GateCheck:
    """Ask if a test row was judged by a model that was fitted on it."""
    test, said = holdout(case.challenger), judgement(case.challenger)
    marks = row_hashes(test[case.challenger.contract.used])
    leaked = said.leaked(marks) if said else np.isin(marks, trained_on(case.challenger))
    known = max(int(leaked.sum()) - case.challenger.manifest.duplicate_rows, 0)
    words = f"{known:,} of its {len(test):,} test rows were judged by a model fitted on them"
    return GateCheck("no test row was trained on", "reject" if known else "promote", words)


def same_contract(case: Case, contract: Contract | None) -> GateCheck:
    """Ask if contract.yaml, None if it cannot be read, still is that of the release."""
    changed = ["contract.yaml, which cannot be read"]
    if contract is not None:
        now, then = (
            {c.name: (c.kind, c.role, c.nullable) for c in one.columns}
            for one in (contract, case.challenger.contract)
        )
        changed = sorted(n for n in now.keys() | then.keys() if now.get(n) != then.get(n))
    said = f"contract.yaml and the release differ in {', '.join(changed)}: train again"
    if not changed:
        said = "contract.yaml is that of the release"
    return GateCheck("same contract", "hold" if changed else "promote", said)


def looks(case: Case, gate: GateSettings) -> GateCheck:
    """Ask if too many versions were judged on these rows."""
    many = case.look > gate.max_looks
    said = f"version {case.look} of {gate.max_looks} that may be judged on {case.where}"
    said += "; luck could pass now, bring fresh rows" if many else ""
    return GateCheck("looks", "hold" if many else "promote", said)


def question(case: Case, gate: GateSettings) -> GateCheck:
    """Say what is asked: a change has to be better, a refresh no worse; it decides nothing."""
    said = "a first champion: it has to be surely better than a guess without features"
    if case.refresh:
        said = (
            f"a refresh, the champion's recipe on newer rows: surely no worse by {gate.tolerance:g}"
        )
    elif case.champion is not None:
        why = "a refresh that is judged as a change, as asked for"
        why = f"a change, of {', '.join(case.changed)}" if case.changed else why
        said = f"{why}: it has to be surely better by {gate.margin:g}"
    return GateCheck(QUESTION, "promote", said)


def latency(case: Case, gate: GateSettings) -> GateCheck:
    """Ask if one row is answered fast enough."""
    said = f"one row takes {case.latency:.0f} ms; the budget is {gate.max_latency_ms:.0f} ms"
    return GateCheck(
        "latency", "promote" if case.latency <= gate.max_latency_ms else "reject", said
    )


def floors(case: Case) -> GateCheck:
    """Ask if every slice under [slices] reaches its floor."""
    failed = case.challenger.evaluation.failed_floors
    said = f"a floor of [slices] is missed: {'; '.join(failed)}" if failed else "every floor is met"
    return GateCheck("floors", "reject" if failed else "promote", said)


def value(case: Case, gate: GateSettings) -> GateCheck:
    """Ask if the challenger surely earns less than doing without it, where [gate] value says so."""
    losing = case.challenger.evaluation.losing if gate.value else []
    said = "it does not surely earn less than doing without it"
    if losing:
        way_out = "Mend [value], the threshold or the model; `value = false` under [gate] takes it"
        said = f"{'; '.join(losing)}. {way_out} as it is"
    return GateCheck("value", "hold" if losing else "promote", said)


def not_assessed(case: Case) -> GateCheck:
    """Say what nothing is known of; it decides nothing."""
    unknown = "; ".join(case.challenger.evaluation.unassessed) or "nothing"
    return GateCheck("what is not known", "promote", f"not assessed: {unknown}")


def common_rows(case: Case) -> GateCheck:
    """Ask if there are rows on which both models can be compared."""
    said, group = "", case.challenger.contract.group
    if case.champion is not None and (absent := missing_features(case.champion, case.frame)):
        said = f"no common rows: the champion needs {', '.join(absent)}, now set aside"
    elif len(case.frame) < FEW:
        said = f"only {len(case.frame)} rows of which both say something honest; {FEW} are needed"
    elif group and case.frame[group].nunique(dropna=False) < 2:
        said = f"all rows of {case.where} are of one '{group}', so what is chance cannot be told"
        said = f"{said}; {FINER}"
    rows = f"{len(case.frame):,} rows of {case.where} that neither had seen"
    return GateCheck("common rows", "hold" if said else "promote", said or rows)
