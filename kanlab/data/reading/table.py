"""A table in, a data frame and an account of what was inferred out.

Text is counted as it is read, unpacked or not, so that its cost follows from its bytes: `read_table` reads it where it is
called. What reads workbooks and Parquet trusts what they say of themselves, so they and archives go to a process of their
own with limits. The app sends everything there that a visitor uploads (`kanlab.data.reading.reader_process`).
"""

from __future__ import annotations

from os import PathLike
from typing import Any, BinaryIO

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.reader_process import read_apart
from kanlab.data.reading.source import Joined, opened
from kanlab.data.reading.typed import ColumnReading, Table, TableReport, read_here

__all__ = ["ColumnReading", "Table", "TableReport", "read_table"]

_TRUSTING = (b"PK\x03\x04", b"PAR1")


def read_table(
    source: str | PathLike[str] | BinaryIO,
    *,
    name: str | None = None,
    options: ReadOptions | None = None,
    **overruled: Any,
) -> Table:
    """Read a table: delimited text in any dialect and encoding, also packed (gzip, bzip2, xz, zstd, zip); Parquet; .xlsx.

    Workbooks, Parquet and archives are read by a process of their own with limits on time and memory.

    Parameters
    ----------
    source : path or binary buffer
        The file, from its beginning.
    name : str, optional
        What to call it in messages; by default the name of the file.
    options : ReadOptions, optional
        What overrules the inference.
    **overruled
        Fields of ReadOptions, which overrule `options`.

    Returns
    -------
    Table
        `frame`, its columns in the types they mean (numbers, booleans, dates, text), and `report`, what was inferred.

    Raises
    ------
    DatasetError
        With one sentence, where the content is no table, or larger than what is read.

    Examples
    --------
    >>> from io import BytesIO
    >>> table = read_table(BytesIO(b"x;y\\n1,5;2\\n2,5;3\\n"), name="some.csv")
    >>> print(table.report)
    2 rows, 2 columns (semicolon-separated, utf-8, decimal comma)
    >>> table.frame["x"].tolist()
    [1.5, 2.5]
    """
    options = (options or ReadOptions()).with_(**overruled)
    with opened(source, name) as (stream, called):
        head = stream.read(16)
        whole = Joined(head, stream)
        if head.startswith(_TRUSTING):
            return read_apart(whole.read_all(called), name=called, options=options)
        return read_here(whole, called, options)
