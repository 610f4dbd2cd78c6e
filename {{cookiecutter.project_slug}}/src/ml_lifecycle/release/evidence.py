"""What the gate judges on: rows with a known target that neither model was trained on.

In: the challenger's test rows, and the outcomes that came back from production. Out: a `Case`.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ..data.contract import USED, Contract
from ..data.rows import to_frame
from ..data.split import row_hashes
from ..evaluation.scores import losses
from ..ledger.database import Ledger
from .bundle import Release, holdout, trained_on

TEST, PRODUCTION = "the test set", "outcomes from production"
LATEST = 50_000  # outcomes looked at
SERVED, WHOLE = "when it was served", "sent whole"  # no names of columns: see `labelled`


@dataclass(frozen=True)
class Case:
    """What is brought before the gate.

    frame: typed rows that both models are judged on; where: the rows' origin in words; key: under
    which looks at them are counted; latency: milliseconds of one row; anchor_look: how many
    versions were compared with this anchor.
    """

    challenger: Release
    champion: Release | None
    anchor: Release | None
    frame: pd.DataFrame
    where: str
    key: str
    latency: float = 0.0
    look: int = 1
    anchor_look: int = 1


def labelled(ledger: Ledger, contract: Contract, last: int | None = None) -> pd.DataFrame:
    """Return typed rows that were served and whose outcome is known, the oldest first.

    Left out are rows without one of the contract's features, which an earlier contract served, and
    outcomes that are no class of it. A row without time has that of the request; without group,
    the request is its group. Two more columns, `served` and `whole`: when it came, in UTC, and
    whether it was sent with everything that the contract uses, so that its fingerprint says
    whether it was trained on.
    """
    served, needed = ledger.served(last, known=True), set(contract.features)
    served = served[served["inputs"].map(needed.issubset).astype(bool)].reset_index(drop=True)
    extra = [c.name for c in contract.with_role("time", "group", "sensitive")]
    rows = []
    for inputs, outcome, at, request in zip(
        served["inputs"], served["outcome"], served["created_at"], served["request_id"], strict=True
    ):
        absent = {c.name: at.isoformat() for c in contract.with_role("time")}
        absent |= {c.name: f"request {request}" for c in contract.with_role("group")}
        given = {name: value for name, value in inputs.items() if value is not None}
        rows.append(inputs | absent | given | {contract.target.name: outcome})
    frame, target = to_frame(contract, rows, USED), contract.target
    whole = [all(inputs.get(name) is not None for name in extra) for inputs in served["inputs"]]
    frame = frame.assign(**{SERVED: served["created_at"], WHOLE: whole})
    known = frame[target.name].isin(target.categories or ())
    known = known if target.categories else frame[target.name].notna()
    return frame[known].reset_index(drop=True)


def rows_not_trained_on(frame: pd.DataFrame, release: Release) -> pd.DataFrame:
    """Return the rows that `release` was not trained on.

    Rows are told apart by the columns that the release knew, where they are still there.
    """
    known = [c.name for c in release.contract.with_role(*USED) if c.name in frame]
    seen = np.isin(row_hashes(frame[known]), trained_on(release))
    return frame[~seen].reset_index(drop=True)


def gather(
    challenger: Release,
    champion: Release | None,
    anchor: Release | None,
    ledger: Ledger,
    enough: int,
) -> Case:
    """Return the case: production's outcomes where `enough` are new to both, else the test set."""
    test = holdout(challenger)
    case = Case(challenger, champion, anchor, test, TEST, challenger.manifest.test_sha256)
    if champion is None or missing_features(champion, test):
        return case
    lived = _lived(labelled(ledger, challenger.contract, LATEST), challenger, champion)
    if len(lived) < enough or missing_features(champion, lived):
        return replace(case, frame=rows_not_trained_on(test, champion))
    # More come in all the time: every challenger of this champion looks at the same stream.
    key = f"outcomes since {champion.sha256[:16]}"
    return replace(case, frame=lived, where=PRODUCTION, key=key)


def _lived(rows: pd.DataFrame, challenger: Release, champion: Release) -> pd.DataFrame:
    """Return the served rows that neither can have been trained on, with all that fairness needs.

    A row sent without time, group or sensitive columns has another fingerprint in the table that
    it may have come back by; it counts if it is later than both trainings.
    """
    trained = max(challenger.manifest.trained_at, champion.manifest.trained_at)
    sensitive = [c.name for c in challenger.contract.with_role("sensitive")]
    sure = rows[WHOLE] | (rows[SERVED] > trained)
    kept = rows[sure & rows[sensitive].notna().all(axis=1)].drop(columns=[SERVED, WHOLE])
    return rows_not_trained_on(
        rows_not_trained_on(kept.reset_index(drop=True), champion), challenger
    )


def losses_of(release: Release, rows: pd.DataFrame) -> np.ndarray:
    """Return the loss of each served row; NaN where the outcome is no known class, or no number.

    rows: prediction, probabilities (by class) and outcome, as the ledger keeps them.
    """
    names = list(release.classes)
    if names:
        y_true = rows["outcome"].map({name: number for number, name in enumerate(names)})
        y_pred = pd.DataFrame(list(rows["probabilities"]), columns=names).to_numpy("float64")
        y_pred = y_pred[:, 1] if len(names) == 2 else y_pred
    else:
        y_true = pd.to_numeric(rows["outcome"], errors="coerce")
        y_pred = rows["prediction"].to_numpy("float64")
    kept, loss = y_true.notna().to_numpy(), np.full(len(y_true), np.nan)
    known = y_true[kept].to_numpy(dtype="int64" if names else "float64")
    loss[kept] = losses(known, y_pred[kept])
    return loss


def missing_features(release: Release, frame: pd.DataFrame) -> list[str]:
    """Return the columns that a release needs and `frame` does not have."""
    return sorted(set(release.contract.features) - set(frame.columns))
