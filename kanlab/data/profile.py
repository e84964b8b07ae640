"""A table described: each column in numbers, and warnings in plain words with what to do about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.checks import TableWarning, table_warnings
from kanlab.data.column_checks import repeated_rows
from kanlab.data.column_profile import ColumnProfile, Kind
from kanlab.data.encoders import as_text, is_date, is_numeric, missing
from kanlab.data.preparation import MAX_LEVELS

HISTOGRAM_BINS = 12


@dataclass(frozen=True)
class Profile:
    """Columns in the order of the table, and warnings, the gravest first. copies: rows that repeat others."""

    rows: int
    columns: tuple[ColumnProfile, ...]
    warnings: tuple[TableWarning, ...]
    copies: int = 0

    def __getitem__(self, name: str) -> ColumnProfile:
        return next(c for c in self.columns if c.name == name)


def profile(frame: pd.DataFrame, target: str | None = None) -> Profile:
    """Describe a table, and check it for what a fit would suffer from.

    Parameters
    ----------
    frame : pandas.DataFrame
        The table, as `read_table` gives it.
    target : str, optional
        The column to predict; the others are then checked against it.

    Returns
    -------
    Profile
        Its columns in numbers, and warnings, the gravest first.

    Examples
    --------
    >>> frame = pd.DataFrame({"x": [0.5, 1.5, 2.5, None], "same": 7})
    >>> found = profile(frame)
    >>> found["x"].minimum, found["x"].maximum, found["x"].unique, found["x"].missing
    ('0.5', '2.5', 3, 1)
    >>> [warning.kind for warning in found.warnings]
    ['constant', 'missing', 'few rows']
    """
    columns = tuple(_column(frame[c]) for c in frame.columns)
    copies = repeated_rows(frame)
    found = table_warnings(frame, columns, target, copies)
    named = {c.name: tuple(w.kind for w in found if c.name in w.columns) for c in columns}
    described = tuple(_with_warnings(c, named[c.name]) for c in columns)
    return Profile(len(frame), described, found, copies)


# ---- a column


def _column(column: pd.Series) -> ColumnProfile:
    name, gone = str(column.name), missing(column)
    gaps, present = int(gone.sum()), column[~gone]
    if is_numeric(column) and not pd.api.types.is_bool_dtype(column):
        return _of_numbers(name, gaps, np.sort(present.to_numpy(dtype=float)))
    unique = int(present.nunique())
    kind = _kind(column, unique)
    if pd.api.types.is_bool_dtype(column):
        true = int(present.astype(bool).sum())
        return ColumnProfile(name, kind, gaps, unique, "", "", "", (len(present) - true, true))
    if is_date(column):
        low, middle, high = (
            (_date(v) for v in (present.min(), present.median(), present.max())) if len(present) else ("", "", "")
        )
        bins = _counts(present.astype("int64").to_numpy(dtype=float))
        return ColumnProfile(name, kind, gaps, unique, low, middle, high, bins)
    counts = as_text(present).value_counts()
    frequent = str(counts.index[0]) if len(counts) else ""
    return ColumnProfile(name, kind, gaps, unique, "", frequent, "", tuple(int(n) for n in counts.head(HISTOGRAM_BINS)))


def _of_numbers(name: str, gaps: int, values: Array) -> ColumnProfile:
    """A column of numbers from its values in ascending order."""
    if not len(values):
        return ColumnProfile(name, "constant", gaps, 0, "", "", "", ())
    unique = 1 + int(np.count_nonzero(values[1:] > values[:-1]))
    whole = bool((np.floor(values) == values).all())
    kind: Kind = "constant" if unique == 1 else "whole number" if whole else "number"
    middle = values[(len(values) - 1) // 2] / 2 + values[len(values) // 2] / 2
    low, median, high = (_number(float(v)) for v in (values[0], middle, values[-1]))
    return ColumnProfile(name, kind, gaps, unique, low, median, high, _counts(values))


def _kind(column: pd.Series, unique: int) -> Kind:
    """Of what is no number."""
    if unique <= 1:
        return "constant"
    if pd.api.types.is_bool_dtype(column):
        return "boolean"
    if is_date(column):
        return "date"
    return "category" if unique <= MAX_LEVELS else "text"


def _counts(values: Array) -> tuple[int, ...]:
    """Rows in equal bins; values too large for a difference are drawn together."""
    if not len(values):
        return ()
    shown = np.clip(values, -1e300, 1e300)
    span = np.ptp(shown) or 1.0
    # np.histogram refuses values that differ by less than it can cut in twelve
    places = ((shown - shown.min()) / span * HISTOGRAM_BINS).astype(int)
    return tuple(np.bincount(np.minimum(places, HISTOGRAM_BINS - 1), minlength=HISTOGRAM_BINS).tolist())


def _number(value: float) -> str:
    size = abs(value)
    if size < 1e9 and (float(value).is_integer() or size >= 1000):
        return f"{value:.0f}" if size < 10_000 else f"{value:,.0f}"  # years have no separator
    return f"{value:.4g}"


def _date(value: pd.Timestamp) -> str:
    return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"


def _with_warnings(column: ColumnProfile, kinds: tuple[str, ...]) -> ColumnProfile:
    return ColumnProfile(**(vars(column) | {"warnings": kinds}))
