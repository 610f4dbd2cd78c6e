"""Rows that were served and whose outcome came: what judges, and what is learnt from next.

In: the ledger and a contract. Out: typed rows with their target.
"""

from collections.abc import Sequence
from datetime import datetime

import pandas as pd

from ..data.contract import USED, Contract
from ..data.rows import to_frame
from ..ledger.database import Ledger
from .query import left_out

SERVED, WHOLE = "when it was served", "sent whole"  # no names of columns: see `labelled`


def labelled(
    ledger: Ledger,
    contract: Contract,
    last: int | None = None,
    exclude: Sequence[str] = (),
    without: Sequence[tuple[datetime, datetime]] = (),
) -> pd.DataFrame:
    """Return typed rows that were served and whose outcome is known, the oldest first.

    Left out are rows without one of the contract's features, which an earlier contract served,
    outcomes that are no class of it, rows where a query of `exclude` holds, and those served in a
    stretch of `without`, each its first and last moment. A row without time has that of the
    request; without group, the request is its group. Two more columns, `served` and `whole`: when
    it came, in UTC, and whether it was sent with everything that the contract uses, so that its
    fingerprint says whether it was trained on.
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
    known &= ~left_out(frame, exclude, contract)
    for first, last_one in without:
        known &= ~frame[SERVED].between(first, last_one)
    return frame[known].reset_index(drop=True)
