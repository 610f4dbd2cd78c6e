"""Score a whole file with the champion.

In: a table with the contract's features. Out: the same rows with the answer, as CSV.
"""

from pathlib import Path

import pandas as pd

from .data.read import read_table
from .data.rows import apply
from .errors import WrongUse
from .release import registry
from .service.answer import label
from .settings import Settings


def predict(settings: Settings, source: str, output: Path) -> tuple[int, int]:
    """Write OUTPUT whole or not at all; return the rows and the version that scored them."""
    here = str(Path(source).resolve()) if "://" not in source else source
    champion = registry.champion(settings)
    release = registry.fetch(champion, settings)
    table = read_table(settings, here)
    frame = apply(release.contract, table.frame, source, roles=("feature",))
    answers, guess = label(release, frame)
    scored = table.frame.assign(prediction=answers)
    if release.classes:
        columns = guess.T if guess.ndim == 2 else (1 - guess, guess)
        for name, column in zip(release.classes, columns, strict=True):
            scored[f"probability of {name}"] = column
    _write(scored, output)
    return len(scored), champion.number


def _write(frame: pd.DataFrame, output: Path) -> None:
    partial = output.with_name(f".{output.name}.partial")
    try:
        frame.to_csv(partial, index=False)
        partial.replace(output)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise WrongUse(f"cannot write {output}: {error.strerror}") from None
