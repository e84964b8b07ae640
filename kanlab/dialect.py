"""How a text table is written: delimiter, quotes, decimal sign, lines before the header, comments, the header itself."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import pairwise
from typing import Any

from kanlab.cells import KINDS, MISSING, is_number, is_typed
from kanlab.errors import DatasetError
from kanlab.standalone import decimal_sign

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar", " ": "spaces", "^": "caret", "~": "tilde",
              ":": "colon"}  # fmt: skip
_OPPOSITE = {",": ".", ".": ","}
COMMENTS = ("#", "%", "//")
_SAMPLE_CHARACTERS = 2**18
_SAMPLE_ROWS = 200
_LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class ReadOptions:
    """What is said about a file rather than inferred; None leaves it to the reader.

    delimiter, quote, decimal, thousands, comment: one sign each ("" for none).  encoding: as Python names it.
    skip_lines: lines before the header, or before the data where header is False.  header: whether there is one.
    index: whether the first column only names the rows and is left out.  missing: every way a missing value is written
    (blank always is).  day_first: 3/4/2020 is in April.  kinds: {column: one of cells.KINDS}.
    part: the file of a zip archive, or the sheet of a workbook.  least_columns: of data; a fit needs two, new rows one.
    """

    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    thousands: str | None = None
    comment: str | None = None
    skip_lines: int | None = None
    header: bool | None = None
    index: bool | None = None
    missing: tuple[str, ...] | None = None
    day_first: bool | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    part: str | None = None
    least_columns: int = 2

    def __post_init__(self) -> None:
        def require(ok: bool, sentence: str) -> None:
            if not ok:
                raise DatasetError(sentence)

        for name in ("delimiter", "quote", "decimal", "thousands"):
            sign = getattr(self, name)
            require(sign is None or len(sign) <= 1, f"The {name} must be a single character, not '{str(sign)[:20]}'.")
            require(sign is None or sign not in "\r\n\0" or sign == "", f"The {name} cannot be the end of a line.")
        require(self.delimiter != "", "The delimiter must be a single character, not an empty one.")
        require(self.decimal in (None, ".", ","), f"The decimal sign must be a point or a comma, not '{self.decimal}'.")
        require(self.skip_lines is None or self.skip_lines >= 0, "The number of lines to skip must be at least 0.")
        for column, kind in self.kinds.items():
            require(
                kind in KINDS, f"'{str(column)[:40]}' cannot be read as '{kind}'; choose one of {', '.join(KINDS)}."
            )
        pairs = {"delimiter": self.delimiter, "quote": self.quote, "decimal": self.decimal}
        given = [sign for sign in pairs.values() if sign]
        require(len(set(given)) == len(given), "The delimiter, the quote and the decimal sign must differ.")

    def with_(self, **changes: Any) -> ReadOptions:
        unknown = changes.keys() - {f.name for f in fields(self)}
        if unknown:
            raise DatasetError(f"There is no reading option '{sorted(unknown)[0]}'; see ReadOptions.")
        return replace(self, **changes)


@dataclass(frozen=True)
class Dialect:
    """How a text table is written, and the names of its columns as they stand there (none: numbered).

    skip_lines: physical lines before the first row of data.  index: the first of the columns has no place in the header.
    """

    delimiter: str
    quote: str
    escape: str
    decimal: str
    comment: str
    skip_lines: int
    header: tuple[str, ...] | None
    width: int
    missing_seen: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def sniff(text: str, options: ReadOptions, *, whole: bool = True) -> Dialect:
    """The dialect of a table from its first characters.

    whole: the text is all there is, so its last line counts.
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
        raise DatasetError("{name} has no rows; add a header row and data below it.")
    width = _usual_width([row for _, row in filled])
    start = 0 if options.skip_lines is not None else _start([row for _, row in filled], width)
    if start:
        notes.append(f"{start} line{'s' * (start > 1)} before the table {'are' if start > 1 else 'is'} left out.")
    table = [row for _, row in filled[start:]]
    has_header = _has_header(table) if options.header is None else options.header
    header = tuple(cell.strip() for cell in table[0]) if has_header else None
    first = start + 1 if has_header else start
    named = _commented_header(lines, comment, delimiter, width) if comment else None
    if options.header is None and named and all(is_number(c) for c in table[0] if c.strip() not in MISSING):
        header, first = named, start
        notes.append("The names of the columns are taken from the comment above the data.")
    elif header is None and options.header is None:
        notes.append(
            "There is no header row: the first row holds numbers like those below it, so the columns are numbered."
        )
    # physical lines: of the sample, comments and blank lines counted
    before = filled[first - 1][0] if first else skip
    data = [row for _, row in filled[first:]]
    if comment and any(re.match(comment_pattern(comment), line) for line in lines):
        notes.append(f"Lines that begin with {comment} are comments and left out.")
    if data:
        widths = Counter(map(len, data))
        usual = _usual_width(data)
        width = len(header) if header and widths[len(header)] >= widths[usual] else max(width, usual)
    decimal = options.decimal or _OPPOSITE.get(options.thousands or "") or decimal_sign(data, delimiter)
    cells = {cell.strip() for row in data for cell in row}
    seen = tuple(m for m in (options.missing or MISSING) if m in cells)
    return Dialect(delimiter, quote, escape, decimal, comment, before, header, width, seen, tuple(notes))


# ---- the steps


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


def _usual_width(rows: list[list[str]]) -> int:
    """The most frequent number of fields above one; the larger one where two are as frequent."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return max(widths, key=lambda w: (widths[w], w)) if widths else 1


def _score(lines: list[str], delimiter: str, quote: str, escape: str) -> tuple[float, int]:
    """How well a delimiter cuts: rows of equal width, and cells that are whole numbers, dates or words."""
    rows = [row for _, row in _rows(lines, delimiter, quote, escape) if any(c.strip() for c in row)]
    if not rows:
        return (0.0, 0)
    width = _usual_width(rows)
    if width < 2:
        return (0.0, 0)
    equal = [row for row in rows[_start(rows, width) :] if len(row) == width]
    cells = [cell for row in equal for cell in row]
    typed = sum(map(is_typed, cells)) / len(cells)
    share = len(equal) / len(rows[_start(rows, width) :])
    unusual = 0.5 if delimiter in " ^~:" else 1.0  # these cut words, times and dates as well
    if delimiter == " " and share < 1:
        return (0.0, 0)
    return (round(share * share * typed * unusual, 3), width)


def _start(rows: list[list[str]], width: int) -> int:
    """How many rows stand before the table: those before the first of its width."""
    start = next((i for i, row in enumerate(rows) if len(row) == width), 0)
    if start and len(rows[start - 1]) == width - 1 > 1 and any(is_number(cell) for cell in rows[start]):
        return start - 1  # a header without a name for the row names
    if (
        start
        and any(is_number(c) for c in rows[start])
        and len(rows[start - 1]) > 1
        and _filled(rows[start - 1]) == width
    ):
        return start - 1
    return start


def _filled(row: list[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: above numbers stand words, or numbers that count 0, 1, 2, ... (years)."""
    first, below = rows[0], rows[1:]
    if not below:
        return not (first and all(is_number(c) for c in first if c.strip()))
    numeric = []
    for i, name in enumerate(first):
        cells = [row[i].strip() for row in below if i < len(row)]
        cells = [c for c in cells if c not in MISSING]
        if cells and sum(map(is_number, cells)) >= 0.9 * len(cells):
            numeric.append(name.strip())
    if not numeric:
        return True
    if any(name not in MISSING and not is_number(name) for name in numeric):
        return True
    if all(name in MISSING for name in numeric):
        return any(c.strip() for c in first)
    counted = [name for name in numeric if name.isdigit()]
    steps = [int(b) - int(a) for a, b in pairwise(counted)]
    if len(counted) < 3 or len(counted) < len([n for n in numeric if n]) or any(s != 1 for s in steps):
        return False
    return int(counted[0]) == 0 or int(counted[0]) >= 1000  # as pandas numbers columns, or years


def _commented_header(lines: list[str], comment: str, delimiter: str, width: int) -> tuple[str, ...] | None:
    """Names in the last comment before the data, as numpy.savetxt writes them."""
    last = ""
    for line in lines:
        if line.strip() and not line.startswith(comment):
            break
        last = line if line.strip() else last
    names = last.removeprefix(comment).strip()
    cells = names.split() if delimiter == " " else [c.strip() for c in names.split(delimiter)]
    return tuple(cells) if len(cells) == width and not any(map(is_number, cells)) else None
