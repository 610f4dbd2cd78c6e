"""Score a whole file with the champion.

In: a table with the contract's features. Out: the same rows with the answer, as CSV.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .data.read import read_table
from .data.rows import apply, surprises
from .errors import WrongUse
from .release import registry
from .release.champion import champion as serving
from .service.answer import label
from .settings import Settings


def predict(settings: Settings, source: str, output: Path) -> tuple[int, int, dict[str, int]]:
    """Write OUTPUT whole or not at all.

    Returns how many rows, which version, and by column how many values training never saw.
    """
    here = str(Path(source).resolve()) if "://" not in source else source
    champion = serving(settings)
    release = registry.fetch(champion, settings)
    table = read_table(settings, here)
    frame = apply(release.contract, table.frame, source, roles=("feature",))
    answers, guess = label(release, frame)
    added: dict[str, Any] = {"prediction": answers}
    if release.classes:
        columns = guess.T if guess.ndim == 2 else np.stack([1 - guess, guess])
        names = [f"probability of {name}" for name in release.classes]
        added |= dict(zip(names, columns, strict=True))
    if taken := sorted(set(added) & set(table.frame.columns)):
        raise WrongUse(f"{source} has a column '{taken[0]}' already; rename it")
    scored = table.frame.assign(**added)
    _write(scored, output)
    odd = surprises(release.contract, frame)
    return len(scored), champion.number, {name: int(marks.sum()) for name, marks in odd.items()}


def _write(frame: pd.DataFrame, output: Path) -> None:
    if output.exists() and not output.is_file():
        raise WrongUse(f"{output} is no ordinary file")
    partial = output.with_name(f".{output.name}.partial")
    try:
        frame.to_csv(partial, index=False)
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WrongUse(f"cannot write {output}: {error.strerror}") from None
