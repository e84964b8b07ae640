"""One cell of a table as the number, the date or the boolean it stands for, by the conventions of its column.

What a cell means follows from it and the conventions alone, never from the cells beside it: a row of another day is read as
the training table was. Without NumPy and pandas, as the predict.py of a bundle has it written into it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any

from kanlab.data.reading.cell_rules import (
    BELOW_ZERO,
    BOOLEAN_NUMBERS,
    COMPACT_DATE,
    CURRENCY,
    DATES,
    ISO_TIME,
    LOOKS_DATED,
    PLAIN_NUMBER,
    SPACES,
    TIMES,
    group_pattern,
    number_pattern,
)

_CLOCK = re.compile(r"([+\-−]?)(\d{1,3}):([0-5]\d)(?::([0-5]\d(?:\.\d+)?))?\s*([AaPp]\.?[Mm]\.?)?")
LIMIT = re.compile(r"^(?:[<>]=?|[≤≥~≈])\s*")


@cache
def amount_of(decimal: str) -> re.Pattern[str]:
    """A whole cell that is a number with this decimal sign: thousands by any sign, currency or percent around it."""
    other = "," if decimal == "." else "."
    digits = "|".join(number_pattern(decimal, group) for group in (other, " ", "'"))
    return re.compile(
        rf"(?:{CURRENCY})?{SPACES}?(?:[+\-−]?|\()(?:{CURRENCY})?{SPACES}?({digits})\)?{SPACES}?(?:%|{CURRENCY})?\)?"
    )


def number_of(cell: str, decimal: str = ".", unit: str = "", kind: str = "number") -> float:
    """The number of a cell, nan where it is none as these conventions have it.

    unit: what the cells of the column bear, such as % or kg; a cell may be without it, but not with another one. kind:
    "fraction" (9.5% is 0.095), "limit" (<0.5 is 0.5) or "time" (15:30 is 15.5) beside "number".

    >>> number_of("1.500", ","), number_of("-$3.5"), number_of("9.5%"), number_of("9.5%", kind="fraction")
    (1500.0, -3.5, nan, 0.095)
    """
    cell = cell.strip()
    if kind == "time":
        return hours_of(cell)
    if kind == "limit":
        cell = LIMIT.sub("", cell)
    if decimal == "." and PLAIN_NUMBER.fullmatch(cell):
        return _finite(float(cell))
    if unit and cell.endswith(unit):
        cell = cell[: -len(unit)].rstrip()
    found = amount_of(decimal).fullmatch(cell)
    if found is None:
        return math.nan
    signs = set(re.findall(CURRENCY, cell)) - {unit}
    percent = "%" in cell
    if (signs and (unit or len(signs) > 1 or percent)) or (percent and kind != "fraction"):
        return math.nan  # in another unit than the others
    digits = found[1]
    for group in ("." if decimal == "," else ",", " ", "'"):
        digits = re.sub(group_pattern(group), "", digits)
    value = _finite(float(digits.replace(decimal, "."))) / (100 if percent else 1)
    return -value if re.match(BELOW_ZERO, cell) else value


def hours_of(cell: str) -> float:
    """A clock time or a duration a:b as a + b/60, of a:b:c c/3600 more; nan where it is none.

    >>> hours_of("15:30"), hours_of("3:15 pm"), hours_of("4:75")
    (15.5, 15.25, nan)
    """
    found = _CLOCK.fullmatch(cell)
    if found is None:
        return math.nan
    sign, hours, minutes, seconds, half = found.groups()
    value = int(hours) + int(minutes) / 60 + float(seconds or 0) / 3600
    if half:
        if not 1 <= int(hours) <= 12:
            return math.nan
        value += (12 if half[0] in "Pp" else 0) - (12 if int(hours) == 12 else 0)
    return -value if sign in ("-", "−") else value


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan


def boolean_of(cell: str, words: Sequence[str]) -> float:
    """1.0 where a cell is the second word, 0.0 where it is the first, in any case; other pairs such as true and false too.

    >>> boolean_of("YES", ("No", "Yes")), boolean_of("false", ("No", "Yes")), boolean_of("maybe", ("No", "Yes"))
    (1.0, 0.0, nan)
    """
    folded = cell.casefold()
    for value, word in enumerate(words):
        if folded == word.casefold():
            return float(value)
    return {"1": 1.0, "0": 0.0, "1.0": 1.0, "0.0": 0.0}.get(folded, BOOLEAN_NUMBERS.get(folded, math.nan))


# ---- dates


def order_of(form: str) -> str:
    """Whether a format has the day before the month in digits ("day"), after it ("month"), or neither ("")."""
    if form.startswith("%d") and "%m" in form:
        return "day"
    return "month" if form.startswith("%m") else ""


def date_of(cell: str, form: str = "", order: str = "") -> datetime | None:
    """The date of a cell: by its format, else by any other that leaves no doubt or has the same order; None where it is none.

    form: one of DATES, "" for ISO dates and times.  order: "day" or "month" where `form` has none.

    >>> date_of("02/11/2023", "%d/%m/%Y").month, date_of("02/11/2023", "%m/%d/%Y").month, date_of("11/25/2023", "%d/%m/%Y")
    (11, 2, None)
    """
    if re.match(ISO_TIME, cell):
        return iso_of(cell)
    if COMPACT_DATE.fullmatch(cell):
        return _by_format(cell, "%Y%m%d") if form == "%Y%m%d" else None
    if not LOOKS_DATED.match(cell):
        return None
    order = order_of(form) or order
    forms = [form] if form else []
    forms += [f for f in DATES if f != form and order_of(f) in ("", order)]
    tried = (_by_format(cell, f + time) for f in forms for time in TIMES)
    return next((when for when in tried if when is not None), None)


def _by_format(cell: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(cell, form)
    except ValueError:
        return None


def iso_of(cell: str) -> datetime | None:
    """A date and time of ISO 8601, in UTC where it names its zone."""
    try:
        when = datetime.fromisoformat(cell)
        return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when
    except (ValueError, OverflowError):
        return None


def likelier_order(cells: Iterable[str], decimal: str) -> str:
    """The order of day and month that reads more cells; of two that read as many, the usual one beside this decimal sign."""
    some = list(cells)
    hits = {order: sum(date_of(c, "", order) is not None for c in some) for order in ("day", "month")}
    if hits["day"] == hits["month"]:
        return "day" if decimal == "," else "month"
    return max(hits, key=lambda order: hits[order])


# ---- a column


def guessed_reader(cells: Iterable[str], decimal: str) -> Callable[[str], float] | None:
    """What reads most cells of a column of which nothing is known as numbers or booleans; None where nothing reads any.

    decimal: the sign of the table, taken where the other one reads no more.
    """
    some = list(cells)
    if all(c.casefold() in BOOLEAN_NUMBERS for c in some):
        return _boolean_guess
    best: tuple[int, Callable[[str], float] | None] = 0, None
    for way in _guesses(some, decimal):
        hits = sum(not math.isnan(way(c)) for c in some)
        best = (hits, way) if hits > best[0] else best
        if hits == len(some):
            break  # which no other can exceed
    return best[1]


def _guesses(cells: Sequence[str], decimal: str) -> list[Callable[[str], float]]:
    """What may read a column of which nothing is known, the first of those that read as many cells to be taken."""
    return [number_guess(cells, decimal), number_guess(cells, "," if decimal == "." else "."), _boolean_guess]


def number_guess(cells: Sequence[str], decimal: str) -> Callable[[str], float]:
    """What reads cells as numbers with this sign, in the unit that most of them bear."""
    units = [m[0] for c in cells for m in re.finditer(rf"{CURRENCY}|%", c)]
    return partial(number_of, decimal=decimal, unit=max(sorted(set(units)), key=units.count) if units else "")


def _boolean_guess(cell: str) -> float:
    return BOOLEAN_NUMBERS.get(cell.casefold(), math.nan)


def reads_most(cells: Sequence[str], decimal: str) -> bool:
    """Whether `guessed_reader` takes numbers with this sign for these cells and any plain numbers beside them."""
    first, *others = (sum(not math.isnan(way(c)) for c in cells) for way in _guesses(cells, decimal))
    return all(first >= hits for hits in others)


def cells_as(
    cells: Iterable[str], missing: Callable[[str], bool], read: Callable[[str], Any], none: Any
) -> tuple[list[Any], list[str]]:
    """What `read` makes of the cells, `none` where one is missing or cannot be read; and those that cannot be, once each."""
    known: dict[str, Any] = {}
    bad: dict[str, None] = {}
    values = []
    for cell in cells:
        bare = cell.strip()
        if bare not in known:
            value = none if missing(bare) else read(bare)
            lost = value is None or value != value
            if lost and not missing(bare):
                bad[bare] = None
            known[bare] = none if lost else value
        values.append(known[bare])
    return values, list(bad)


def missing_words(words: Sequence[str]) -> Callable[[str], bool]:
    """Whether a cell is one of the words for a missing value; one that is a number counts however it is written.

    >>> missing_words(("NA", "-999"))("-999.0")
    True
    """
    plain, numbers = set(words) | {""}, missing_numbers(words)
    if not numbers:
        return plain.__contains__

    def among(cell: str) -> bool:
        digits = cell.replace(",", ".", 1)
        return cell in plain or (PLAIN_NUMBER.fullmatch(digits) is not None and float(digits) in numbers)

    return among


def missing_numbers(words: Sequence[str]) -> set[float]:
    """The numbers among the words for a missing value."""
    return {float(word) for word in words if PLAIN_NUMBER.fullmatch(word)}
