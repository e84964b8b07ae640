"""A column of a table, described."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "whole number", "boolean", "date", "category", "text", "constant"]


@dataclass(frozen=True)
class ColumnProfile:
    """One column. least, median and most as they would be written; histogram: rows in equal bins, or in the top levels."""

    name: str
    kind: Kind
    missing: int
    unique: int
    least: str
    median: str
    most: str
    histogram: tuple[int, ...]
    warnings: tuple[str, ...] = ()
