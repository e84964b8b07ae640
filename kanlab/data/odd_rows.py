"""In which rows of a table the cells stand that are told of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from kanlab.arrays import Mask
from kanlab.language import say
from kanlab.text import listing

MOST_NAMED = 3


def rows_below(where: Mask) -> str:
    """Which rows of a table those are, counted from 1 below its header, after "in".

    >>> rows_below(np.array([False, True])), rows_below(np.array([True] * 9))
    ('row 2 below the header', 'rows 1, 2, 3 and 6 more below the header')
    """
    numbers = (np.flatnonzero(where) + 1).tolist()
    if len(numbers) == 1:
        return say("row {number:,} below the header", number=numbers[0])
    first = ", ".join(f"{number:,}" for number in numbers[:MOST_NAMED])
    if len(numbers) <= MOST_NAMED:
        return say("rows {first} below the header", first=first)
    return say("rows {first} and {more:,} more below the header", first=first, more=len(numbers) - MOST_NAMED)


def infinite(column: pd.Series) -> Mask:
    """Which cells (n,) hold an infinity, which elsewhere counts as missing."""
    if not pd.api.types.is_numeric_dtype(column):
        return np.zeros(len(column), dtype=bool)
    return np.isinf(column.to_numpy(dtype=float, na_value=np.nan))


def no_numbers(column: pd.Series) -> Mask:
    """Which cells (n,) are neither a plain number nor missing."""
    if pd.api.types.is_numeric_dtype(column):
        return np.zeros(len(column), dtype=bool)
    present: Any = column.notna().to_numpy(dtype=bool)
    if pd.api.types.is_datetime64_any_dtype(column):
        return present
    return present & pd.to_numeric(column.astype("object"), errors="coerce").isna().to_numpy(dtype=bool)


def rows_of(column: pd.Series, words: Sequence[str]) -> str:
    """A sentence: in which rows of a column of text these cells stand; "" without any."""
    found = column.astype("str").str.strip().isin(words).to_numpy(dtype=bool)
    return say("Look for {words} in {rows}.", words=listing(words, MOST_NAMED), rows=rows_below(found)) if words else ""
