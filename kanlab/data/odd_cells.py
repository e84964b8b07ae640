"""Columns of text that are nearly something else: clock times, units, limits, percents beside fractions, codes, dates or
numbers but for a few cells. What they are is told with the cells that say so, and with the kind they can be read as."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan

import pandas as pd

from kanlab.data.reading.cell_rules import MISSING
from kanlab.data.reading.cells import date_of, hours_of, number_of
from kanlab.data.reading.column_types import LIMIT, is_code, units_in
from kanlab.language import marked, say
from kanlab.text import listing, quoted, short

MOST_CELLS = 20_000  # looked at
MOST_UNIQUE = 500
ENOUGH = 0.8  # of the cells that must be of a kind
FEWEST_NUMBERS, MOST_WORDS = 10, 5  # cells of a column of numbers, and words among them
_ORDINALS = {"st", "nd", "rd", "th"}


@dataclass(frozen=True)
class OddCells:
    """What a column of text nearly is.

    kind: as which it is known to tests and pages.  sentence: with the offending cells.  read_as: a kind of
    `kanlab.data.reading.column_types.KINDS` that makes a quantity or dates of it; "" where none does.  bad: the few cells that
    are of none of it.
    """

    kind: str
    sentence: str
    read_as: str = ""
    bad: tuple[str, ...] = ()

    def advice(self, column: str) -> str:
        """What to do, for whoever reads the table again."""
        if not self.read_as:
            return ""
        option = f"--read {short(column, 30)}={self.read_as}"
        return say(
            "To use it so, read it as {read_as} (Reading on the Data page, {option}).",
            read_as=self.read_as,
            option=option,
        )


def odd_cells(column: pd.Series) -> OddCells | None:
    """What a column of text nearly is; None where it is plain text, or no text at all.

    >>> odd_cells(pd.Series(["15:58", "22:19", "4:44"], name="start")).sentence
    "'start' holds clock times such as '15:58', '22:19', which are text: read as hours, 15:30 is 15.5."
    """
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return None
    present = column.dropna().iloc[:MOST_CELLS].astype("str").str.strip()
    present = present[~present.isin(MISSING)]
    if len(present) < 3:
        return None
    cells = present.unique()[:MOST_UNIQUE].tolist()
    looked = present[present.isin(cells)]
    name, looks = str(column.name), (_codes, _times, _percents, _limits, _units, _dates)
    found = (look(name, cells, looked) for look in looks)
    return next((odd for odd in found if odd is not None), None) or _numbers(name, cells, present)


def odd_columns(frame: pd.DataFrame) -> Iterator[tuple[str, OddCells]]:
    """The odd columns of a table."""
    for name in frame.columns:
        if (odd := odd_cells(frame[name])) is not None:
            yield str(name), odd


def _share(cells: list[str], present: pd.Series, good: Callable[[str], bool]) -> tuple[float, list[str]]:
    """The share of the cells that are good, and those that are not, once each."""
    bad = [c for c in cells if not good(c)]
    return 1 - float(present.isin(bad).mean()), bad


def _codes(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    if not is_code(present):
        return None
    zeros = [c for c in cells if c.startswith("0") and len(c) > 1]
    if zeros:
        return OddCells(
            marked("code"),
            say(
                "{name} holds codes with leading zeros such as {zeros}: they are text, no quantity.",
                name=quoted(name),
                zeros=listing(zeros[:2]),
            ),
            "number",
        )
    return OddCells(
        marked("long number"),
        say(
            "{name} holds numbers of {digits} digits such as {example}: they are text, as identifiers are, since a "
            "number would lose digits.",
            name=quoted(name),
            digits=len(cells[0]),
            example=listing(cells[:1]),
        ),
    )


def _times(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    share, bad = _share(cells, present, lambda c: not isnan(hours_of(c)))
    if share < ENOUGH:
        return None
    good = [c for c in cells if c not in bad][:2]
    shown = {"name": quoted(name), "good": listing(good)}
    sentence = (
        say(
            "{name} holds clock times such as {good} but for {bad}, which are text: read as hours, 15:30 is 15.5.",
            bad=listing(bad, 3),
            **shown,
        )
        if bad
        else say("{name} holds clock times such as {good}, which are text: read as hours, 15:30 is 15.5.", **shown)
    )
    return OddCells(marked("time"), sentence, "time", tuple(bad))


def _decimal(cells: list[str], kind: str) -> str:
    """The sign that reads more cells."""
    hits = {sign: sum(not isnan(number_of(c, sign, kind=kind)) for c in cells) for sign in (".", ",")}
    return max(hits, key=lambda sign: hits[sign])


def _percents(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    sign = _decimal(cells, "fraction")
    share, _ = _share(cells, present, lambda c: not isnan(number_of(c, sign, kind="fraction")))
    percents = [c for c in cells if "%" in c]
    plain = [c for c in cells if "%" not in c]
    if share < ENOUGH or not percents or not plain:
        return None
    return OddCells(
        marked("percent"),
        say(
            "{name} holds percents beside plain numbers ({percents} beside {plain}), no single quantity: read as "
            "fractions, 9.5% is 0.095.",
            name=quoted(name),
            percents=listing(percents[:2]),
            plain=listing(plain[:2]),
        ),
        "fraction",
    )


def _limits(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    sign = _decimal(cells, "limit")
    share, _ = _share(cells, present, lambda c: not isnan(number_of(c, sign, kind="limit")))
    limits = [c for c in cells if LIMIT.match(c) and not isnan(number_of(c, sign, kind="limit"))]
    if share < ENOUGH or not limits:
        return None
    rows = int(present.isin(limits).sum())
    return OddCells(
        marked("limit"),
        say(
            "{name} holds limits such as {limits} in {rows:,} cells beside numbers, so it is text: read as limits, <0.5 "
            "is 0.5; as numbers, it is missing.",
            name=quoted(name),
            limits=listing(limits, 2),
            rows=rows,
        ),
        "limit",
    )


def _units(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    units = units_in(present)
    if len(units) < ENOUGH * len(present):
        return None
    kinds = units.value_counts()
    if len(kinds) > 4 or set(kinds.index) <= _ORDINALS:
        return None  # words that begin with a number, such as 1st
    example = listing([c for c in cells if c.endswith(str(kinds.index[0]))][:2])
    if len(kinds) > 1:
        return OddCells(
            marked("units"),
            say(
                "{name} holds numbers in more than one unit ({units}), such as {example}, so it is text: write them in "
                "one unit.",
                name=quoted(name),
                units=listing(kinds.index),
                example=example,
            ),
        )
    return OddCells(
        marked("unit"),
        say(
            "{name} holds numbers with a unit such as {example}, which are text: read as numbers, they are in {unit}.",
            name=quoted(name),
            example=example,
            unit=kinds.index[0],
        ),
        "number",
    )


def _dates(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    read = {order: {c for c in cells if date_of(c, "", order) is not None} for order in ("day", "month")}
    every = read["day"] | read["month"]
    share, bad = _share(cells, present, lambda c: c in every)
    if share < ENOUGH:
        return None
    by_day, by_month = (sorted(read[a] - read[b]) for a, b in (("day", "month"), ("month", "day")))
    if by_day and by_month:
        return OddCells(
            marked("mixed dates"),
            say(
                "{name} holds dates with the day first ({by_day}) and with the month first ({by_month}), so it is text: "
                "read as dates, the rarer ones are missing.",
                name=quoted(name),
                by_day=listing(by_day[:2]),
                by_month=listing(by_month[:2]),
            ),
            "date",
        )
    if not bad:
        return None
    return OddCells(
        marked("almost dates"),
        say(
            "{name} holds dates but for {bad}, so it is text: read as dates, such cells are missing.",
            name=quoted(name),
            bad=listing(bad, 4),
        ),
        "date",
        tuple(bad),
    )


def _numbers(name: str, cells: list[str], present: pd.Series) -> OddCells | None:
    """Of all that is present, so that a single word far down is found."""
    sign = _decimal(cells, "number")
    doubtful = present[pd.to_numeric(present.astype("object"), errors="coerce").isna()]
    bad = [c for c in doubtful.unique() if isnan(number_of(c, sign))][: MOST_WORDS + 1]
    few = 0 < len(bad) <= MOST_WORDS and float(present.isin(bad).mean()) <= 1 - ENOUGH
    if len(present) < FEWEST_NUMBERS or not few:
        return None
    return OddCells(
        marked("almost numbers"),
        say(
            "{name} holds numbers except for {words}, so it is text: read as numbers, such cells are missing.",
            name=quoted(name),
            words=listing(bad, MOST_WORDS),
        ),
        "number",
        tuple(bad),
    )
