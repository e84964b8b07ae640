"""What a table looks like to a fit: each column in numbers, and warnings in plain words with what to do about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kanlab.encoding import MAX_LEVELS, as_text, is_date, is_numeric, missing
from kanlab.findings import ColumnProfile, Finding, Kind, findings

__all__ = ["ColumnProfile", "Finding", "Profile", "profile"]

HISTOGRAM_BINS = 12


@dataclass(frozen=True)
class Profile:
    """Columns in the order of the table, and warnings, the gravest first."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    warnings: tuple[Finding, ...]

    def __getitem__(self, name: str) -> ColumnProfile:
        return next(c for c in self.columns if c.name == name)


def profile(frame: pd.DataFrame, target: str | None = None) -> Profile:
    """Describe a table, and where a target is given, judge the other columns beside it."""
    columns = tuple(_column(frame[c]) for c in frame.columns)
    found = findings(frame, columns, target)
    named = {c.name: tuple(w.kind for w in found if c.name in w.columns) for c in columns}
    described = tuple(_with_warnings(c, named[c.name]) for c in columns)
    return Profile(len(frame), described, found)


# ---- a column


def _column(column: pd.Series) -> ColumnProfile:
    name, gaps = str(column.name), int(missing(column).sum())
    present = column[~missing(column)]
    unique = int(present.nunique())
    kind = _kind(column, present, unique)
    if is_numeric(column) or is_date(column):
        values = present.astype("int64") if is_date(column) else present.astype(float)
        bins = _counts(values.to_numpy(dtype=float))
        write = _date if is_date(column) else _number
        low, middle, high = (
            (write(v) for v in (present.min(), present.median(), present.max())) if len(present) else ("", "", "")
        )
        if column.dtype == bool or kind == "boolean":
            low, middle, high = "", "", ""
            bins = [int((~present.astype(bool)).sum()), int(present.astype(bool).sum())]
        return ColumnProfile(name, kind, gaps, unique, low, middle, high, tuple(bins))
    counts = as_text(present).value_counts()
    frequent = str(counts.index[0]) if len(counts) else ""
    return ColumnProfile(name, kind, gaps, unique, "", frequent, "", tuple(int(n) for n in counts.head(HISTOGRAM_BINS)))


def _kind(column: pd.Series, present: pd.Series, unique: int) -> Kind:
    if unique <= 1:
        return "constant"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if is_date(column):
        return "date"
    if is_numeric(column):
        return "whole number" if bool((present % 1 == 0).all()) else "number"
    return "category" if unique <= MAX_LEVELS else "text"


def _counts(values: NDArray[np.float64]) -> list[int]:
    """Rows in equal bins; values too large for a difference are drawn together."""
    if not len(values):
        return []
    shown = np.clip(values, -1e300, 1e300)
    span = np.ptp(shown) or 1.0
    # np.histogram refuses values that differ by less than it can cut in twelve
    places = ((shown - shown.min()) / span * HISTOGRAM_BINS).astype(int)
    return np.bincount(np.minimum(places, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS).tolist()


def _number(value: float) -> str:
    return f"{value:,.0f}" if float(value).is_integer() and abs(value) < 1e9 else f"{value:.4g}"


def _date(value: pd.Timestamp) -> str:
    return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"


def _with_warnings(column: ColumnProfile, kinds: tuple[str, ...]) -> ColumnProfile:
    return ColumnProfile(**(vars(column) | {"warnings": kinds}))
