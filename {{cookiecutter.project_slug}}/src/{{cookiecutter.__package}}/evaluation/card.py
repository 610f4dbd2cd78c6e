"""The model card (Mitchell et al., 2019), in Markdown, made from the release alone."""

from typing import Any

from ..data.contract import Contract
from .assess import Evaluation, headline
from .scores import Interval


def card(
    name: str, number: int, facts: dict[str, Any], evaluation: Evaluation, contract: Contract
) -> str:
    """Return the card of one version."""
    sections = {
        "What it is": _what(number, facts, contract),
        "What it was made from": _made_from(facts, contract),
        "How good it is": _scores(evaluation),
        "For whom": _groups(evaluation),
        "What it uses most": _features(evaluation),
        "What it must not be used for": (
            "Rows that the contract does not describe. Decisions about people without somebody who "
            "can overrule it. Anything after the drift check says `fault` or `retrain`."
        ),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# {name}, version {number}\n\n{headline(evaluation)}.\n\n{body}\n"


def _what(number: int, facts: dict[str, Any], contract: Contract) -> str:
    return (
        f"A {contract.task} model for `{contract.target.name}`: {facts['candidate']} "
        f"({', '.join(f'{k} {v}' for k, v in facts['settings'].items()) or 'no settings'}). "
        f"Code: commit {facts['git_commit']}; packages: lock {facts['lock_sha256'][:16]}."
    )


def _made_from(facts: dict[str, Any], contract: Contract) -> str:
    return (
        f"{facts['train_rows']:,} rows to train on and {facts['test_rows']:,} to test on, of "
        f"{facts['rows']:,} (fingerprint {facts['rows_sha256'][:16]}), from "
        f"`{contract.table.get('source')}`. {len(contract.features)} features."
    )


def _scores(evaluation: Evaluation) -> str:
    lines = ["| score | value (95 % interval) |", "|---|---|"]
    lines += [f"| {name} | {Interval(**score)} |" for name, score in evaluation["scores"].items()]
    return "\n".join(lines)


def _groups(evaluation: Evaluation) -> str:
    rows = [part for part in evaluation["slices"] if part["sensitive"]]
    if not rows:
        return "No sensitive column is named, so no group was looked at."
    lines = ["| column | value | rows | score |", "|---|---|---|---|"]
    for part in rows:
        score = Interval(**part["score"]) if part["score"] else "not assessed: too few rows"
        lines.append(f"| {part['column']} | {part['value']} | {part['rows']} | {score} |")
    return "\n".join(lines)


def _features(evaluation: Evaluation) -> str:
    top = list(evaluation["importance"].items())[:8]
    return "\n".join(f"- `{name}`: {drop:.4f}" for name, drop in top)
