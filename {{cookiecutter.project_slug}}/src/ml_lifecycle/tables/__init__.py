"""Files become tables, and tables files: nothing is lost or shifted, or the line is named.

CSV in any encoding, separator and quoting, gzipped or not, and Parquet; as a whole, or in pieces
and parts where it is larger than memory.
"""

from .parts import Parts, parts_of
from .read import Table, read_table
from .streaming import Piece, local, pieces
from .write import write_table

__all__ = ["Parts", "Piece", "Table", "local", "parts_of", "pieces", "read_table", "write_table"]
