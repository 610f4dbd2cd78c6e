"""Files become tables, and tables files: nothing is lost or shifted, or the line is named.

CSV in any encoding, separator and quoting, gzipped or not, and Parquet.
"""

from .read import Table, read_table
from .write import write_table

__all__ = ["Table", "read_table", "write_table"]
