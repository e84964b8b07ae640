"""Columns of text that stand for something else: numbers with signs and separators, booleans, dates."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from kanlab.data.reading.cell_rules import (
    AROUND_DIGITS,
    BELOW_ZERO,
    BOOLEANS,
    COMPACT_DATE,
    CURRENCY,
    DATES,
    ISO_TIME,
    LOOKS_DATED,
    MISSING,
    SAMPLE,
    TIMES,
    amount_pattern,
    conventions,
    group_pattern,
)
from kanlab.data.reading.cells import LIMIT, number_of
from kanlab.data.reading.conventions import ColumnConvention, ColumnKind, Conventions, Sign, dates_as
from kanlab.language import marked, say
from kanlab.text import agreeing

KINDS = ("number", "text", "date", "boolean", "fraction", "limit", "time", "leave out")
_BY_CELL: tuple[ColumnKind, ...] = ("number", "fraction", "limit", "time")
_EXACT_DIGITS = 16  # from here on a whole number may be more than a float64 keeps
# a number and what follows it: 73.1 kg, 10mg, 20 °C, 5 m/s
_UNIT = r"[^\W\d_][^\W\d]{0,11}(?:[/·^²³-][\w²³^-]{1,8})?|[°µ][A-Za-z]{0,3}"
_UNIT = r"[^\W\d_][^\W\d]{0,11}(?:[/·^²³-][\w²³^-]{1,8})?|[°µ][A-Za-z]{0,3}"
_WITH_UNIT = re.compile(rf"^[+\-−]?\d[\d.,'’\u00a0\u202f ]*?\s?({_UNIT})$")
_MONEY = re.compile(f"({CURRENCY})")


@dataclass(frozen=True)
class Reading:
    """A column as something else than text, what was done, for the report, and how its cells are written."""

    values: pd.Series
    kind: str
    detail: str = ""
    convention: ColumnConvention = ColumnConvention()


def read_text(
    column: pd.Series,
    *,
    decimal: str = ".",
    thousands: str | None = None,
    day_first: bool | None = None,
    missing: tuple[str, ...] = MISSING,
    kind: str | None = None,
) -> Reading:
    """What a column of text stands for.

    decimal: of the table; a column that cannot be read with it is tried with the other one, if thousands is not given.
    kind: asked for; then cells of any other kind become missing.  Codes with leading zeros, whole numbers too long for a
    float64, and numbers beside percents or with units stay text unless a kind is asked for.
    """
    text = column.astype("str").str.strip()
    text = text.where(~text.isin(set(missing)))
    present = text.dropna()
    if present.empty:
        return Reading(text, "text")
    if kind in _BY_CELL and (kind != "number" or unit_of(present)):
        return _by_cell(text, present, kind, decimal, missing)
    if kind in (None, "boolean") and (found := _boolean(text, present)):
        return found
    if kind in (None, "number") and (found := _number(text, present, decimal, thousands, lenient=kind is not None)):
        return found
    if kind in (None, "date") and (found := _date(text, present, day_first, decimal, lenient=kind is not None)):
        return found
    return Reading(text, "text")


def _boolean(text: pd.Series, present: pd.Series) -> Reading | None:
    sample = present.iloc[:SAMPLE].str.casefold().unique()
    if len(sample) > 2:
        return None
    folded = text.str.casefold()
    values = frozenset(folded.dropna().unique())
    true = BOOLEANS.get(values)
    if true is None:
        return None
    spelled = text.value_counts().index
    words = tuple(next(w for w in spelled if w.casefold() == word) for word in sorted(values, key=lambda w: w == true))
    known = (folded == true).astype("boolean").where(folded.notna())
    return Reading(
        known, "boolean", say("'{true}' counts as true", true=true), ColumnConvention("boolean", words=words)
    )


# ---- cell by cell, where that was asked for


def unit_of(cells: pd.Series) -> str:
    """The unit that most cells of a column bear beside a number, such as kg; "" where there is none."""
    units = units_in(cells.iloc[:SAMPLE].str.replace(LIMIT, "", regex=True))
    return str(units.mode().iloc[0]) if 2 * len(units) > min(len(cells), SAMPLE) else ""


def units_in(cells: pd.Series) -> pd.Series:
    """The units of those cells that are a number with one that is no currency."""
    found = cells.str.extract(_WITH_UNIT)[0].dropna()
    return found[~found.str.fullmatch(CURRENCY)]


def _by_cell(text: pd.Series, present: pd.Series, kind: str, decimal: str, missing: tuple[str, ...]) -> Reading:
    """Each cell by itself, as it will be in new rows; what is none of the kind becomes missing."""
    unit = unit_of(present) if kind in ("number", "limit") else ""
    sample = present.iloc[:SAMPLE]
    signs: list[Sign] = [".", ","] if decimal == "." else [",", "."]
    best = max(signs, key=lambda d: sum(number_of(c, d, unit, kind) == number_of(c, d, unit, kind) for c in sample))
    how = ColumnConvention(kind, "" if kind == "time" else best, unit)  # type: ignore[arg-type]
    name = str(text.name)
    values, lost = Conventions(best, missing, {name: how}).read(text.rename(name), how.kind)
    if values.isna().all():
        return Reading(text, "text")
    said = {
        "fraction": say("9.5% is read as 0.095"),
        "limit": say("<0.5 is read as 0.5"),
        "time": say("15:30 is read as 15.5"),
    }
    details = [said[kind]] if kind in said else []
    details += [say("{unit} taken off", unit=unit)] if unit else []
    if lost:
        details.append(
            say(
                "{lost:,} {unique_cells_are} none and missing",
                lost=len(lost),
                unique_cells_are=agreeing(len(lost), "cell is", "unique cells are"),
            )
        )
    return Reading(_whole(values.rename(text.name)), kind, ", ".join(details), how)


def _whole(values: pd.Series) -> pd.Series:
    """As integers where nothing is lost."""
    present = values.dropna()
    exact = len(present) == len(values) and (present % 1 == 0).all() and present.abs().max() < 2**53
    return values.astype("int64") if exact else values


def is_code(cells: pd.Series) -> bool:
    """Whether cells are digits that are no quantity: with leading zeros, or longer than a float64 keeps."""
    if not cells.iloc[:SAMPLE].str.fullmatch(r"\d+").all() or not cells.str.fullmatch(r"\d+").all():
        return False
    zeros = (cells.str.len() > 1) & cells.str.startswith("0")
    return bool(zeros.any() or (cells.str.len() >= _EXACT_DIGITS).mean() > 0.9)


# ---- numbers


def _number(text: pd.Series, present: pd.Series, decimal: str, thousands: str | None, lenient: bool) -> Reading | None:
    """Numbers with thousands separators, currency or percent signs, a typographic minus, or brackets for a minus."""
    sample = present.iloc[:SAMPLE]
    if not lenient and (not sample.str.contains(r"\d").all() or is_code(present)):
        return None
    signs = conventions(decimal) if thousands is None else [(decimal, thousands)]
    best: tuple[int, str, str] | None = None
    for point, group in signs:
        whole = amount_pattern(point, group)
        hits = int(sample.str.match(whole).sum())
        if hits == len(sample) and bool(present.str.match(whole).all()):
            if point != decimal and not lenient and present.str.contains(point, regex=False).mean() < 0.5:
                return None  # beside 8.5 in other columns a rare 4,6 among 4 and 6 is a list
            return _as_number(text, point, group, lenient)
        if lenient and hits and (best is None or hits > best[0]):
            best = (hits, point, group)
    return _as_number(text, best[1], best[2], lenient) if best else None


def _as_number(text: pd.Series, decimal: str, thousands: str, lenient: bool) -> Reading | None:
    present = text.dropna()
    percent = present.str.contains("%", regex=False)
    symbols = set(present.iloc[: 10 * SAMPLE].str.extract(_MONEY)[0].dropna().unique())
    if len(symbols) > 1 or (percent.any() and symbols):
        return None  # amounts in different units are not one quantity
    if percent.any() and not percent.all():
        if not lenient:
            return None  # nor are 9.5% and 0.192
        text = text.where(~text.str.contains("%", regex=False).fillna(False).astype(bool))
        percent = percent & False
    negative = text.str.contains(BELOW_ZERO, regex=True).fillna(False)
    bare = text.str.replace(AROUND_DIGITS, "", regex=True)
    if thousands:
        bare = bare.str.replace(group_pattern(thousands), "", regex=True)
    if decimal != ".":
        bare = bare.str.replace(decimal, ".", regex=False)
    values = pd.to_numeric(bare.str.strip(), errors="coerce").astype(float)
    values = values.where(~negative.astype(bool), -values)
    details = []
    if percent.any():
        details.append(say("percent signs taken off: 12% is read as 12"))
    unit = "%" if percent.any() else "".join(symbols)
    if symbols:
        details.append(say("currency {unit} taken off", unit=unit))
    if thousands and bare.ne(text).any() and present.str.contains(rf"\d{re.escape(thousands)}\d{{3}}").any():
        names = {",": say("commas"), ".": say("points"), " ": say("spaces"), "'": say("apostrophes")}
        details.append(say("thousands separated by {signs}", signs=names.get(thousands, thousands)))
    if decimal == "," and present.str.contains(r",\d+\D*$").any():
        details.append(say("decimal comma"))
    shows = bare.str.contains(r"\.\d", regex=True).fillna(False).any() or bool(thousands in (".", ",") and details)
    how = ColumnConvention("number", decimal if shows else "", unit)  # type: ignore[arg-type]
    return Reading(_whole(values), "number", ", ".join(details), how)


# ---- dates


def _date(text: pd.Series, present: pd.Series, day_first: bool | None, decimal: str, lenient: bool) -> Reading | None:
    sample = present.iloc[:SAMPLE]
    if not lenient and not sample.str.match(LOOKS_DATED).all():
        return None
    if lenient and 2 * sample.str.fullmatch(COMPACT_DATE).sum() > len(sample):
        values = pd.to_datetime(text.where(text.str.fullmatch(COMPACT_DATE)), format="%Y%m%d", errors="coerce")
        return Reading(values, "date", COMPACT_DETAIL, ColumnConvention("date", date="%Y%m%d"))
    zone = sample.str.contains(r"\d{2}:\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$").any()
    if sample.str.match(ISO_TIME).all():
        values = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=bool(zone))
        if values.notna().sum() == len(present):
            values = values.dt.tz_localize(None) if zone else values
            detail = say("dates and times, turned to UTC") if zone else say("dates and times")
            return Reading(values, "date", detail, ColumnConvention("date"))
    fits = []
    for date in DATES:
        for time in TIMES:
            form = date + time
            parsed = pd.to_datetime(sample, format=form, errors="coerce")
            if parsed.notna().all() or (lenient and parsed.notna().any()):
                fits.append((int(parsed.notna().sum()), form))
    whole = []
    for _, form in sorted(fits, key=lambda f: -f[0])[:4]:
        values = pd.to_datetime(text, format=form, errors="coerce")
        if lenient or values.notna().sum() == len(present):
            whole.append((form, values))
    if not whole:
        return None
    form, values = whole[0]
    details = [dates_as(form)]
    days = [(f, v) for f, v in whole if f.startswith("%d")]
    months = [(f, v) for f, v in whole if f.startswith("%m")]
    if days and months and day_first is None and days[0][1].notna().sum() != months[0][1].notna().sum():
        pass  # more cells are dates in one of the orders, which was tried first
    elif days and months:
        first = decimal == "," if day_first is None else day_first
        form, values = (days if first else months)[0]
        details = [dates_as(form), *([say("day and month could be the other way round")] if day_first is None else [])]
    if lost := len(present) - int(values.notna().sum()):
        details.append(
            say("{lost:,} {cells_are} none and missing", lost=lost, cells_are=agreeing(lost, "cell is", "cells are"))
        )
    kept = next(d for d in DATES if form in {d + t for t in TIMES})
    return Reading(values, "date", "; ".join(details), ColumnConvention("date", date=kept))


COMPACT_DETAIL = marked("compact dates such as 20240131 (year, month, day)")


def compact_dates(column: pd.Series) -> pd.Series | None:
    """A column of whole numbers that all are dates such as 20240131, as dates; None where it is anything else."""
    present = column.dropna()
    if present.nunique() < 3 or present.min() < 19000101 or present.max() > 20991231 or (present % 1 != 0).any():
        return None
    text = column.astype("Int64").astype("str").where(column.notna())
    values = pd.to_datetime(text, format="%Y%m%d", errors="coerce")
    return values if values.notna().sum() == len(present) else None
