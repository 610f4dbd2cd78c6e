"""From a file to typed rows that keep a contract, and the proof of what may be trained on.

Nothing is lost or shifted in reading; every refusal names file, column, row and value, and the way
out; a row has one meaning, whichever way it came.
"""

from . import checks
from .check import check_data, load_rows
from .contract import Contract, load_contract
from .display import checked_table
from .finding import Finding, TableView
from .read import read_table
from .rows import unseen_values, validate
from .settings import DataSettings
from .split import row_hashes, split_rows
from .values import WORD
from .write import write_table

__all__ = [
    "WORD",
    "Contract",
    "DataSettings",
    "Finding",
    "TableView",
    "check_data",
    "checked_table",
    "checks",
    "load_contract",
    "load_rows",
    "read_table",
    "row_hashes",
    "split_rows",
    "unseen_values",
    "validate",
    "write_table",
]
