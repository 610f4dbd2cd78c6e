"""Who serves next: let a challenger in when the gate says so, and the former champion back.

In: a version. Out: one row in the ledger, written under a lock: before it the old champion serves,
after it the new one, and there is no state between. The registry's alias follows.
"""

from collections.abc import Callable
from dataclasses import replace

from ..errors import CheckFailed
from ..ledger.database import Ledger
from .bundle import Release
from .champion import MOVES, anchor, check_emptied, check_registered, former, mirror, serving
from .evidence import PRODUCTION, Case, Outcomes, gather, labelled
from .questions.verdict import Verdict
from .registry import Registry, Version


def promote(
    registry: Registry,
    judge: Callable[[Case], Verdict],
    rehearse: Callable[[Release], float],
    min_outcomes: int,
    who: str,
    number: int | None = None,
    override: str = "",
    freeze: bool = False,
    outcomes: Outcomes = labelled,
) -> Verdict:
    """Judge a version and let it serve if the verdict says so; the decision is in the ledger.

    number: of the version, None for the latest; who: asks; override: the reason of a person who
    promotes in spite of a hold or reject; freeze: let it be the anchor from now on. judge: the
    project's questions; rehearse: tries a release in the service, and returns milliseconds of one
    row; min_outcomes: from so many `outcomes` new to both on they judge, and not the test set. A
    release that cannot be verified cannot be promoted by anyone.

    Raises:
        CheckFailed: a release is not right; the champion changed meanwhile; the registry or the
            ledger is not the one that belongs to the other.

    """
    with Ledger(registry.project.ledger_url) as ledger:
        champion = serving(ledger)
        _check_place(registry, champion, override)
        version = registry.wanted(number)
        if champion == version and not freeze:
            mirror(registry, version)
            return _last(ledger, version)
        case = _case(registry, ledger, version, champion, override, min_outcomes, outcomes)
        case = replace(case, latency=rehearse(case.challenger))
        verdict = replace(judge(case), version=version.number, who=who)
        if override and verdict.verdict != "promote":
            said = f"the gate said {verdict.verdict}: {verdict.reason}"
            verdict = replace(verdict, verdict="promote", reason=f"by hand: {override} ({said})")
        if freeze:
            verdict = replace(verdict, details=verdict.details | {"anchor": True})
        version = replace(version, sha256=case.challenger.sha256)
        move(registry, ledger, "promotion", version, champion, verdict)
    return verdict


def _last(ledger: Ledger, version: Version) -> Verdict:
    """Return what was decided when `version` came to serve: who asks twice is told twice."""
    made = [d for d in ledger.decisions("promotion") if d.run_id == version.run_id]
    details, who = (made[0].details, made[0].who or "") if made else ({}, "")
    said = f"version {version.number} serves already"
    return Verdict("promote", said, details, version.number, who)


def _check_place(registry: Registry, champion: Version | None, override: str) -> None:
    """Raise unless ledger and registry belong together, or a person says that they do."""
    if override:
        return
    if champion is None:
        check_emptied(registry)
    else:
        check_registered(registry, champion)


def _case(
    registry: Registry,
    ledger: Ledger,
    version: Version,
    champion: Version | None,
    override: str,
    min_outcomes: int,
    outcomes: Outcomes,
) -> Case:
    challenger = registry.fetch(version)
    frozen = anchor(ledger)
    before = [_incumbent(registry, v, override) if v else None for v in (champion, frozen)]
    case = gather(challenger, before[0], before[1], ledger, min_outcomes, outcomes)
    # Rows of a test set stay the same; outcomes come in, and each judgement sees others.
    again = case.where == PRODUCTION
    look = ledger.look(case.key, version.number, "gate", again)
    if case.anchor is not None and frozen != champion:
        key = f"anchor {case.anchor.sha256[:16]}"
        case = replace(case, anchor_look=ledger.look(key, version.number, "gate"))
    return replace(case, look=look)


def _incumbent(registry: Registry, version: Version, override: str) -> Release | None:
    try:
        return registry.fetch(version)
    except CheckFailed as error:
        if override:
            return None
        raise CheckFailed(
            f"the gate cannot compare with the champion or the anchor: {error}. "
            "`promote --override` with the reason goes on without it"
        ) from None


def move(
    registry: Registry,
    ledger: Ledger,
    kind: str,
    version: Version,
    champion: Version | None,
    verdict: Verdict,
) -> None:
    """Record a verdict on `version`; it serves from then on if the verdict is to promote.

    Raises:
        CheckFailed: another champion serves than the one that the verdict is about.

    """
    moves = verdict.verdict in MOVES
    with ledger.exclusive() as connection:
        if moves and serving(ledger, connection) != champion:
            raise CheckFailed("the champion changed meanwhile: nothing was moved, run it again")
        ledger.decide(
            kind,
            verdict.verdict,
            verdict.reason,
            version.number,
            champion.number if champion else None,
            verdict.details,
            connection,
            version.run_id,
            version.sha256,
            verdict.who,
        )
    if moves:
        mirror(registry, version)


def rollback(registry: Registry, who: str) -> tuple[int, int]:
    """Let the former champion, which was judged before, serve again; return (from, to).

    Its verified copy in `releases/` is enough: the registry need not answer.
    """
    with Ledger(registry.project.ledger_url) as ledger:
        current = serving(ledger)
        back = former(ledger, current)
        assert current is not None  # a former one was found
        registry.fetch(back)
        reason = f"back from version {current.number} to {back.number}"
        move(registry, ledger, "rollback", back, current, Verdict("rollback", reason, who=who))
    return current.number, back.number
