"""Columns of text that stand for something else: numbers with signs and separators, booleans, dates."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from kanlab.data.reading.cell_rules import (
    AROUND_DIGITS,
    BELOW_ZERO,
    BOOLEANS,
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

KINDS = ("number", "text", "date", "boolean", "leave out")
_MONEY = re.compile(f"({CURRENCY})")


@dataclass(frozen=True)
class Reading:
    """A column as something else than text, and what was done, for the report."""

    values: pd.Series
    kind: str
    detail: str = ""


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
    kind: asked for; then cells of any other kind become missing.
    """
    text = column.astype("str").str.strip()
    text = text.where(~text.isin(set(missing)))
    present = text.dropna()
    if present.empty:
        return Reading(text, "text")
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
    return Reading((folded == true).astype("boolean").where(folded.notna()), "boolean", f"'{true}' counts as true")


# ---- numbers


def _number(text: pd.Series, present: pd.Series, decimal: str, thousands: str | None, lenient: bool) -> Reading | None:
    """Numbers with thousands separators, currency or percent signs, a typographic minus, or brackets for a minus."""
    sample = present.iloc[:SAMPLE]
    if not lenient and not sample.str.contains(r"\d").all():
        return None
    signs = conventions(decimal) if thousands is None else [(decimal, thousands)]
    best: tuple[int, str, str] | None = None
    for point, group in signs:
        whole = amount_pattern(point, group)
        hits = int(sample.str.match(whole).sum())
        if hits == len(sample) and bool(present.str.match(whole).all()):
            return _as_number(text, point, group)
        if lenient and hits and (best is None or hits > best[0]):
            best = (hits, point, group)
    return _as_number(text, best[1], best[2]) if best else None


def _as_number(text: pd.Series, decimal: str, thousands: str) -> Reading | None:
    present = text.dropna()
    percent = present.str.contains("%", regex=False)
    symbols = set(present.iloc[: 10 * SAMPLE].str.extract(_MONEY)[0].dropna().unique())
    if len(symbols) > 1 or (percent.any() and symbols):
        return None  # amounts in different units are not one quantity
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
        details.append("percent signs taken off: 12% is read as 12")
    if symbols:
        details.append(f"currency {symbols.pop()} taken off")
    if thousands and bare.ne(text).any() and present.str.contains(rf"\d{re.escape(thousands)}\d{{3}}").any():
        names = {",": "commas", ".": "points", " ": "spaces", "'": "apostrophes"}
        details.append(f"thousands separated by {names.get(thousands, thousands)}")
    if decimal == "," and present.str.contains(r",\d+\D*$").any():
        details.append("decimal comma")
    whole = values.dropna()
    if len(whole) == len(values) and (whole % 1 == 0).all() and whole.abs().max() < 2**53:
        values = values.astype("int64")
    return Reading(values, "number", ", ".join(details))


# ---- dates


def _date(text: pd.Series, present: pd.Series, day_first: bool | None, decimal: str, lenient: bool) -> Reading | None:
    sample = present.iloc[:SAMPLE]
    if not lenient and not sample.str.match(LOOKS_DATED).all():
        return None
    zone = sample.str.contains(r"\d{2}:\d{2}.*(?:Z|[+-]\d{2}:?\d{2})$").any()
    if sample.str.match(ISO_TIME).all():
        values = pd.to_datetime(text, format="ISO8601", errors="coerce", utc=bool(zone))
        if values.notna().sum() == len(present):
            values = values.dt.tz_localize(None) if zone else values
            return Reading(values, "date", "dates and times" + (", turned to UTC" if zone else ""))
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
    detail = f"dates as {_words(form)}"
    days = [(f, v) for f, v in whole if f.startswith("%d")]
    months = [(f, v) for f, v in whole if f.startswith("%m")]
    if days and months:
        first = decimal == "," if day_first is None else day_first
        form, values = (days if first else months)[0]
        detail = f"dates as {_words(form)}" + (
            "; day and month could be the other way round" if day_first is None else ""
        )
    return Reading(values, "date", detail)


def _words(form: str) -> str:
    names = {
        "%Y": "year", "%y": "year", "%m": "month", "%d": "day", "%b": "month", "%B": "month",
        "%H:%M:%S.%f": "time", "%H:%M:%S": "time", "%H:%M": "time", "%I:%M:%S %p": "time", "%I:%M %p": "time",
    }  # fmt: skip
    form = form.replace("年", "-").replace("月", "-").replace("日", "")
    for code, name in sorted(names.items(), key=lambda item: -len(item[0])):
        form = form.replace(code, name)
    return form
