"""From a table to typed rows that keep a contract, and the proof of what may be trained on.

Every refusal names file, column, row and value, and the way out; a row has one meaning, whichever
way it came: as text, as Parquet or as JSON.
"""

from . import checks, leaks
from .check import CheckedTable, check_data, load_rows
from .contract import Contract, load_contract
from .finding import Finding, TableView
from .rows import unseen_values, validate
from .settings import DataSettings
from .split import row_hashes, split_rows
from .values import WORD

__all__ = [
    "WORD",
    "CheckedTable",
    "Contract",
    "DataSettings",
    "Finding",
    "TableView",
    "check_data",
    "checks",
    "leaks",
    "load_contract",
    "load_rows",
    "row_hashes",
    "split_rows",
    "unseen_values",
    "validate",
]
