"""A text table in, a data frame and an account of what was inferred out."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import pandas as pd

from kanlab.errors import DatasetError

_DELIMITERS = ",;\t|"
_SAMPLE_BYTES = 65_536
_DELIMITER_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "spaces"}


@dataclass(frozen=True)
class TableReport:
    """What reading a table found."""

    source: str
    encoding: str
    delimiter: str
    decimal: str
    rows: int
    columns: int
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        delimiter = _DELIMITER_NAMES.get(self.delimiter, repr(self.delimiter))
        decimal = "" if self.decimal == "." else ", decimal comma"
        return f"{self.rows:,} rows, {self.columns} columns ({delimiter}-separated, {self.encoding}{decimal})"


@dataclass(frozen=True)
class Table:
    """A data frame as it was read, and the report of the reading."""

    frame: pd.DataFrame
    report: TableReport


def read_table(source: str | PathLike[str] | BinaryIO, *, name: str | None = None) -> Table:
    """Read a delimited text file with a header row.

    source: path or binary buffer. Encoding, delimiter and decimal sign are inferred.
    name: what to call the source in messages; by default the file's name.
    Raises DatasetError, with one sentence, where the content is no table.
    """
    if isinstance(source, (str, PathLike)):
        path = Path(source)
        name = name or path.name
        if path.is_dir():
            raise DatasetError(f"{name} is a folder; give the path of a CSV file.")
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise DatasetError(f"{name} cannot be read: {error.strerror or error}.") from error
    else:
        name = name or Path(getattr(source, "name", "the table")).name
        raw = source.read()

    text, encoding = _decode(raw, name)
    delimiter = _delimiter(text)
    decimal = "," if delimiter != "," and _has_decimal_comma(text, delimiter) else "."
    try:
        frame = pd.read_csv(
            io.StringIO(text),
            sep=r"\s+" if delimiter == " " else delimiter,
            decimal=decimal,
            skipinitialspace=True,
            na_values=["?", "-"],
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        reason = str(error).splitlines()[0].removeprefix("Error tokenizing data. C error: ").strip()
        raise DatasetError(
            f"{name} is not a table of rows and columns ({reason}); save it as CSV with one header row."
        ) from error
    notes = []
    if not isinstance(frame.index, pd.RangeIndex):
        notes.append(
            "The rows have one field more than the header; the first one is taken for a row name and left out."
        )
    if frame.empty:
        raise DatasetError(f"{name} has a header but no rows; add the data below it.")
    frame = frame.dropna(axis="columns", how="all").dropna(axis="rows", how="all").reset_index(drop=True)
    if _is_row_number(frame):
        frame = frame.iloc[:, 1:]
        notes.append("The first column has no name and only numbers the rows; it is left out.")
    frame.columns = _distinct(str(c).strip() for c in frame.columns)
    if frame.shape[1] < 2:
        raise DatasetError(
            f"{name} has a single column of data; a fit needs a target and at least one feature, "
            "separated by commas, semicolons or tabs."
        )
    report = TableReport(name, encoding, delimiter, decimal, len(frame), frame.shape[1], tuple(notes))
    return Table(frame, report)


def _decode(raw: bytes, name: str) -> tuple[str, str]:
    """The text and its encoding; DatasetError for what is no text."""
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    elif b"\x00" in raw:
        raise DatasetError(f"{name} is a binary file, not a text table; export it as CSV first.")
    else:
        encoding = "utf-8-sig"
    try:
        text = raw.decode(encoding)
    except UnicodeDecodeError:
        encoding = "latin-1"
        text = raw.decode(encoding)
    if not text.strip():
        raise DatasetError(f"{name} is empty; choose a CSV file with a header row and data.")
    controls = sum(c < " " and c not in "\t\r\n\f" for c in text[:_SAMPLE_BYTES])
    if controls > 0.01 * min(len(text), _SAMPLE_BYTES):
        raise DatasetError(f"{name} is a binary file, not a text table; export it as CSV first.")
    return text, encoding.removesuffix("-sig")


def _sample_lines(text: str) -> list[str]:
    """The first lines, a last one cut short by the sample left out."""
    lines = text[:_SAMPLE_BYTES].splitlines()
    return [line for line in (lines[:-1] if len(text) > _SAMPLE_BYTES and len(lines) > 1 else lines) if line.strip()]


def _delimiter(text: str) -> str:
    """The delimiter that splits the sampled lines into the most fields, the same number in each."""
    lines = _sample_lines(text)[:50]

    def score(delimiter: str) -> tuple[float, int]:
        widths = [len(row) for row in csv.reader(lines, delimiter=delimiter)]
        return (sum(w == widths[0] for w in widths) / len(widths), widths[0]) if widths[0] > 1 else (0.0, 0)

    best = max(_DELIMITERS, key=score)
    if score(best)[1]:
        return best
    widths = {len(line.split()) for line in lines}
    return " " if len(widths) == 1 and widths.pop() > 1 else ","


def _has_decimal_comma(text: str, delimiter: str) -> bool:
    """Whether fields such as 3,14 outnumber fields such as 3.14."""
    fields = [f.strip() for row in csv.reader(_sample_lines(text)[1:200], delimiter=delimiter) for f in row]

    def count(sign: str, other: str) -> int:
        return sum(f.count(sign) == 1 and other not in f and f.replace(sign, "").lstrip("+-").isdigit() for f in fields)

    return count(",", ".") > count(".", ",")


def _is_row_number(frame: pd.DataFrame) -> bool:
    """Whether the first column is the index that DataFrame.to_csv wrote."""
    if frame.shape[1] < 2 or not str(frame.columns[0]).startswith("Unnamed:"):
        return False
    first = frame.iloc[:, 0]
    return pd.api.types.is_integer_dtype(first) and bool((first.diff().iloc[1:] == 1).all())


def _distinct(names: Iterable[str]) -> list[str]:
    """Names made distinct and never empty, in place of pandas' 'Unnamed: 0'."""
    seen: set[str] = set()
    result = []
    for position, name in enumerate(names, 1):
        base = f"column_{position}" if not name or name.startswith("Unnamed:") else name
        distinct, suffix = base, 2
        while distinct in seen:
            distinct, suffix = f"{base}_{suffix}", suffix + 1
        seen.add(distinct)
        result.append(distinct)
    return result
