"""Score a whole file with the champion.

In: a table with the contract's features. Out: what came in, to the last sign, with the answer
beside it; CSV from CSV, Parquet from Parquet, or as the name of the output says.
"""

from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .data.read import Table, read_table
from .data.rows import apply, unseen_values
from .errors import WrongUse
from .release import registry
from .release.champion import champion as serving
from .service.answer import predict_labels
from .settings import Settings


def predict(settings: Settings, source: str, output: Path) -> tuple[int, int, dict[str, int]]:
    """Write OUTPUT whole or not at all.

    Returns how many rows, which version, and by column how many values training never saw.
    """
    here = str(Path(source).resolve()) if "://" not in source else source
    if Path(here) == output.resolve():
        raise WrongUse(f"{output} is what is to be scored: name another file to write to")
    champion = serving(settings)
    release = registry.fetch(champion, settings)
    table = read_table(settings, here)
    frame = apply(release.contract, table.frame, source, roles=("feature",))
    answers, y_pred = predict_labels(release, frame)
    added: dict[str, Any] = {"prediction": answers}
    if release.classes:
        columns = y_pred.T if y_pred.ndim == 2 else np.stack([1 - y_pred, y_pred])
        names = [f"probability of {name}" for name in release.classes]
        added |= dict(zip(names, columns, strict=True))
    _write(table, added, output)
    odd = unseen_values(release.contract, frame)
    return len(frame), champion.number, {name: int(marks.sum()) for name, marks in odd.items()}


def _write(table: Table, added: dict[str, Any], output: Path) -> None:
    if output.exists() and not output.is_file():
        raise WrongUse(f"{output} is no ordinary file")
    partial = output.with_name(f".{output.name}.partial")
    try:
        if output.suffix in (".parquet", ".pq") or (table.typed and output.suffix != ".csv"):
            from .data.parquet import write_parquet

            write_parquet(table.given, _free(added, table), partial)
        else:
            _write_csv(table, _free(added, table), partial)
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WrongUse(f"cannot write {output}: {error.strerror}") from None


def _free(added: dict[str, Any], table: Table) -> dict[str, Any]:
    """Return the columns to add under names that the table does not have: `prediction 2`."""
    taken, free = set(table.frame.columns), {}
    for name, values in added.items():
        ways = (name if number == 1 else f"{name} {number}" for number in count(1))
        free[next(way for way in ways if way not in taken)] = values
    return free


def _write_csv(table: Table, added: dict[str, Any], path: Path) -> None:
    given = table.given
    if table.typed:  # whole numbers stay whole beside a null
        given = given.to_pandas(ignore_metadata=True, integer_object_nulls=True)
    answers = pd.DataFrame(added, index=given.index)
    pd.concat([given, answers], axis=1).to_csv(path, index=False)
