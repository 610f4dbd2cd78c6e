"""Who serves: let a challenger in when the gate says so, and the former champion back.

In: a version. Out: the alias `champion` moved, under a lock and with the decision in the ledger.
"""

from ..errors import CheckFailed, WrongUse
from ..ledger import Ledger
from ..settings import Settings
from . import registry
from .bundle import Release
from .gate import Verdict, judge
from .registry import ANCHOR, Version


def promote(settings: Settings, number: int | None = None, override: str = "") -> Verdict:
    """Judge a version (default: the latest) and let it serve if the verdict says so.

    override: the reason of a person who promotes in spite of a hold or reject; it is recorded.
    A release that cannot be verified cannot be promoted by anyone.
    """
    version = registry.latest(settings) if number is None else registry.by_number(settings, number)
    if version is None:
        missing = "train a model first" if number is None else f"version {number} is not registered"
        raise WrongUse(missing)
    champion = registry.by_alias(settings)
    if champion == version:
        return Verdict("hold", f"version {version.number} is the champion already")
    challenger = registry.fetch(version, settings)
    with Ledger(settings.ledger_url) as ledger:
        looks = ledger.look(challenger.facts["test_sha256"], version.number, "gate")
        verdict = judge(challenger, *_incumbents(champion, settings), settings, looks)
        if override and verdict.verdict != "promote":
            verdict = Verdict(
                "promote",
                f"by hand: {override} (the gate said {verdict.verdict}: {verdict.reason})",
                verdict.details,
            )
        _move(settings, ledger, version, champion, verdict)
    return verdict


def _incumbents(
    champion: Version | None, settings: Settings
) -> tuple[Release | None, Release | None]:
    if champion is None:
        return None, None
    anchor = registry.by_alias(settings, ANCHOR)
    return (
        registry.fetch(champion, settings),
        registry.fetch(anchor, settings) if anchor else None,
    )


def _move(
    settings: Settings, ledger: Ledger, version: Version, champion: Version | None, verdict: Verdict
) -> None:
    """Record the verdict and move the alias, if the champion is still the one compared with."""
    former = champion.number if champion else None
    with ledger.exclusive() as connection:
        if verdict.verdict == "promote" and registry.by_alias(settings) != champion:
            raise CheckFailed("the champion changed while the gate was judging; promote again")
        ledger.decide(
            "promotion",
            verdict.verdict,
            verdict.reason,
            version.number,
            former,
            dict(verdict.details),
            connection,
        )
        if verdict.verdict == "promote":
            if champion is None:
                registry.point(settings, version, ANCHOR)
            registry.point(settings, version)


def rollback(settings: Settings) -> tuple[int, int]:
    """Let the former champion, which was judged before, serve again; return (from, to)."""
    current = registry.by_alias(settings)
    with Ledger(settings.ledger_url) as ledger:
        number = _former(ledger, current)
        former = registry.by_number(settings, number)
        if current is None or former is None:
            raise CheckFailed(f"version {number} is not in the registry any more")
        registry.fetch(former, settings)
        with ledger.exclusive() as connection:
            reason = f"back from version {current.number} to {former.number}"
            ledger.decide("rollback", "rollback", reason, former.number, None, None, connection)
            registry.point(settings, former)
    return current.number, former.number


def _former(ledger: Ledger, current: Version | None) -> int:
    """Return the version that served before `current`, by the decisions in the ledger."""
    moves = [d for d in ledger.decisions() if d["verdict"] in ("promote", "rollback")]
    known = [d for d in moves if current and d["version"] == current.number]
    if known and known[0]["former"]:
        return int(known[0]["former"])
    # A promotion that was killed between alias and ledger left no row: go back to the last known.
    if current and moves and not known:
        return int(moves[0]["version"])
    raise CheckFailed("there is no former champion to go back to")
