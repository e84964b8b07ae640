"""From the bytes of a table to its cells as pandas reads them, by the dialect found in them."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from kanlab.data.reading.cell_rules import MISSING
from kanlab.data.reading.charset import to_utf8
from kanlab.data.reading.column_types import is_code
from kanlab.data.reading.dialect import Dialect, ReadOptions, comment_pattern, sniff
from kanlab.data.reading.footer import footer_rows
from kanlab.data.reading.source import MAX_CELLS, MAX_COLUMNS, Content, too_wide
from kanlab.data.reading.workbook import sheet_as_text
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import agreeing, listing, quoted, short

_SAMPLE_BYTES = 2**20
_PANDAS_LINE = re.compile(r"Expected (\d+) fields in line (\d+), saw (\d+)")
_OPEN_QUOTE = re.compile(r"EOF inside string starting at row (\d+)")

Parsed = tuple[pd.DataFrame, dict[str, Any]]  # the cells, and fields of TableReport


def parse_text(content: Content, options: ReadOptions) -> Parsed:
    """Delimited text, or a sheet of a workbook."""
    name, part, parts, packed = content.name, content.part, content.parts, content.packed
    as_text: frozenset[int] = frozenset()
    if content.kind == "excel":
        decimal = (options.decimal or ".") if options.cells else "."
        data, part, parts, as_text = sheet_as_text(content, decimal)
        encoding, packed = "", "Excel"
        # numbers with decimal commas are cut by another sign
        options = options.with_(delimiter="\t" if decimal == "," else ",", decimal=decimal, quote='"', comment="")
        if not data.strip():
            raise DatasetError(
                say("{name} is empty in its sheet '{part}'; choose another sheet.", name=name, part=part)
            )
    else:
        data, encoding = to_utf8(content.data, name, options.encoding)
    del content
    head = data[:_SAMPLE_BYTES].decode("utf-8", errors="ignore")
    dialect = sniff(head, name, options, whole=len(data) <= _SAMPLE_BYTES)
    if dialect.width > MAX_COLUMNS:
        raise too_wide(name, dialect.width)
    if (data.count(b"\n") + 1) * dialect.width > MAX_CELLS:
        raise DatasetError(
            say(
                "{name} has more than {max_cells:,} cells; keep fewer rows or columns, a sample of "
                "the rows does as well.",
                name=name,
                max_cells=MAX_CELLS,
            )
        )
    notes = list(dialect.notes)
    names, index = _names(dialect, head, notes)
    frame = _parse(data, dialect, names, options, name)
    if options.cells:
        frame = frame[frame.map(str.strip).ne("").any(axis=1)].reset_index(drop=True)
    else:
        frame = _with_codes(frame, lambda some: _parse(data, dialect, names, options, name, some), options)
    if packed.startswith("zip") and len(parts) > 1:
        notes.insert(0, say("The archive holds {count} files; this is '{part}'.", count=len(parts), part=part))
    if packed == "Excel" and len(parts) > 1:
        notes.insert(0, say("The workbook has {count} sheets; this is '{part}'.", count=len(parts), part=part))
    numbers = [names[i] for i in sorted(as_text) if i < len(names) and frame[names[i]].dtype.kind in "iuf"]
    numbers = [name for name in numbers if name not in options.kinds]
    if numbers:
        notes.append(
            say(
                "{columns} {hold} numbers that are text in the workbook; read as text ({option}) they are a category.",
                columns=listing(numbers),
                hold=agreeing(len(numbers), "holds", "hold"),
                option=f"--read {short(numbers[0], 30)}=text",
            )
        )
    found = 0 if options.cells else footer_rows(frame)  # of new rows every one is given back
    footer = found if options.skip_last is None else min(options.skip_last, len(frame))
    if footer:
        frame = _without_footer(frame, footer, notes)
    first = str(frame.columns[0])
    if not options.cells:
        frame = _without_index(frame, index, options.index, notes)
    known = {
        "source": name, "encoding": encoding, "delimiter": "" if packed == "Excel" else dialect.delimiter,
        "decimal": dialect.decimal, "notes": notes, "quote": dialect.quote, "comment": dialect.comment,
        "header": dialect.header_rows, "lines_before_data": dialect.skip_lines, "rows_after_data": footer,
        "index": "" if first in frame.columns else first,
        "missing_seen": dialect.missing_seen, "text_cells": tuple(numbers), "packed": packed, "part": part, "parts": parts,
    }  # fmt: skip
    return frame, known


def _names(dialect: Dialect, head: str, notes: list[str]) -> tuple[list[str], str | None]:
    """The names of all columns, and the one the header has no place for."""
    header = list(dialect.header or ())
    if dialect.header is None:
        return [f"column_{i}" for i in range(1, dialect.width + 1)], None
    while len(header) > dialect.width and not header[-1]:
        header.pop()
    if len(header) > MAX_COLUMNS:
        raise too_wide(say("The table"), len(header))
    names = distinct(header, notes)
    short = dialect.width - len(header)
    if short == 1:
        lines = [line for line in re.split(r"\r\n|\n|\r", head)[dialect.skip_lines : -1] if line.strip()]
        if lines and all(line.rstrip().endswith(dialect.delimiter) for line in lines[:50]):
            return [*names, "column_" + str(dialect.width)], None  # rows that end with a delimiter
        notes.append(say("The rows have one field more than the header; the first one is taken as a row name."))
        index = "row_name"
        while index in names:
            index += "_"
        return [index, *names], index
    return names + [f"column_{i}" for i in range(len(header) + 1, dialect.width + 1)], None


def _parse(
    data: bytes, dialect: Dialect, names: list[str], options: ReadOptions, source: str, some: Sequence[str] = ()
) -> pd.DataFrame:
    """The rows below the header by pandas' own parser. some: columns to read alone, as text."""
    starts = [0, *(m.end() for m, _ in zip(re.finditer(rb"\r\n|\n|\r", data), range(dialect.skip_lines), strict=False))]
    start = starts[dialect.skip_lines] if len(starts) > dialect.skip_lines else len(data)
    if dialect.comment:
        sign = comment_pattern(dialect.comment).encode()
        data = re.sub(rb"(?m)^" + sign + rb"[^\r\n]*", b"", data[start:])
        start = 0
    if not data[start : _SAMPLE_BYTES + start].strip(b" \r\n\t,;|") and not data[start:].strip():
        raise DatasetError(say("{source} has a header but no rows; add the data below it.", source=source))
    buffer = io.BytesIO(data)
    buffer.seek(start)
    kinds: Any = {c: "str" for c, kind in options.kinds.items() if kind == "text" and c in names}
    blanks = (
        True  # after a delimiter are left out, but where the cells are wanted as they are and no quote follows them
    )
    if options.cells:
        inner = f"{re.escape(dialect.delimiter)} +{re.escape(dialect.quote)}".encode()
        kinds, blanks = "str", bool(dialect.quote) and re.search(inner, data[start:]) is not None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pd.errors.ParserWarning)
            return pd.read_csv(
                buffer,
                sep=r"\s+" if dialect.delimiter == " " else dialect.delimiter,
                header=None,
                names=names,
                index_col=False if len(names) != dialect.width else None,
                usecols=list(some) or None,
                dtype="str" if some else kinds or None,
                decimal="." if options.cells else dialect.decimal,
                quotechar=dialect.quote or '"',
                quoting=0 if dialect.quote else 3,
                escapechar=dialect.escape or None,
                doublequote=not dialect.escape,
                skipinitialspace=blanks,
                na_filter=not options.cells,
                keep_default_na=options.missing is None,
                na_values=[*(options.missing or MISSING), ""],
                low_memory=False,
            )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError, OverflowError) as error:
        if "out of memory" in str(error):
            raise MemoryError from error
        raise DatasetError(_parse_problem(error, source, dialect)) from error


def _with_codes(frame: pd.DataFrame, read: Callable[[list[str]], pd.DataFrame], options: ReadOptions) -> pd.DataFrame:
    """Whole numbers that the parser made of codes, as they stand in the file. read: reads some columns of it as text."""
    whole = [
        c
        for c in frame.select_dtypes("number")
        if c not in options.kinds and frame[c].notna().any() and bool((frame[c].dropna() % 1 == 0).all())
    ]
    if not whole:
        return frame
    text = read(whole)
    codes = [c for c in whole if is_code(text[c].dropna().astype("str").str.strip())]
    return frame.assign(**{c: text[c] for c in codes})


def _parse_problem(error: Exception, source: str, dialect: Dialect) -> str:
    text = str(error)
    if found := _PANDAS_LINE.search(text):
        wanted, line, saw = found.groups()
        return say(
            "{source} is not a table: line {line} has {saw} fields and the others have {wanted}; "
            "correct that line, or save it as CSV again.",
            source=source,
            line=int(line) + dialect.skip_lines,
            saw=saw,
            wanted=wanted,
        )
    if found := _OPEN_QUOTE.search(text):
        return say(
            "{source} is not a table: a quotation mark opened near line {line} is never closed; "
            "correct it and save it as CSV again, or read it without quotes.",
            source=source,
            line=int(found[1]) + 1 + dialect.skip_lines,
        )
    reason = text.splitlines()[0].removeprefix("Error tokenizing data. C error: ").strip().rstrip(".")
    return say(
        "{source} is not a table of rows and columns ({reason}); save it as CSV with one header row.",
        source=source,
        reason=reason[:120],
    )


def _without_footer(frame: pd.DataFrame, rows: int, notes: list[str]) -> pd.DataFrame:
    """Leave out the last rows; what they kept from being whole numbers is that again."""
    cells = [str(c)[:40] for c in frame.iloc[-rows:].to_numpy().ravel() if not pd.isna(c)]
    if cells:
        notes.append(
            say(
                "The last {rows} rows are not data, and left out ('{cell}').",
                rows=rows,
                cell=cells[0],
            )
            if rows > 1
            else say("The last row is not data, and left out ('{cell}').", cell=cells[0])
        )
    frame = frame.iloc[:-rows]
    whole = [
        c
        for c in frame.select_dtypes("float")
        if frame[c].notna().all() and bool((frame[c] % 1 == 0).all()) and frame[c].abs().max() < 2**53
    ]
    return frame.astype(dict.fromkeys(whole, "int64"))


_ROW_NAMES_OF_R = ("rownames", "row.names", "row_names", "rowname")


def _without_index(frame: pd.DataFrame, index: str | None, asked: bool | None, notes: list[str]) -> pd.DataFrame:
    """Leave out a first column that only names the rows."""
    if asked is False or frame.shape[1] < 2:
        return frame
    first = frame.columns[0]
    if asked or first == index:
        notes.append(say("The first column, {name}, names the rows and is left out.", name=quoted(first)))
        return frame.iloc[:, 1:]
    values = frame.iloc[:, 0]
    numbers = pd.api.types.is_integer_dtype(values)
    r_names = first.casefold() in _ROW_NAMES_OF_R and frame.shape[1] > 2
    if r_names and numbers and bool((values.diff().iloc[1:] > 0).all()):
        notes.append(say("The first column, {name}, numbers the rows and is left out.", name=quoted(first)))
        return frame.iloc[:, 1:]
    unnamed = first == "column_1" and frame.columns[1] != "column_2"
    if unnamed and numbers and bool((values.diff().iloc[1:] == 1).all()):
        notes.append(say("The first column has no name and only numbers the rows; it is left out."))
        return frame.iloc[:, 1:]
    return frame


def distinct(names: Iterable[str], notes: list[str] | None = None) -> list[str]:
    """Names made distinct and never empty."""
    given = [name.strip() for name in names]
    taken = set(given)
    seen: set[str] = set()
    result = []
    for position, name in enumerate(given, 1):
        base = f"column_{position}" if not name or re.fullmatch(r"Unnamed: \d+", name) else name
        distinct, suffix = base, 2
        while distinct in seen or (distinct != name and distinct in taken):
            distinct, suffix = f"{base}_{suffix}", suffix + 1
        seen.add(distinct)
        result.append(distinct)
    renamed = [new for old, new in zip(given, result, strict=True) if old and old != new and "Unnamed" not in old]
    if renamed and notes is not None:
        notes.append(
            say(
                "Names that are used more than once are numbered: {names}.",
                names=", ".join(n[:60] for n in renamed[:5]),
            )
        )
    return result
