"""A sheet of an Excel workbook as CSV, after a look at what it claims.

The reader of workbooks (calamine) makes room for every cell between the first and the last one, so a single cell far out
would cost the memory of all between: rows and columns are counted first, from the packed text as it streams by.
"""

from __future__ import annotations

import csv
import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from xml.etree import ElementTree

from kanlab.data.reading.cell_rules import is_number
from kanlab.data.reading.source import MAX_BYTES, MAX_COLUMNS, Content, too_wide
from kanlab.errors import DatasetError
from kanlab.language import say

MAX_ROW, MAX_COLUMN = 2**20, 2**14  # of Excel itself
MAX_CELLS = 20_000_000  # from the first cell to the last one
_PIECE = 2**20
_MAX_INDEX = 2**24  # bytes of the list of sheets
_PLACE = re.compile(rb"""<(?:\w+:)?(?:row|c)\s(?:[^<>]*?\s)?r\s*=\s*["']([A-Za-z]{0,9})([0-9]{1,30})["']""")
_EXACT = 2.0**53

Value = int | float | str | bool | time | date | datetime | timedelta


def sheet_as_text(content: Content, decimal: str = ".") -> tuple[bytes, str, tuple[str, ...], frozenset[int]]:
    """A sheet as CSV (UTF-8), its name, the names of all sheets, and the places of columns that hold numbers as text.

    decimal: the sign its numbers are written with; the delimiter is a comma, or a tab beside decimal commas. Cells that are
    merged with those below them are filled down.
    """
    from python_calamine import CalamineError, SheetTypeEnum, load_workbook

    try:
        with load_workbook(io.BytesIO(content.data)) as book:
            every = [(s.name, s.typ == SheetTypeEnum.WorkSheet) for s in book.sheets_metadata]
            sheets = tuple(name for name, has_cells in every if has_cells)
            if not sheets:
                raise DatasetError(
                    say("{name} is a workbook without a sheet of cells; save the table as CSV.", name=content.name)
                )
            if content.part and content.part not in sheets:
                raise DatasetError(
                    say(
                        "{name} has no sheet '{part}'; its first one is '{first}'.",
                        name=content.name,
                        part=content.part[:80],
                        first=sheets[0][:80],
                    )
                )
            title = content.part or sheets[0]
            _look(content, [name for name, _ in every].index(title))
            sheet = book.get_sheet_by_name(title)
            top, left = sheet.start or (0, 0)
            rows = _filled_down(sheet.iter_rows(), sheet.merged_cell_ranges or [], top, left)
            as_text: set[int] = set()
            return _written(content.name, rows, left, decimal, as_text), title, sheets, frozenset(as_text)
    except (CalamineError, zipfile.BadZipFile, ElementTree.ParseError, OSError, ValueError, KeyError) as error:
        raise _unreadable(content.name) from error


def _unreadable(name: str) -> DatasetError:
    return DatasetError(
        say("{name} is an Excel workbook that cannot be read; save the sheet as CSV and choose that.", name=name)
    )


def _look(content: Content, number: int) -> None:
    """Refuse a sheet whose cells lie too far apart, or are too many, before anything makes room for them."""
    rows, columns, cells = 0, 0, 0
    letters: set[bytes] = set()
    with zipfile.ZipFile(io.BytesIO(content.data)) as archive:
        for piece in _tags(archive, _member(archive, number)):
            found = _PLACE.findall(piece)
            letters.update({column for column, _ in found})
            rows = max([rows, *map(int, {row for _, row in found})])
            cells += len(found)
    for column in letters - {b""}:
        value = 0
        for letter in column.upper():
            value = 26 * value + letter - 64
        columns = max(columns, value)
    if rows > MAX_ROW or columns > MAX_COLUMN:
        shown = {"name": content.name, "max_row": MAX_ROW, "max_column": MAX_COLUMN}
        raise DatasetError(
            say(
                "{name} has a cell in row number {number}, and Excel ends at row {max_row} and column "
                "{max_column}; save the sheet as CSV.",
                number=str(rows)[:49],
                **shown,
            )
            if rows > MAX_ROW
            else say(
                "{name} has a cell in column number {number}, and Excel ends at row {max_row} and column "
                "{max_column}; save the sheet as CSV.",
                number=str(columns)[:46],
                **shown,
            )
        )
    if max(cells, rows * columns) > MAX_CELLS:
        raise DatasetError(
            say(
                "{name} spreads over {rows:,} rows and {columns:,} columns, and at most "
                "{max_cells:,} cells are read; delete what stands far from the table, or save the "
                "sheet as CSV.",
                name=content.name,
                rows=rows,
                columns=columns,
                max_cells=MAX_CELLS,
            )
        )


def _member(archive: zipfile.ZipFile, number: int) -> str:
    """The file of the archive that holds a sheet, by its number in the list of sheets."""

    def elements(name: str, tag: str) -> list[ElementTree.Element]:
        with archive.open(name) as stream:
            text = stream.read(_MAX_INDEX)
        return [e for e in ElementTree.fromstring(text).iter() if e.tag.rpartition("}")[2] == tag]

    sheet = elements("xl/workbook.xml", "sheet")[number]
    key = next(value for name, value in sheet.attrib.items() if name.endswith("}id"))
    targets = {e.get("Id"): e.get("Target", "") for e in elements("xl/_rels/workbook.xml.rels", "Relationship")}
    return posixpath.normpath(posixpath.join("/xl", targets[key]))[1:]


def _tags(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    """A file of the archive in pieces that end between two tags."""
    rest = b""
    with archive.open(member) as stream:
        while piece := stream.read(_PIECE):
            piece = rest + piece
            cut = piece.rfind(b"<")
            rest = piece[cut:] if cut >= 0 and len(piece) - cut < _PIECE else b""
            yield piece[:cut] if rest else piece
    yield rest


def _filled_down(
    rows: Iterator[list[Value]], merged: list[tuple[tuple[int, int], tuple[int, int]]], top: int, left: int
) -> Iterator[list[Value]]:
    """The rows, the value of cells that are merged over several rows in each of these. top, left: place of the first cell."""
    ends = {(first[0], first[1]): last[0] for first, last in merged if last[0] > first[0]}
    held: dict[int, tuple[Value, int]] = {}  # by column: the value, and the last row it fills
    for number, row in enumerate(rows, top):
        for column, (value, last) in list(held.items()):
            if number > last:
                del held[column]
            elif row[column - left] == "":
                row[column - left] = value
        for place in range(len(row)):
            if ends and (number, place + left) in ends:
                held[place + left] = row[place], ends[number, place + left]
        yield row


def _written(name: str, rows: Iterator[list[Value]], left: int, decimal: str, as_text: set[int]) -> bytes:
    """The rows as CSV; of several empty ones in a row the first.

    left: empty columns before the first cell.  as_text: is given the columns that hold numbers as text.
    """
    text, empty = io.StringIO(), 0
    writer = csv.writer(text, lineterminator="\n", delimiter="\t" if decimal == "," else ",")
    for row in rows:
        values = [""] * left + [_cell(value, decimal) for value in row]
        as_text |= {i for i, value in enumerate(row, left) if isinstance(value, str) and is_number(value)}
        while values and not values[-1]:
            values.pop()
        empty = 0 if values else empty + 1
        if len(values) > MAX_COLUMNS:
            raise too_wide(name, len(values))
        if empty < 2:
            writer.writerow(values)
        if text.tell() > MAX_BYTES:
            raise DatasetError(
                say(
                    "{name} holds more than {max_bytes:g} GB of text; keep fewer rows or columns.",
                    name=name,
                    max_bytes=MAX_BYTES / 2**30,
                )
            )
    return text.getvalue().encode()


def _cell(value: Value, decimal: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):  # a workbook has no other numbers
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else str(value).replace(".", decimal)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value.isoformat() if isinstance(value, (datetime, time)) else str(value)
