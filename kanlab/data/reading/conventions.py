"""How the cells of a table are written: what reading it found, kept so that every later table is read alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import msgspec
import numpy as np
import pandas as pd

from kanlab.arrays import Array, Index
from kanlab.data.reading.cell_rules import DATES, MISSING
from kanlab.data.reading.cells import (
    boolean_of,
    cells_as,
    date_of,
    guessed_reader,
    likelier_order,
    missing_numbers,
    missing_words,
    number_guess,
    number_of,
    order_of,
    reads_most,
)
from kanlab.language import say
from kanlab.text import listing, quoted

KEY = "kanlab"  # of the attributes of a data frame

ColumnKind = Literal["number", "fraction", "limit", "time", "boolean", "date", "text"]
Sign = Literal["", ".", ","]
DAY_FIRST, MONTH_FIRST = "%d/%m/%Y", "%m/%d/%Y"


@dataclass(frozen=True)
class ColumnConvention:
    """How the cells of a column are written.

    Parameters
    ----------
    kind : str
        What they are; a "fraction" may be in percent, a "limit" may be <0.5, a "time" is 15:30.
    decimal : {"", ".", ","}
        The decimal sign; "" where no cell shows one.
    unit : str
        What numbers bear: a currency, % or another unit.
    date : str
        The format of dates, one of DATES or "%Y%m%d"; "" for ISO dates and times.
    words : tuple of str
        Of a boolean, the word for false and the one for true.

    Raises
    ------
    ValueError
        Where there is no such format, or one word alone.

    Examples
    --------
    >>> ColumnConvention("date", date="%d/%m/%Y").said
    'dates as day/month/year'
    """

    kind: ColumnKind = "text"
    decimal: Sign = ""
    unit: str = ""
    date: str = ""
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.date not in ("", "%Y%m%d", *DATES):
            raise ValueError("date")
        if len(self.words) not in (0, 2):
            raise ValueError("words")

    @property
    def said(self) -> str:
        """What its cells are, in a few words."""
        if self.kind == "date":
            return dates_as(self.date) if self.date else say("dates as year-month-day")
        if self.kind == "boolean":
            return listing(self.words)
        if self.kind in ("time", "text"):
            return {"time": say("clock times"), "text": say("text")}[self.kind]
        if self.unit:
            return {
                "": say("numbers in {unit}", unit=self.unit),
                ".": say("numbers with a decimal point in {unit}", unit=self.unit),
                ",": say("numbers with a decimal comma in {unit}", unit=self.unit),
            }[self.decimal]
        return {
            "": say("numbers"),
            ".": say("numbers with a decimal point"),
            ",": say("numbers with a decimal comma"),
        }[self.decimal]


@dataclass(frozen=True)
class Conventions:
    """How a table is written, and each of its columns by name; what is not there is recognised in each table anew.

    Parameters
    ----------
    decimal : {"", ".", ","}
        The decimal sign of the table; "" where it shows none.
    missing : tuple of str
        The words for a missing value.
    columns : mapping of str to ColumnConvention
        Its columns.
    cells : bool
        Whether the columns of the data frame still hold the cells as they were written.

    Examples
    --------
    >>> known = Conventions(",", columns={"x": ColumnConvention("number", ",")})
    >>> known.read(pd.Series(["1.500", "?", "many"], name="x"), "number")[0].tolist()
    [1500.0, nan, nan]
    """

    decimal: Sign = ""
    missing: tuple[str, ...] = MISSING
    columns: Mapping[str, ColumnConvention] = field(default_factory=dict)
    cells: bool = False

    # ---- carried by a data frame

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Conventions:
        """Those of the table a data frame was read from; none where it comes from elsewhere."""
        try:
            return msgspec.json.decode(frame.attrs.get(KEY, b""), type=cls)
        except (ValueError, TypeError):
            return cls()

    def put_on(self, frame: pd.DataFrame) -> None:
        """Have a data frame carry them: as text, which pandas copies for nothing and can write down."""
        frame.attrs[KEY] = msgspec.json.encode(self).decode()

    # ---- parts of them, and others

    def only(self, names: Iterable[str]) -> Conventions:
        """Those of some columns."""
        wanted = set(names)
        return replace(self, columns={c: how for c, how in self.columns.items() if c in wanted}, cells=False)

    def overruled(
        self,
        decimal: str | None = None,
        day_first: bool | None = None,
        missing: tuple[str, ...] | None = None,
        kinds: Mapping[str, str] | None = None,
    ) -> Conventions:
        """The same but for what is said of a table: None leaves it."""
        columns = dict(self.columns)
        for name, kind in (kinds or {}).items():
            if kind != "leave out":
                columns[name] = replace(columns.get(name, ColumnConvention()), kind=kind)  # type: ignore[arg-type]
        if decimal is not None:
            columns = {c: replace(how, decimal=decimal) for c, how in columns.items()}  # type: ignore[arg-type]
        if day_first is not None:
            form = DAY_FIRST if day_first else MONTH_FIRST
            columns = {c: replace(how, date=form) if how.kind == "date" else how for c, how in columns.items()}
        changed = replace(self, columns=columns, missing=self.missing if missing is None else missing)
        return changed if decimal is None else replace(changed, decimal=decimal)  # type: ignore[arg-type]

    # ---- cells

    def read(self, column: pd.Series, kind: ColumnKind) -> tuple[pd.Series, list[str]]:
        """Cells of text as numbers (booleans as 1 and 0) or dates, and those that are neither, once each.

        kind: what to make of a column that the conventions do not know; how its cells are written is then guessed from them.
        """
        how = self.columns.get(str(column.name)) or ColumnConvention(kind)
        if how.kind == "text":
            how = replace(how, kind=kind)
        text = column.astype("str").str.strip()
        missing = missing_words(self.missing)
        if how.kind == "date":
            codes, cells = _unique(text)
            order = order_of(how.date)
            if not order:
                order = likelier_order((c for c in cells if not missing(c)), how.decimal or self.decimal)
            dates, bad = cells_as(cells, missing, partial(date_of, form=how.date, order=order), None)
            values = pd.Series(pd.to_datetime(pd.Series(dates, dtype="object"), errors="coerce"))
            return _taken(values, codes, column), bad
        numbers, bad = self._numbers(text, how, guess=kind == "number" and str(column.name) not in self.columns)
        return pd.Series(numbers, column.index, name=column.name), bad

    def _numbers(self, text: pd.Series, how: ColumnConvention, *, guess: bool) -> tuple[Array, list[str]]:
        """Cells as numbers, nan where one is missing or none, and those that are none, once each.

        Plain numbers, most of a large table, are read at once; the rule of single cells is for the others.
        """
        missing, sign = missing_words(self.missing), how.decimal or self.decimal or "."
        reader = self.number_reader(how)
        numbers = np.full(len(text), np.nan)
        others = np.ones(len(text), dtype=bool)
        if guess or how.kind in ("number", "fraction", "limit"):
            numbers = plain_numbers(text, sign)
            others = np.isnan(numbers)
            numbers[np.isin(numbers, list(self.missing_numbers)) | text.isin(set(self.missing))] = np.nan
        codes, cells = _unique(text[others])
        if guess:
            present = [c for c in cells if not missing(c)]
            if others.all() or not reads_most(present, sign):  # plain numbers may be none by the sign that reads most
                others[:] = True
                codes, cells = _unique(text)
                present = [c for c in cells if not missing(c)]
            reader = guessed_reader(present, sign) or reader if others.all() else number_guess(present, sign)
        values, bad = cells_as(cells, missing, reader, np.nan)
        numbers[others] = np.where(codes < 0, np.nan, np.array([*values, np.nan])[codes])
        return numbers, bad

    def number_reader(self, how: ColumnConvention) -> Callable[[str], float]:
        """What turns a cell of a column into a number."""
        if how.kind == "boolean":
            return partial(boolean_of, words=how.words)
        return partial(number_of, decimal=how.decimal or self.decimal or ".", unit=how.unit, kind=how.kind)

    @property
    def missing_numbers(self) -> set[float]:
        """Numbers that stand for a missing value."""
        return missing_numbers(self.missing)

    def complaint(self, name: str, bad: list[str], kind: ColumnKind, counts: str) -> str:
        """What to say of cells that cannot be read. counts: what they count as."""
        how = self.columns.get(name) or ColumnConvention(kind)
        if not how.decimal and how.kind in ("number", "fraction", "limit"):
            how = replace(how, decimal=self.decimal)
        advice = (
            ""
            if how.kind in ("boolean", "time")
            else say("If they are written otherwise, say so: overrule the order of day and month.")
            if how.kind == "date"
            else say("If they are written otherwise, say so: overrule the decimal sign.")
        )
        words = ", ".join(quoted(cell, 30) for cell in bad[:3])
        words = say("{names} and {more} more", names=words, more=len(bad) - 3) if len(bad) > 3 else words
        sentence = say(
            "{name} holds {words}, and in training it held {said}: such cells count as {counts}.",
            name=quoted(name),
            words=words,
            said=how.said,
            counts=say(counts),
        )
        return f"{sentence} {advice}".rstrip()


def plain_numbers(text: pd.Series, decimal: str) -> Array:
    """The cells that are digits and one decimal sign as numbers, all at once; nan where a cell is anything else.

    Each is what the rule of single cells makes of it; a cell that only that rule can read is among the others.

    >>> plain_numbers(pd.Series(["1,5", "-2e3", "1.500", "many"]), ",").tolist()
    [1.5, -2000.0, nan, nan]
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = pa.array(text.astype("str"), type=pa.large_string())
    point = re.escape(decimal)
    plain = rf"^-?(?:[0-9]{{1,40}}(?:{point}[0-9]{{0,40}})?|{point}[0-9]{{1,40}})(?:[eE][+-]?[0-9]{{1,2}})?$"
    cells = pc.if_else(pc.match_substring_regex(cells, plain), cells, None)
    if decimal != ".":
        cells = pc.replace_substring(cells, decimal, ".")
    values: Array = pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)
    return values.copy()  # which may be written to


def _unique(text: pd.Series) -> tuple[Index, list[str]]:
    """Which of its unique cells each row holds, -1 for none, and the unique cells."""
    codes, cells = pd.factorize(text)
    return codes, pd.Index(cells).to_numpy(dtype=object).tolist()


def _taken(values: pd.Series, codes: Index, column: pd.Series) -> pd.Series:
    """Values of unique cells back in their rows, missing where there is none."""
    rows = values.reindex(np.where(codes < 0, len(values), codes))
    return rows.set_axis(column.index).rename(column.name)


def dates_as(form: str) -> str:
    """What a column of dates is read as, its format in words."""
    year, month, day, time = say("year"), say("month"), say("day"), say("time")
    names = {
        "%Y": year, "%y": year, "%m": month, "%d": day, "%b": month, "%B": month,
        "%H:%M:%S.%f": time, "%H:%M:%S": time, "%H:%M": time, "%I:%M:%S %p": time, "%I:%M %p": time,
    }  # fmt: skip
    form = form.replace("年", "-").replace("月", "-").replace("日", "")
    for code, name in sorted(names.items(), key=lambda item: -len(item[0])):
        form = form.replace(code, name)
    return say("dates as {form}", form=form)
