"""Say what came of the walks: a line a table, as in README.md beside this file.

In: build/tables/*.json, which the tests leave. Out: rows of a Markdown table on stdout.
"""

import json
from typing import Any

from .fetch import CACHE, Entry, entries

HEAD = "table, package, rows, columns, target, with, metric, score, gate, drift, seconds"


def row(name: str, entry: Entry, found: dict[str, Any]) -> str:
    """Return the line of one table."""
    verbs = {one["verb"]: one for one in reversed(found["verbs"])}
    score = found["score"]
    gate = "promote" if verbs["promote"]["code"] == 0 else verbs["promote"]["err"].split(":")[0]
    cells = [
        name,
        entry["package"].replace("==", " "),
        f"{found['rows']:,}",
        str(found["columns"]),
        found["task"],
        ", ".join(key for key in ("time", "group", "sensitive", "form") if key in entry),
        found["metric"],
        f"{score['value']:.3f} ({score['low']:.3f} to {score['high']:.3f})",
        gate.lower(),
        verbs["drift"]["out"].split(":")[0].lower(),
        str(found["seconds"]),
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the tables of tables.toml that were walked."""
    names = HEAD.split(", ")
    print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
    for name, entry in entries().items():
        path = CACHE / f"{name}.json"
        if path.is_file():
            print(row(name, entry, json.loads(path.read_text(encoding="utf-8"))))


if __name__ == "__main__":
    main()
