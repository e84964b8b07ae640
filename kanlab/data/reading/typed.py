"""From cells to columns in the types they mean, and the report of what was inferred."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import Any

import pandas as pd

from kanlab.data.reading.cell_rules import MISSING
from kanlab.data.reading.column_types import COMPACT_DETAIL, compact_dates, read_text
from kanlab.data.reading.conventions import ColumnConvention, Conventions, Sign
from kanlab.data.reading.dialect import DELIMITERS, ReadOptions
from kanlab.data.reading.parquet import parse_parquet
from kanlab.data.reading.parse import parse_text
from kanlab.data.reading.source import read_content
from kanlab.errors import DatasetError
from kanlab.language import say, use
from kanlab.retelling import retold
from kanlab.text import counted, quoted, series

SHOWN_ROWS = 8  # in a notebook


@dataclass(frozen=True)
class ColumnReading:
    """What a column was read as, one of column_types.KINDS, what was done to its cells, and how they are written."""

    name: str
    kind: str
    detail: str = ""
    convention: ColumnConvention = ColumnConvention()


@dataclass(frozen=True)
class TableReport:
    """What reading a table found.

    header: rows that name the columns.  lines_before_data: lines of the file up to the first row of data, header included.
    rows_after_data: totals and footnotes left out.  index: the first column where it only names the rows and is left out.
    text_cells: columns of numbers that are text in the workbook.
    """

    source: str
    encoding: str
    delimiter: str
    decimal: str
    rows: int
    columns: int
    notes: tuple[str, ...] = ()
    quote: str = '"'
    comment: str = ""
    header: int = 1
    lines_before_data: int = 0
    rows_after_data: int = 0
    index: str = ""
    missing_seen: tuple[str, ...] = ()
    text_cells: tuple[str, ...] = ()
    packed: str = ""
    part: str = ""
    parts: tuple[str, ...] = ()
    readings: tuple[ColumnReading, ...] = ()
    conventions: Conventions = Conventions()

    def __str__(self) -> str:
        sign = DELIMITERS.get(self.delimiter)
        delimiter = say("{sign}-separated", sign=say(sign) if sign else repr(self.delimiter)) if self.delimiter else ""
        kind = [delimiter, self.encoding, say("decimal comma") if self.decimal == "," else "", self.packed]
        return say(
            "{rows}, {columns} ({kind})",
            rows=counted(self.rows, "row"),
            columns=counted(self.columns, "column"),
            kind=say(", ").join(filter(None, kind)),
        )


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Parameters
    ----------
    frame : pandas.DataFrame
        The rows; empty rows and columns, totals and footnotes are left out, names are unique. It carries the conventions of
        the table (`kanlab.data.reading.conventions.Conventions.of`), by which later tables are read.
    report : TableReport
        What was inferred. `print(table.report)` says it in a line, `table.report.notes` in sentences.

    Examples
    --------
    >>> Table(pd.DataFrame({"x": [1.0]}), TableReport("some.csv", "utf-8", ",", ".", rows=1, columns=1)).report.rows
    1
    """

    frame: pd.DataFrame
    report: TableReport

    def __post_init__(self) -> None:
        self.report.conventions.put_on(self.frame)

    def _repr_html_(self) -> str:
        """For notebooks: what was inferred, and the first rows."""
        said = "".join(f"<li>{escape(retold(note))}</li>" for note in self.report.notes)
        rows = self.frame.head(SHOWN_ROWS).to_html(notebook=True, max_cols=20, border=0)
        return f"<p>{escape(self.report.source)}: {escape(str(self.report))}</p><ul>{said}</ul>{rows}"


@use("en")
def read_here(stream: Any, name: str, options: ReadOptions) -> Table:
    """Read a table in this process, which bears what that costs (`kanlab.data.reading.table` says when it may).

    stream: whatever has `read(size)`.

    Raises DatasetError, with one sentence, where the content is no table.
    """
    content = read_content(stream, name, options.part)
    frame, report = parse_parquet(content, options) if content.kind == "parquet" else parse_text(content, options)
    return _typed(frame, report, options)


def _typed(frame: pd.DataFrame, known: dict[str, Any], options: ReadOptions) -> Table:
    name, notes = known["source"], known["notes"]
    for column in options.kinds:
        if column not in frame.columns:
            raise DatasetError(
                say(
                    "There is no column {column} in {name} to read as {kind}.",
                    column=quoted(column),
                    name=name,
                    kind=options.kinds[column],
                )
            )
    if frame.empty:
        raise DatasetError(say("{name} has a header but no rows; add the data below it.", name=name))
    missing = MISSING if options.missing is None else tuple(dict.fromkeys((*options.missing, "")))
    if options.cells:
        written = Conventions(known["decimal"], missing, cells=True)
        shape: dict[str, Any] = {"rows": len(frame), "columns": frame.shape[1]}
        return Table(frame, TableReport(**(known | shape | {"notes": tuple(notes), "conventions": written})))
    empty = [c for c in frame.columns if frame[c].isna().all()]
    named = [c for c in empty if not c.startswith("column_")]
    if named:
        notes.append(
            say("Empty columns are left out: {columns}.", columns=series([c[:60] for c in named[:5]]))
            if len(named) <= 5
            else say("Empty columns are left out: {columns}…", columns=series([c[:60] for c in named[:5]]))
        )
    left_out = [c for c, kind in options.kinds.items() if kind == "leave out"]
    frame = frame.drop(columns={*empty, *left_out}).dropna(axis="rows", how="all").reset_index(drop=True)
    readings, columns = [], {}
    for column in frame.columns:
        values, reading = _column(frame[column], known["decimal"], options)
        columns[column] = values
        readings.append(reading)
    frame = pd.DataFrame(columns, index=frame.index)
    empty = [c for c in frame.columns if frame[c].isna().all()]
    frame, readings = frame.drop(columns=empty), [r for r in readings if r.name not in empty]
    if frame.shape[1] < options.least_columns:
        raise DatasetError(
            say(
                "{name} has a single column of data; a fit needs a target and at least one feature, "
                "separated by commas, semicolons or tabs.",
                name=name,
            )
        )
    notes += [f"{quoted(r.name)}: {r.detail}." for r in readings if r.detail]
    columns_shown = {r.name: r.convention for r in readings}
    signs = {how.decimal for how in columns_shown.values()} - {""}
    decimal: Sign = known["decimal"] if known["delimiter"] and signs else ""
    known = known | {
        "notes": tuple(notes),
        "readings": tuple(readings),
        "conventions": Conventions(decimal, missing, columns_shown),
    }
    known |= {"rows": len(frame), "columns": frame.shape[1]}
    return Table(frame, TableReport(**known))


def _column(column: pd.Series, decimal: str, options: ReadOptions) -> tuple[pd.Series, ColumnReading]:
    """A column in the type its cells mean, or in the one asked for."""
    name, asked = str(column.name), options.kinds.get(str(column.name))
    how = ColumnConvention()
    if pd.api.types.is_bool_dtype(column):
        kind, how = "boolean", ColumnConvention("boolean", words=("False", "True"))
    elif pd.api.types.is_numeric_dtype(column):
        if asked in (None, "date") and (dates := compact_dates(column)) is not None:
            return dates, ColumnReading(name, "date", COMPACT_DETAIL, ColumnConvention("date", date="%Y%m%d"))
        kind = "number"
        shows = pd.api.types.is_float_dtype(column) and bool((column.dropna() % 1 != 0).any())
        how = ColumnConvention("number", decimal if shows else "")  # type: ignore[arg-type]
    elif pd.api.types.is_datetime64_any_dtype(column):
        zone = getattr(column.dtype, "tz", None)
        column, kind = (column.dt.tz_convert("UTC").dt.tz_localize(None) if zone else column), "date"
        how = ColumnConvention("date")
    else:
        kind = "text"
    if asked in (None, kind) and kind != "text":
        return column, ColumnReading(name, kind, convention=how)
    if asked == "text":
        text = column.astype("str").where(column.notna())
        return text, ColumnReading(name, "text", say("read as text"))
    reading = read_text(
        column.astype("str").where(column.notna()),
        decimal=decimal,
        thousands=options.thousands,
        day_first=options.day_first,
        missing=(*options.missing, "") if options.missing is not None else MISSING,
        kind=asked,
    )
    if asked is not None and reading.kind != asked:
        raise DatasetError(
            say(
                "No cell of {name} can be read as {asked}; leave the column as {kind}.",
                name=quoted(name),
                asked=asked,
                kind=kind,
            )
        )
    return reading.values, ColumnReading(name, reading.kind, reading.detail, reading.convention)
