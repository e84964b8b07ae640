"""A column of a table, described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "whole number", "boolean", "date", "category", "text", "constant"]


@dataclass(frozen=True)
class ColumnProfile:
    """One column of a table.

    minimum, median, maximum: as they would be written; of text, the median is the most frequent value.  histogram: rows in
    equal bins, or in the most frequent values.  warnings: the kinds of those about it.
    """

    name: str
    kind: Kind
    missing: int
    unique: int
    minimum: str
    median: str
    maximum: str
    histogram: tuple[int, ...]
    warnings: tuple[str, ...] = ()
