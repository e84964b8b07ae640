"""What the text of a cell can mean: missing, a number with its signs and separators, a boolean, a date.

Rules of single cells, without NumPy and pandas: reading a table goes by them, and so does the predict.py of a bundle, which
has them written into it (kanlab.export.predict_source).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

SAMPLE = 500  # cells that decide how a column is written
MISSING = (
    "", "NA", "N/A", "n/a", "<NA>", "#N/A", "NaN", "nan", "-nan", "NULL", "null", "None", "nil", "?", "-", "--", "–", "—",
    ".", "…", "#DIV/0!", "#VALUE!", "#REF!", "#NUM!", "#NAME?",
)  # fmt: skip
BOOLEANS = {
    frozenset(pair): pair[0]
    for pair in (
        ("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off"), ("ja", "nein"), ("oui", "non"), ("是", "否"),
    )
}  # fmt: skip
BOOLEAN_NUMBERS = {word: float(word == true) for pair, true in BOOLEANS.items() for word in pair}
CURRENCY = r"[$€£¥₹₩₽₺₴₫฿]|(?:USD|EUR|GBP|JPY|CNY|RMB|CHF|INR|KRW|CAD|AUD|SEK|NOK|DKK|PLN|BRL|kr|zł|元|円)"
SPACES = "[ \u00a0\u202f\u2009]"
# one format a line; where day and month could be either, both stand here
DATES = (
    "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d/%m/%y",
    "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%Y年%m月%d日", "%Y-%m",
)  # fmt: skip
TIMES = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")

PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# what stands around the digits of a number, and how a cell that is below 0 begins
AROUND_DIGITS = rf"(?:{CURRENCY})|[%()+]|^[^\d.,eE]*[-−]"
BELOW_ZERO = r"^[^\d]*[-−(]"
LOOKS_DATED = re.compile(r"^\d{1,4}[-/. 年][\w年]{1,9}[-/. 月,]?|^[A-Z][a-z]{2,8} \d{1,2}, \d{4}")
COMPACT_DATE = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")  # 20240131
ISO_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}"


def number_pattern(decimal: str, thousands: str) -> str:
    """Regular expression for the digits of a number with these signs."""
    point = re.escape(decimal)
    plain = rf"(?:\d+(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
    if not thousands:
        return plain
    return rf"(?:\d{{1,3}}(?:{group_pattern(thousands)}\d{{3}})+(?:{point}\d*)?|{plain})"


def group_pattern(thousands: str) -> str:
    """Regular expression for the sign between thousands."""
    return SPACES if thousands == " " else "['’]" if thousands == "'" else re.escape(thousands)


def amount_pattern(decimal: str, thousands: str) -> str:
    """Regular expression for a whole cell: a number with its sign, its currency or percent, or in brackets for a minus."""
    return (
        rf"^(?:{CURRENCY})?{SPACES}?(?:[+\-−]?|\()(?:{CURRENCY})?{SPACES}?{number_pattern(decimal, thousands)}"
        rf"\)?{SPACES}?(?:%|{CURRENCY})?\)?$"
    )


def conventions(decimal: str) -> list[tuple[str, str]]:
    """Decimal and thousands signs to try, those of the table first."""
    other = "," if decimal == "." else "."
    return [(d, t) for d in (decimal, other) for t in ("", other if d == decimal else decimal, " ", "'")]


def decimal_sign(rows: Sequence[Sequence[str]], delimiter: str) -> str:
    """The decimal sign of a table: the comma where cells such as 3,14 outnumber cells such as 3.14."""
    cells = [cell.strip().strip("%€$£ ") for row in rows for cell in row]
    signed = re.compile(r"[+\-−]?\d*([.,])\d+(?:[eE][+-]?\d+)?")
    found = Counter(m[1] for cell in cells if (m := signed.fullmatch(cell)))
    if delimiter == "," and any(re.fullmatch(r"[+\-−]?[1-9]\d{0,2},\d{3}", c) for c in cells):
        # quoted 1,234 in a comma-separated file: thousands, unless others such as 0,5 or 1234,5 can only be decimals
        sure = re.compile(r"[+\-−]?(?:0?,\d+|\d{4,},\d+|\d+,(?:\d{1,2}|\d{4,}))")
        if not any(sure.fullmatch(c) for c in cells):
            return "."
    grouped = sum(bool(re.fullmatch(r"[+\-−]?\d{1,3}(\.\d{3})+,\d+", c)) for c in cells)
    opposite = sum(bool(re.fullmatch(r"[+\-−]?\d{1,3}(,\d{3})+(\.\d+|,\d{3})", c)) for c in cells)
    return "," if found[","] + 3 * grouped > found["."] + 3 * opposite else "."


_ANY_NUMBER = "|".join(number_pattern(d, t) for d, t in ((".", ","), (",", "."), (".", " "), (",", " "), (".", "'")))
_CELL_NUMBER = re.compile(
    rf"^(?:{CURRENCY})?{SPACES}?[(+\-−]?{SPACES}?(?:{CURRENCY})?(?:{_ANY_NUMBER})\)?{SPACES}?(?:%|{CURRENCY})?$"
)
_CELL_WORD = re.compile(r"^[\w ./()'’&+-]{1,80}$")


def is_number(text: str) -> bool:
    """Whether a cell reads as a number with either decimal sign."""
    return _CELL_NUMBER.match(text.strip()) is not None


def is_typed(text: str) -> bool:
    """Whether a cell is a number, a date, missing or a word: anything but pieces of a wrong cut."""
    cell = text.strip()
    return cell in MISSING or is_number(cell) or _CELL_WORD.match(cell) is not None or bool(LOOKS_DATED.match(cell))
