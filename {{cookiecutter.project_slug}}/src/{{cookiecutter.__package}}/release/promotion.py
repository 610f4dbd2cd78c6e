"""Who serves next: let a challenger in when the gate says so, and the former champion back.

In: a version. Out: one row in the ledger, written under a lock: before it the old champion serves,
after it the new one, and there is no state between. The registry's alias follows.
"""

from collections.abc import Callable
from dataclasses import replace

from ..errors import CheckFailed
from ..ledger import Ledger
from ..settings import Settings
from . import champion as champions
from . import registry
from .bundle import Release
from .evidence import PRODUCTION, Case, gather
from .gate import Verdict, judge
from .registry import Version


def promote(
    settings: Settings,
    rehearse: Callable[[Release], float],
    number: int | None = None,
    override: str = "",
    freeze: bool = False,
) -> Verdict:
    """Judge a version (default: the latest) and let it serve if the verdict says so.

    rehearse: tries a release in the service, and returns milliseconds of one row. override: the
    reason of a person who promotes in spite of a hold or reject; it is recorded. freeze: let it be
    the anchor from now on.
    A release that cannot be verified cannot be promoted by anyone.

    Raises:
        CheckFailed: a release is not right; the champion changed meanwhile; the registry or the
            ledger is not the one that belongs to the other.

    """
    with Ledger(settings.ledger_url) as ledger:
        champion = champions.serving(ledger)
        _check_place(settings, champion, override)
        version = registry.wanted(settings, number)
        if champion == version and not freeze:
            champions.mirror(settings, version)
            return _last(ledger, version)
        case = _case(settings, ledger, version, champion, override, rehearse)
        verdict = replace(judge(case, settings), version=version.number, who=settings.approver)
        if override and verdict.verdict != "promote":
            said = f"by hand: {override} (the gate said {verdict.verdict}: {verdict.reason})"
            verdict = replace(verdict, verdict="promote", reason=said)
        if freeze:
            verdict = replace(verdict, details=verdict.details | {"anchor": True})
        version = replace(version, sha256=case.challenger.sha256)
        move(settings, ledger, "promotion", version, champion, verdict)
    return verdict


def _last(ledger: Ledger, version: Version) -> Verdict:
    """Return what was decided when `version` came to serve: who asks twice is told twice."""
    made = [d for d in ledger.decisions("promotion") if d["run_id"] == version.run_id]
    details, who = (made[0]["details"], made[0]["who"] or "") if made else ({}, "")
    said = f"version {version.number} serves already"
    return Verdict("promote", said, details, version.number, who)


def _check_place(settings: Settings, champion: Version | None, override: str) -> None:
    """Raise unless ledger and registry belong together, or a person says that they do."""
    if override:
        return
    if champion is None:
        champions.check_emptied(settings)
    else:
        champions.check_registered(settings, champion)


def _case(
    settings: Settings,
    ledger: Ledger,
    version: Version,
    champion: Version | None,
    override: str,
    rehearse: Callable[[Release], float],
) -> Case:
    challenger = registry.fetch(version, settings)
    frozen = champions.anchor(ledger)
    before = [_incumbent(settings, v, override) if v else None for v in (champion, frozen)]
    case = gather(challenger, before[0], before[1], ledger, settings.gate.min_outcomes)
    # Rows of a test set stay the same; outcomes come in, and each judgement sees others.
    again = case.where == PRODUCTION
    look = ledger.look(case.key, version.number, "gate", again)
    if case.anchor is not None and frozen != champion:
        key = f"anchor {case.anchor.sha256[:16]}"
        case = replace(case, anchor_look=ledger.look(key, version.number, "gate"))
    return replace(case, look=look, latency=rehearse(challenger))


def _incumbent(settings: Settings, version: Version, override: str) -> Release | None:
    try:
        return registry.fetch(version, settings)
    except CheckFailed as error:
        if override:
            return None
        raise CheckFailed(
            f"the gate cannot compare with the champion or the anchor: {error}. "
            "`promote --override` with the reason goes on without it"
        ) from None


def move(
    settings: Settings,
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
    moves = verdict.verdict in champions.MOVES
    with ledger.exclusive() as connection:
        if moves and champions.serving(ledger, connection) != champion:
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
            settings.approver,
        )
    if moves:
        champions.mirror(settings, version)


def rollback(settings: Settings) -> tuple[int, int]:
    """Let the former champion, which was judged before, serve again; return (from, to).

    Its verified copy in `releases/` is enough: the registry need not answer.
    """
    with Ledger(settings.ledger_url) as ledger:
        current = champions.serving(ledger)
        former = champions.former(ledger, current)
        assert current is not None  # a former one was found
        registry.fetch(former, settings)
        reason = f"back from version {current.number} to {former.number}"
        move(settings, ledger, "rollback", former, current, Verdict("rollback", reason))
    return current.number, former.number
