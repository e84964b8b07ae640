"""Small files that cost a reader who trusts them gigabytes or minutes, and honest ones that look like them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

ROWS = 40


@dataclass(frozen=True)
class Hostile:
    """A file, and the rows that are read of it or what the refusal says."""

    name: str
    suffix: str
    content: Callable[[], bytes]
    rows: int = 0
    sentence: str = ""


def workbook(rows: int = ROWS) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["a", "b", "y"])
    for i in range(rows):
        sheet.append([i, i % 7, 3.5 * i])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def edited(book: bytes, member: str, edit: Callable[[bytes], bytes]) -> bytes:
    """A workbook with one of its parts changed."""
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            part = old.read(item)
            new.writestr(item.filename, edit(part) if item.filename == member else part)
    return content.getvalue()


SHEET, STYLES = "xl/worksheets/sheet1.xml", "xl/styles.xml"


def sheet(edit: Callable[[bytes], bytes]) -> bytes:
    return edited(workbook(), SHEET, edit)


def last_row(row: bytes) -> Callable[[bytes], bytes]:
    return lambda text: text.replace(b"</sheetData>", row + b"</sheetData>")


def junk(size: int, unit: bytes) -> bytes:
    """Styles nobody uses."""
    return edited(workbook(), STYLES, lambda text: text.replace(b"<fonts", unit * (size // len(unit)) + b"<fonts"))


def shared_text(length: int, times: int) -> bytes:
    """A sheet whose cells all show the same long text, which the file holds once."""
    rows = b"".join(
        b'<row r="%d"><c r="A%d" t="s"><v>0</v></c><c r="B%d"><v>%d</v></c></row>' % (i, i, i, i)
        for i in range(1, times)
    )
    text = b'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
    book = sheet(
        lambda s: re.sub(rb"<sheetData>.*</sheetData>", b"<sheetData>" + rows + b"</sheetData>", s, flags=re.S)
    )
    content = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(book)) as old, zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.infolist():
            if item.filename != "xl/sharedStrings.xml":
                new.writestr(item.filename, old.read(item))
        new.writestr("xl/sharedStrings.xml", text + b"x" * length + b"</t></si></sst>")
    rels = (
        b'<Relationship Id="rShared" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" '
        b'Target="sharedStrings.xml"/></Relationships>'
    )
    return edited(content.getvalue(), "xl/_rels/workbook.xml.rels", lambda t: t.replace(b"</Relationships>", rels))


def dictionary(length: int, rows: int) -> bytes:
    """A Parquet file with one long text in its dictionary and many rows that name it."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), pa.array(["x" * length]))
    return written(pa.table({"s": text, "y": pa.array(range(rows))}))


def written(table: pa.Table, times: int = 1, **how: object) -> bytes:
    content = io.BytesIO()
    with pq.ParquetWriter(content, table.schema, compression="zstd", **how) as writer:
        for _ in range(times):
            writer.write_table(table)
    return content.getvalue()


def prefixes(length: int, rows: int, times: int) -> bytes:
    """A Parquet file whose texts are each written as what they share with the one before: nothing in its footer shows it."""
    table = pa.table({"s": ["x" * length] * rows, "y": list(range(rows))})
    return written(table, times, use_dictionary=False, column_encoding={"s": "DELTA_BYTE_ARRAY", "y": "PLAIN"})


def constants(rows: int) -> bytes:
    """Honest, but of 20 columns that say the same in each row."""
    return written(pa.table({f"c{i}": pa.array(np.full(rows, i)) for i in range(20)}))


_FAR = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
HOSTILE = (
    Hostile("a row number of eleven digits", ".xlsx",
            lambda: sheet(last_row(b'<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>')),
            sentence="row number 99999999999"),
    Hostile("a cell in the last corner of the sheet", ".xlsx", lambda: sheet(last_row(_FAR)), sentence="far from the table"),
    Hostile("a cell in the last corner, disguised", ".xlsx",
            lambda: sheet(last_row(_FAR.replace(b'<row r', b'<row x=">" r').replace(b'<c r', b'<c x=">" r'))),
            sentence="more than 1.0 GB of memory"),
    Hostile("60 MB of styles", ".xlsx", lambda: junk(60_000_000, b'<font><name val="Junk"/></font>'), rows=ROWS),
    Hostile("60 MB of nested tags", ".xlsx", lambda: junk(60_000_000, b"<a>"), rows=ROWS),
    Hostile("120 MB of styles", ".xlsx", lambda: junk(120_000_000, b'<font><name val="Junk"/></font>'),
            sentence="far more than a table"),
    Hostile("entities within entities", ".xlsx",
            lambda: sheet(lambda t: b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "' + b"x" * 9999 + b'">'
                          + b"".join(b'<!ENTITY %c "%s">' % (c + 1, b"&%c;" % c * 99) for c in range(97, 105))
                          + b"]>" + last_row(b'<row r="99"><c r="A99" t="str"><v>&i;</v></c></row>')(t).partition(b"?>")[2]),
            rows=-1),
    Hostile("a long text shown in 9,000 cells", ".xlsx", lambda: shared_text(1_000_000, 9000), sentence="GB"),
    Hostile("declares all of a sheet", ".xlsx",
            lambda: sheet(lambda t: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:XFD1048576"', t)), rows=ROWS),
    Hostile("a dictionary of one long text", ".parquet", lambda: dictionary(50_000, 30_000), sentence="shorten its texts"),
    Hostile("texts that share all with the one before", ".parquet", lambda: prefixes(50_000, 300, 100), sentence="GB"),
    Hostile("a Parquet file of constants", ".parquet", lambda: constants(500_000), rows=500_000),
)  # fmt: skip
