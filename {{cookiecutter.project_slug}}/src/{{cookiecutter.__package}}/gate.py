"""The gate: may the challenger serve? The questions, in their order; every doubt is a no.

In: a `Case`: challenger, champion, anchor, and rows that both have honest predictions of. Out: a
`Verdict`: promote, hold or reject, that of the most severe answer. Hold: it is not shown that the
challenger is better and does no harm; reject: it is surely worse. A question of your own is a
function that returns a `GateCheck`, and a line here.
"""

from collections.abc import Iterator
from dataclasses import replace

from ml_lifecycle import ProjectError
from ml_lifecycle.data import load_contract
from ml_lifecycle.release import Case, questions

from .settings import Settings

# What a person reads below the verdict.
ADVICE = {
    "promote": "Nothing: a running service takes it over by itself; rollback is the way back.",
    "hold": "The champion goes on serving. Bring more rows or a better model, and ask again.",
    "reject": "The champion goes on serving. Find out what this version does worse.",
}


def judge(case: Case, settings: Settings, strict: bool = False) -> questions.Verdict:
    """Return the verdict on a case; what must hold first is asked before anything is compared.

    strict: judge a refresh as a change.
    """
    case = replace(case, strict=strict)
    checks = list(preconditions(case, settings))
    if all(check.verdict == "promote" for check in checks):
        checks += comparisons(case, settings)
    # Where all promote, the reason is the answer to this one.
    decisive = questions.NO_WORSE if case.refresh else questions.BETTER
    return questions.verdict_of(case, checks, decisive)


def preconditions(case: Case, settings: Settings) -> Iterator[questions.GateCheck]:
    """Yield what must hold before anything is compared."""
    gate, project = settings.gate, settings.project
    try:
        contract = load_contract(project.contract_path, settings.data)
    except ProjectError:
        contract = None
    yield questions.question(case, gate)  # decides nothing, but is said: a change, or a refresh
    yield questions.leakage(case)  # no test row was judged by a model that was fitted on it
    yield questions.same_contract(case, contract)  # contract.yaml is still the release's
    yield questions.looks(case, gate)  # not more versions than `max_looks` on these rows
    yield questions.latency(case, gate)  # one row through the service, in `max_latency_ms`
    yield questions.floors(case)  # every slice of [slices] reaches its floor
    yield questions.value(case, gate)  # it does not surely earn less than doing without it
    yield questions.not_assessed(case)  # decides nothing, but is said
    yield questions.common_rows(case)  # there are rows to compare both models on


def comparisons(case: Case, settings: Settings) -> Iterator[questions.GateCheck]:
    """Yield what is compared, on the same rows for both, with intervals of `confidence`."""
    gate, task = settings.gate, settings.task(case.challenger.contract)
    name = case.challenger.evaluation.metric
    metric = questions.Metric(name, task.scores[name], task.seed)
    if case.champion is None:
        yield questions.beats_prior(case, metric, gate)  # surely better than no feature at all
        return
    pair = questions.paired(case, case.champion, task.seed)
    # All looks at one test set share the error.
    if case.refresh:  # The same recipe on newer rows: surely no worse by `tolerance`.
        names = questions.NO_WORSE, "the champion"
        yield questions.non_inferiority(pair, metric, gate, case.look, *names)
    else:  # Another recipe: surely better by `margin`.
        yield questions.superiority(pair, metric, gate, case.look, case.where)
    # Surely no worse than the frozen anchor by `tolerance`: small losses would add up.
    yield questions.anchored(case, metric, gate)
    # No slice, no gap between sensitive groups, no calibration surely worse by `tolerance`.
    yield from questions.harms(pair, case, metric, gate)
