"""Where a table begins: the lines before it, and the rows that name its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from kanlab.data.reading.cell_rules import MISSING, is_number

Rows = Sequence[Sequence[str]]
MOST_HEADER_ROWS = 5


def usual_width(rows: Rows) -> int:
    """The most frequent number of fields above one; the larger one where two are as frequent."""
    widths = Counter(len(row) for row in rows if len(row) > 1)
    return max(widths, key=lambda w: (widths[w], w)) if widths else 1


def first_row(rows: Rows, width: int) -> int:
    """How many rows stand before the table: those before the first of its width, and titles padded to that width."""
    start = next((i for i, row in enumerate(rows) if len(row) == width), 0)
    last = max((i for i, row in enumerate(rows) if len(row) == width), default=0)
    while start < last and _is_title(rows[start], rows[start + 1 :]):
        start += 1
    if not start:
        return 0
    above, first = rows[start - 1], rows[start]
    if _is_group(above, width) and not any(is_number(cell) for cell in first):
        return start - 1
    if len(above) == width - 1 > 1 and any(is_number(cell) for cell in first):
        return start - 1  # a header without a name for the row names
    if any(is_number(c) for c in first) and len(above) > 1 and _filled(above) == width:
        return start - 1
    return start


def _filled(row: Sequence[str]) -> int:
    return sum(bool(cell.strip()) for cell in row)


def _is_title(row: Sequence[str], below: Rows) -> bool:
    """'Report of May;;;;', as spreadsheets write a title: the left half at most is filled, above a header and fuller rows."""
    filled = _filled(row)
    usual = median(_filled(r) for r in below)
    padded = bool(row[0].strip()) and not any(cell.strip() for cell in row[filled:])
    return padded and 2 * filled <= usual and (filled == 1 < len(row) - 1 or header_rows(below) > 0)


def _is_group(row: Sequence[str], width: int) -> bool:
    """'Plant A,,Plant B': two names or more, each above the columns up to the next."""
    starts = [i for i, cell in enumerate(row) if cell.strip()]
    apart = all(b - a > 1 for a, b in pairwise(starts))
    return len(starts) >= 2 and len(row) <= width and apart and not any(is_number(row[i]) for i in starts)


def header_rows(rows: Rows) -> int:
    """How many of the first rows name the columns: none, one, or two (groups above names, or units below them)."""
    if _names_below_names(rows):
        return 2
    return int(_is_header(rows[0], rows[1:]))


def _is_header(first: Sequence[str], below: Rows) -> bool:
    """Whether a row names the columns: above numbers stand words, or numbers that count 0, 1, 2, ... (years)."""
    if not below:
        return not (first and all(is_number(c) for c in first if c.strip()))
    numeric = [first[i].strip() for i in _numeric(below, len(first)) if i < len(first)]
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


def _numeric(rows: Rows, width: int) -> list[int]:
    """Places of the columns that hold numbers in nine of ten rows."""
    places = []
    for i in range(width):
        cells = [row[i].strip() for row in rows if i < len(row)]
        cells = [c for c in cells if c not in MISSING]
        if cells and sum(map(is_number, cells)) >= 0.9 * len(cells):
            places.append(i)
    return places


def _names_below_names(rows: Rows) -> bool:
    """Whether the second row holds words, no number, above columns of numbers: a header of two rows.

    A word above one such column alone may be a bad cell of the first row of data, unless only such columns have one.
    """
    if len(rows) < 5:
        return False
    first, second, below = rows[0], rows[1], rows[2:]
    if any(is_number(c) for c in second) or not any(c.strip() and not is_number(c) for c in first):
        return False
    numeric = _numeric(below, len(second))
    words = [i for i, cell in enumerate(second) if cell.strip() not in MISSING]
    above = [i for i in words if i in numeric]
    return 2 * len(above) >= len(numeric) > 0 and (len(above) > 1 or above == words)


def joined(rows: Rows) -> tuple[str, ...]:
    """The names of the columns from one row or several, each below it put after it: 'pressure' over 'bar' is 'pressure bar'.

    A gap above a name takes the name to its left, as in merged cells.
    """
    width = max(len(row) for row in rows)
    padded = [[*(cell.strip() for cell in row), *[""] * (width - len(row))] for row in rows]
    padded[1:] = [["" if cell in MISSING else cell for cell in row] for row in padded[1:]]  # no unit is often a dash
    for upper, lower in pairwise(padded):
        for i in range(1, width):
            if not upper[i] and lower[i]:
                upper[i] = upper[i - 1]
    names = (dict.fromkeys(cell for cell in column if cell) for column in zip(*padded, strict=True))
    return tuple(" ".join(name) for name in names)


def commented_header(lines: Sequence[str], comment: str, delimiter: str, width: int) -> tuple[str, ...] | None:
    """Names in the last comment before the data, as numpy.savetxt writes them."""
    last = ""
    for line in lines:
        if line.strip() and not line.startswith(comment):
            break
        last = line if line.strip() else last
    names = last.removeprefix(comment).strip()
    cells = names.split() if delimiter == " " else [c.strip() for c in names.split(delimiter)]
    return tuple(cells) if len(cells) == width and not any(map(is_number, cells)) else None
