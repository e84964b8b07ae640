"""What the checks of a table measure: repeats, identifiers, outliers, tails, words among numbers, an order in time."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.column_profile import ColumnProfile
from kanlab.data.encoders import FEWEST_NAMES, to_numbers

OUTLIER_SPREADS = 6.0  # interquartile ranges beyond the quartiles
MOST_ROWS = 200_000  # looked at for correlations and repeated columns


def repeated_rows(frame: pd.DataFrame) -> int:
    """How many rows equal one above them in every column."""
    return int(pd.util.hash_pandas_object(frame, index=False).duplicated().sum())


def correlation(x: Array, y: Array) -> float:
    """Size of the correlation over the rows that have both; 0 for few rows."""
    both = np.isfinite(x) & np.isfinite(y)
    if both.sum() < 10:
        return 0.0
    a, b = x[both] / (np.abs(x[both]).max() or 1), y[both] / (np.abs(y[both]).max() or 1)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return abs(float(a @ b)) / size if size > 0 else 0.0


def skewness(x: Array) -> float:
    """Size of the third standardised moment; 0 for few rows or few values."""
    values = x[np.isfinite(x)]
    if len(values) < 20 or len(np.unique(values)) < 10:
        return 0.0
    scaled = values / (np.abs(values).max() or 1)
    centred = scaled - scaled.mean()
    spread = float(centred.std())
    return abs(float((centred**3).mean())) / spread**3 if spread > 1e-12 else 0.0


def outlier_count(x: Array) -> int:
    """How many values stand OUTLIER_SPREADS interquartile ranges beyond the quartiles; 0 for few rows."""
    values = x[np.isfinite(x)]
    if len(values) < 20:
        return 0
    low, high = np.quantile(values, [0.25, 0.75])
    with np.errstate(over="ignore"):
        reach = OUTLIER_SPREADS * 2 * (high / 2 - low / 2)
        return int(((values < low - reach) | (values > high + reach)).sum()) if reach > 0 else 0


_FEWEST_NUMBERS = 20  # of rows, by which running numbers are known
_LEFT = 2  # rows that were numbered, for each that is left
_NAMED_SO = re.compile(
    r"(^|[\W_])(id|index|nr|no|key|rowid|rownames?|row([\W_]?(names?|numbers?))?)$|[a-z](ID|Id)$|^unnamed: 0$",
    re.IGNORECASE,
)


def is_identifier(column: ColumnProfile, values: pd.Series, rows: int) -> bool:
    """Every row that has one its own value: a running number, or text."""
    present = rows - column.missing
    if column.unique < present or present < FEWEST_NAMES or 2 * column.missing > rows:
        return False
    if column.kind == "text":
        return True
    if column.kind != "whole number" or present < _FEWEST_NUMBERS:
        return False
    numbers = to_numbers(values.dropna().drop_duplicates())
    return numbers_the_rows(numbers) or bool(_NAMED_SO.search(column.name))


def numbers_the_rows(numbers: Array) -> bool:
    """Whether different whole numbers (n,) count rows: one after the other, or in any order where they are some of the first
    2n, as those of the rows that a split has left. Counted in steps of another size they are an axis, such as hours.

    >>> left = np.array([17, 3, 11, 8, 0, 19, 12, 15, 6, 1])
    >>> [numbers_the_rows(x) for x in (np.arange(9, 0, -1), left, 5 * left, np.arange(0, 20, 2))]
    [True, True, False, False]
    """
    steps = np.diff(numbers)
    if (steps == steps[:1]).all():
        return bool((np.abs(steps) == 1).all())
    most = _LEFT * len(numbers)
    return bool(numbers.min() >= 0 and numbers.max() <= most and numbers.min() <= most / 4)


def repeated_columns(frame: pd.DataFrame, names: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs of columns that are equal in every row."""
    head = frame.iloc[:MOST_ROWS]
    first: dict[tuple[str, int], str] = {}
    pairs = []
    for name in names:
        key = (str(head[name].dtype), int(pd.util.hash_pandas_object(head[name], index=False).sum()))
        if key in first and head[first[key]].equals(head[name]):
            pairs.append((first[key], name))
        first.setdefault(key, name)
    return pairs


def is_time(column: ColumnProfile, values: pd.Series) -> bool:
    """Whether it holds dates, or years."""
    if column.kind == "date":
        return True
    years = ("year", "jahr", "année", "año", "anno", "ano", "год", "年", "年份", "年度")
    return column.kind == "whole number" and column.name.casefold() in years and bool(values.max() < 3000)


def is_ordered(times: pd.Series) -> bool:
    """Whether the rows follow them, forward or backward."""
    present = times.dropna()
    return len(present) >= 10 and (present.is_monotonic_increasing or present.is_monotonic_decreasing)
