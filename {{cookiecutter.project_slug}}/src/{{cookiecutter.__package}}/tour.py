"""The tour: the whole lifecycle once, on the project's own table, in a few minutes.

In: settings. Out: .tour, a project of its own with two versions, a ledger full of traffic, reports;
and what happened, told step by step. A third of the table, the last by time where there is time,
plays the months to come. The project's own ledger, registry and reports stay as they are.
"""

import shlex
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from ml_lifecycle import CheckFailed, Progress, counted, sentence
from ml_lifecycle.data import Contract, check_data, load_contract
from ml_lifecycle.ledger import Ledger
from ml_lifecycle.release import champion, rollback
from ml_lifecycle.service import replay

from .data import CHECKS
from .lifecycle import ask_gate, retrain, watch
from .settings import Settings, load
from .training import train

TOUR = replay.TOUR
Say = Callable[[str], None]


@dataclass(frozen=True)
class Guide:
    """How the tour speaks. step: a heading; say: a line; progress: what is being worked on."""

    step: Say
    say: Say
    progress: Progress


def tour(settings_here: Settings, guide: Guide, folder: str = "") -> None:
    """Walk every stage; raise `ProjectError` at the first one that fails.

    folder: to name before the commands at the end, if who reads them does not stand in the project.
    """
    settings, history, later = _data(settings_here, guide)
    contract = load_contract(settings.project.contract_path, settings.data)
    _first_champion(settings, guide, history, contract)
    guide.step("Serve: the champion behind HTTP, each answer on disk before it is given")
    with replay.running(settings.project) as address:
        guide.say(f"The service runs at {address} until the tour ends.")
        _months(settings, guide, contract, later, address)
        _retrain(settings, guide, history, address)
        _go_back(settings, guide, address)
    _last_words(settings, guide, folder)


def _data(settings: Settings, guide: Guide) -> tuple[Settings, pd.DataFrame, list[replay.Window]]:
    guide.step("Check the data: what must a row look like, and what would mislead a model?")
    checked = check_data(settings.project, settings.data, CHECKS, settings.service)
    if checked.findings:
        guide.say("Worth a look:")
    for finding in checked.findings:
        guide.say(sentence(f"  {finding.column}: {finding.text}"))
    aside = [c.name for c in checked.contract.with_role("id", "ignored")]
    guide.say(
        f"{counted(len(checked.contract.features), 'feature')}; set aside: "
        f"{', '.join(aside) or 'none'}. contract.yaml says the rest, and is yours to edit."
    )
    history, later = replay.windows(
        checked.rows,
        checked.contract,
        settings.data,
        settings.service,
        settings.drift.min_rows,
        settings.training.seed,
    )
    rest, left_out = len(checked.rows) - len(history), sum(window.left_out for window in later)
    guide.say(
        f"{counted(len(history), 'row')} of history; {counted(rest, 'row')} to play the months to "
        f"come, in {counted(len(later), 'window')}."
    )
    if left_out:
        guide.say(
            f"{counted(left_out, 'row')} of these left out: at most {replay.MOST:,} a window, and "
            "none beyond a limit of [service]."
        )
    guide.say(f"All that follows happens in {TOUR}, a project of its own that knows the history.")
    source = settings.data.source
    own = replay.apart(settings.project, source, checked.contract, history)
    return load(own), history, later


def _first_champion(
    settings: Settings, guide: Guide, history: pd.DataFrame, contract: Contract
) -> None:
    guide.step("Train: from a guess to a blend; what is more complex has to pay for it")
    trained = train(history, contract, settings, guide.progress)
    guide.say(f"Out of fold: {trained.evaluation.choice}")
    guide.say(f"Version {trained.number}, signed: {trained.evaluation.headline}.")
    guide.say(trained.evaluation.judged)
    guide.say(f"Look at {TOUR}/{trained.report.relative_to(settings.project.root)}.")
    guide.step("Gate: may it serve?")
    verdict = ask_gate(settings, trained.number)
    guide.say(sentence(f"{verdict.verdict.upper()}: {verdict.reason}"))
    page = f"{TOUR}/reports/gate-version-{verdict.version}.html"
    guide.say(f"Every question that it asked is in {page}.")
    if verdict.verdict != "promote":
        with Ledger(settings.project.ledger_url) as ledger:
            first = champion.serving(ledger) is None
        if first:
            raise CheckFailed(
                "the tour ends here: on the first two thirds of the rows nothing is surely better "
                "than a guess. `train` and `promote` use the whole table, and may find more"
            )
        _by_hand(settings, guide, trained.number)


def _months(
    settings: Settings, guide: Guide, contract: Contract, later: list[replay.Window], address: str
) -> None:
    guide.step("Watch: rows kept back come as traffic, then their outcomes; each window is checked")
    for window in later:
        rows = len(window.rows)
        sent = 0

        def tick(count: int, name: str = window.name, rows: int = rows) -> None:
            nonlocal sent
            sent += count
            guide.progress(f"traffic of {name}: {sent:,} of {counted(rows, 'row')}", sent, rows)

        waiting = replay.replay(address, window, contract, settings.service, tick)
        replay.send_outcomes(address, waiting)
        found, page = watch(settings)
        page.rename(page.with_name(f"drift-{window.name.replace(' ', '-').replace(',', '')}.html"))
        guide.say(sentence(f"{window.name}: {found.verdict.upper()}, {found.reason}"))
    guide.say(f"Look at {TOUR}/reports/drift-*.html, a page for each window.")


def _retrain(settings: Settings, guide: Guide, history: pd.DataFrame, address: str) -> None:
    guide.step("Retrain: on history and on everything that came back with an outcome")
    trained, verdict = retrain(settings, guide.progress, history)
    number = trained.number
    guide.say(f"Version {number}: {trained.evaluation.headline}.")
    guide.say(sentence(f"The gate asks about {verdict.question}"))
    said = f"On the same rows for both: {verdict.verdict.upper()}, {verdict.reason}"
    guide.say(sentence(said))
    if verdict.verdict != "promote":
        _by_hand(settings, guide, number)
    seconds = replay.wait_for_version(address, number)
    guide.say(f"The running service took over version {number} in {seconds:.1f} s.")


def _by_hand(settings: Settings, guide: Guide, number: int) -> None:
    guide.say(
        "In real life this is the end of it: the champion stays. To show the swap, the tour "
        f"overrules the gate by hand; the ledger keeps that {settings.approver} said so, and why."
    )
    ask_gate(settings, number, override="rehearsal by the tour")


def _go_back(settings: Settings, guide: Guide, address: str) -> None:
    guide.step("Roll back: one command, rehearsed while nothing is on fire")
    current, former = rollback(settings.registry, settings.approver)
    seconds = replay.wait_for_version(address, former)
    guide.say(
        f"From version {current} to {former}: the service answers with it {seconds:.1f} s later."
    )


def _last_words(settings: Settings, guide: Guide, folder: str) -> None:
    with Ledger(settings.project.ledger_url) as ledger:
        served, decisions = len(ledger.served()), ledger.decisions()
    guide.step("Done")
    guide.say(
        f"The tour's ledger holds {counted(served, 'prediction')} and "
        f"{counted(len(decisions), 'decision')}, each with who made it ({decisions[0].who}), "
        "when and why."
    )
    guide.say(f"Your own ledger, registry and reports are as they were: all of it is in {TOUR}.")
    guide.say(f"Read {TOUR}/reports/ (pages for people), contract.yaml, project.toml, docs/.")
    guide.say("Then try, line by line:")
    page = f"http://{settings.service.host}:{settings.service.port}"
    commands = [f"cd {shlex.quote(folder)}"] if folder else []
    commands += [
        f"make serve IN={TOUR}    # then open {page} and predict a row",
        f"make mlflow IN={TOUR}   # then open http://127.0.0.1:5000 for runs and versions",
        "make score             # the 28 tests of the ML Test Score, as far as they are met",
    ]
    for command in commands:
        guide.say(f"  {command}")
    guide.say(
        f"In earnest: .venv/bin/{settings.project.name} train, then promote, then serve. "
        "`make tour` begins afresh."
    )
