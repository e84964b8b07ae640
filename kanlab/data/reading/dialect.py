"""How a text table is written: delimiter, quotes, decimal sign, lines before the header, comments, the header itself."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from kanlab.data.reading.cell_rules import MISSING, decimal_sign, is_number, is_typed
from kanlab.data.reading.column_types import KINDS
from kanlab.data.reading.header import MOST_HEADER_ROWS, commented_header, first_row, header_rows, joined, usual_width
from kanlab.errors import DatasetError
from kanlab.language import marked, say
from kanlab.text import agreeing, counted

DELIMITERS = {
    ",": marked("comma"),
    ";": marked("semicolon"),
    "\t": marked("tab"),
    "|": marked("vertical bar"),
    " ": marked("spaces"),
    "^": marked("caret"),
    "~": marked("tilde"),
    ":": marked("colon"),
}
_OPPOSITE = {",": ".", ".": ","}
COMMENTS = ("#", "%", "//")
_SAMPLE_CHARACTERS = 2**18
_SAMPLE_ROWS = 200
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class ReadOptions:
    """What is said about a file rather than inferred; None leaves it to the reader.

    Parameters
    ----------
    encoding : str, optional
        As Python names it.
    delimiter, quote, decimal, thousands, comment : str, optional
        The sign of each; "" for none.
    skip_lines : int, optional
        Lines before the header, or before the data where header is 0.
    skip_last : int, optional
        Rows at the end that are not data, such as totals and footnotes.
    header : int, optional
        How many rows name the columns; True is 1, False 0.
    index : bool, optional
        Whether the first column only names the rows and is left out.
    missing : tuple of str, optional
        Every way in which a missing value is written; a blank cell always is missing.
    day_first : bool, optional
        Whether 3/4/2020 is in April.
    kinds : mapping of str to str
        What single columns are read as: number, text, date, boolean or leave out; or fraction (9.5% is 0.095), limit (<0.5
        is 0.5), time (15:30 is 15.5).
    part : str, optional
        The file of a zip archive, or the sheet of a workbook.
    least_columns : int
        Columns of data there must be; a fit needs two, new rows one.
    cells : bool
        Whether every row and cell is given as it is written, as text; only lines without a cell are left out.

    Raises
    ------
    DatasetError
        Where they contradict each other.

    Examples
    --------
    >>> ReadOptions(delimiter=";").with_(decimal=",").decimal
    ','
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    comment: str | None = None
    skip_lines: int | None = None
    skip_last: int | None = None
    header: int | None = None
    index: bool | None = None
    missing: tuple[str, ...] | None = None
    day_first: bool | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None
    least_columns: int = 2
    cells: bool = False

    def __post_init__(self) -> None:
        def require(ok: bool, sentence: str) -> None:
            if not ok:
                raise DatasetError(sentence)

        for name in ("delimiter", "quote", "decimal", "thousands"):
            sign = getattr(self, name)
            require(
                sign is None or len(sign) <= 1,
                say("The {name} must be a single character, not '{sign}'.", name=name, sign=str(sign)[:20]),
            )
            require(
                sign is None or sign not in "\r\n\0" or sign == "",
                say("The {name} cannot be the end of a line.", name=name),
            )
        require(self.delimiter != "", say("The delimiter must be a single character, not an empty one."))
        require(
            self.decimal in (None, ".", ","),
            say("The decimal sign must be a point or a comma, not '{decimal}'.", decimal=self.decimal),
        )
        for lines in (self.skip_lines, self.skip_last):
            require(lines is None or lines >= 0, say("The number of lines to skip must be at least 0."))
        header_fits = self.header is None or 0 <= self.header <= MOST_HEADER_ROWS
        require(
            header_fits,
            say(
                "The header can have 0 to {most_header_rows} rows, not {header}.",
                most_header_rows=MOST_HEADER_ROWS,
                header=self.header,
            ),
        )
        for column, kind in self.kinds.items():
            require(
                kind in KINDS,
                say(
                    "'{column}' cannot be read as '{kind}'; choose one of {kinds}.",
                    column=str(column)[:40],
                    kind=kind,
                    kinds=", ".join(KINDS),
                ),
            )
        pairs = {"delimiter": self.delimiter, "quote": self.quote, "decimal": self.decimal}
        given = [sign for sign in pairs.values() if sign]
        require(len(set(given)) == len(given), say("The delimiter, the quote and the decimal sign must differ."))

    def with_(self, **changes: Any) -> ReadOptions:
        unknown = changes.keys() - {f.name for f in fields(self)}
        if unknown:
            raise DatasetError(
                say("There is no reading option '{unknown}'; see ReadOptions.", unknown=sorted(unknown)[0])
            )
        return replace(self, **changes)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written, and the names of its columns as they stand there (none: numbered).

    skip_lines: physical lines before the first row of data.  header_rows: how many of them name the columns.
    """

    delimiter: str
    quote: str
    escape: str
    decimal: str
    comment: str
    skip_lines: int
    header: tuple[str, ...] | None
    header_rows: int
    width: int
    missing_seen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def sniff(text: str, name: str, options: ReadOptions, *, whole: bool = True) -> Dialect:
    """The dialect of a table from its first characters.

    name: what to call the table in messages.  whole: the text is all there is, so its last line counts.
    """
    sample = text[:_SAMPLE_CHARACTERS]
    if len(text) > len(sample) or not whole:
        cut = max(sample.rfind("\n"), sample.rfind("\r"))
        sample = sample[: cut + 1] if cut > 0 else sample
    lines = _LINE_END.split(sample)
    skip, notes = options.skip_lines or 0, []
    delimiter = options.delimiter
    if options.skip_lines is None and (declared := re.fullmatch(r"sep=(.)", lines[0].strip('"'), re.IGNORECASE)):
        skip, delimiter = 1, delimiter or declared[1]
    comment = _comment(lines[skip:]) if options.comment is None else options.comment
    body = _without(lines, skip, comment)
    quote, escape = _quote(body) if options.quote is None else (options.quote, "")
    if delimiter is None:
        delimiter = max(DELIMITERS, key=lambda d: _score(body, d, quote, escape))
        if _score(body, delimiter, quote, escape) <= (0.0, 0):
            delimiter = ","
    rows = _rows(body, delimiter, quote, escape)
    filled = [(end, row) for end, row in rows if any(cell.strip() for cell in row)]
    if not filled:
        raise DatasetError(say("{name} has no rows; add a header row and data below it.", name=name))
    width = usual_width([row for _, row in filled])
    start = 0 if options.skip_lines is not None else first_row([row for _, row in filled], width)
    if start:
        notes.append(
            say(
                "{lines} before the table {is_or_are} left out.",
                lines=counted(start, "line"),
                is_or_are=agreeing(start, "is", "are"),
            )
        )
    table = [row for _, row in filled[start:]]
    named_by = header_rows(table) if options.header is None else min(options.header, len(table))
    header = joined(table[:named_by]) if named_by else None
    first = start + named_by
    if named_by > 1 and options.header is None:
        notes.append(say("Two rows name the columns; they are joined, as in '{example}'.", example=_example(header)))
    named = commented_header(lines, comment, delimiter, width) if comment else None
    if options.header is None and named and all(is_number(c) for c in table[0] if c.strip() not in MISSING):
        header, first, named_by = named, start, 1
        notes.append(say("The names of the columns are taken from the comment above the data."))
    elif header is None and options.header is None:
        notes.append(
            say("There is no header row: the first row holds numbers like those below it, so the columns are numbered.")
        )
    # physical lines: of the sample, comments and blank lines counted
    before = filled[first - 1][0] if first else skip
    data = [row for _, row in filled[first:]]
    if comment and any(re.match(comment_pattern(comment), line) for line in lines):
        notes.append(say("Lines that begin with {comment} are comments and are left out.", comment=comment))
    if data:
        widths = Counter(map(len, data))
        usual = usual_width(data)
        width = len(header) if header and widths[len(header)] >= widths[usual] else max(width, usual)
    decimal = options.decimal or _OPPOSITE.get(options.thousands or "") or decimal_sign(data, delimiter)
    cells = {cell.strip() for row in data for cell in row}
    seen = tuple(m for m in (options.missing or MISSING) if m in cells)
    return Dialect(delimiter, quote, escape, decimal, comment, before, header, named_by, width, seen, tuple(notes))


# ---- the steps


def _example(names: tuple[str, ...] | None) -> str:
    """A name of more than one word, cut short."""
    return next((n for n in names or () if " " in n), "")[:60]


def comment_pattern(sign: str) -> str:
    """Regular expression for the beginning of a comment line; #N/A and its like are cells."""
    errors = "|".join(re.escape(m[1:]) for m in MISSING if m.startswith("#"))
    return re.escape(sign) + (f"(?!{errors})" if sign == "#" else "")


def _without(lines: list[str], skip: int, comment: str) -> list[str]:
    """The lines with comments and skipped ones blanked, so that the numbers of the others stay."""
    begins = re.compile(comment_pattern(comment)) if comment else None
    return ["" if i < skip or (begins and begins.match(line)) else line for i, line in enumerate(lines)]


def _comment(lines: list[str]) -> str:
    """The sign that comments begin with, if there are any: lines above the data, or lines cut unlike the data."""
    filled = [line for line in lines if line.strip()]
    for sign in COMMENTS:
        begins = re.compile(comment_pattern(sign))
        marked = [i for i, line in enumerate(filled) if begins.match(line)]
        first = next((i for i in range(len(filled)) if i not in set(marked)), None)
        if not marked or first is None:
            continue
        within = [filled[i] for i in marked if i > first]
        if any(_same_cut(line, filled[first]) and not _is_prose(line, sign) for line in within):
            continue  # a column of names that begin with the sign
        # '#id,name,size' above rows of as many fields is a header
        if marked == [0] and _same_cut(filled[0], filled[first]) and not _is_prose(filled[0], sign):
            continue
        return sign
    return ""


def _same_cut(first: str, second: str) -> bool:
    return any(first.count(d) == second.count(d) > 0 for d in ",;\t|")


def _is_prose(line: str, sign: str) -> bool:
    """'# a,b' is a comment that names the columns; '#a,b' a header."""
    return line.removeprefix(sign).startswith(" ")


def _quote(lines: list[str]) -> tuple[str, str]:
    """The quotation mark, and the sign that escapes it where it is not doubled."""
    text = "\n".join(lines)
    single, double = (
        min(
            len(re.findall(rf"(?:^|[,;\t|]) ?{q}", text, re.MULTILINE)),
            len(re.findall(rf"{q}(?=$|[,;\t|])", text, re.MULTILINE)),
        )
        for q in ("'", '"')
    )
    quote = "'" if single > double else '"'
    return quote, "\\" if f"\\{quote}" in text and quote + quote not in text.replace(f"\\{quote}", "") else ""


def _rows(lines: list[str], delimiter: str, quote: str, escape: str) -> list[tuple[int, list[str]]]:
    """Up to 200 rows, each with the number of lines it ends after."""
    if delimiter == " ":
        return [(i + 1, _split(line, quote)) for i, line in enumerate(lines[:_SAMPLE_ROWS])]
    reader = csv.reader(
        io.StringIO("\n".join(lines), newline=""),
        delimiter=delimiter,
        quotechar=quote or None,
        quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        escapechar=escape or None,
        doublequote=not escape,
        skipinitialspace=True,
    )
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            rows.append((reader.line_num, row))
            if len([r for _, r in rows if r]) >= _SAMPLE_ROWS:
                break
    except csv.Error:
        pass  # a field beyond any sensible size, or a zero byte: what was read so far decides
    return rows


def _split(line: str, quote: str) -> list[str]:
    """Fields between spaces, quoted ones kept together."""
    if quote and quote in line:
        return [a or b for a, b in re.findall(rf"{quote}([^{quote}]*){quote}|(\S+)", line)]
    return line.split()


def _score(lines: list[str], delimiter: str, quote: str, escape: str) -> tuple[float, int]:
    """How well a delimiter cuts: rows of equal width, and cells that are whole numbers, dates or words."""
    rows = [row for _, row in _rows(lines, delimiter, quote, escape) if any(c.strip() for c in row)]
    if not rows:
        return (0.0, 0)
    width = usual_width(rows)
    if width < 2:
        return (0.0, 0)
    equal = [row for row in rows[first_row(rows, width) :] if len(row) == width]
    cells = [cell for row in equal for cell in row]
    typed = sum(map(is_typed, cells)) / len(cells)
    share = len(equal) / len(rows[first_row(rows, width) :])
    unusual = 0.5 if delimiter in " ^~:" else 1.0  # these cut words, times and dates as well
    if delimiter == " " and share < 1:
        return (0.0, 0)
    return (round(share * share * typed * unusual, 3), width)
