"""CSV that leaves kanlab: what a spreadsheet would run as a formula is written as text, no name stands twice."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

_FORMULA = re.compile(r"^\s*[=+\-@\t\r|%]|^[＝＋－＠]")
# a number in any convention with its currency or unit, or signs alone: a spreadsheet has nothing to run in them
_NUMBER = re.compile(
    r"^\s*[+\-]?[ \u00a0]?[$€£¥]?[\d.,' \u00a0\u202f’]+([eE][+\-]?\d+)?\s*([%$€£¥°µ]|[A-Za-zµ°]{1,6})?$|^[+\-–—%]{1,2}$"
)


def defused(text: str) -> str:
    """A cell as it is, or behind an apostrophe where a spreadsheet would take it for a formula; numbers are none."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.match(text) else text


def free_name(name: str, taken: set[str]) -> str:
    """A column's name that the rows do not have yet."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    return free


def probability_names(target: str, levels: Sequence[str], taken: set[str]) -> tuple[str, ...]:
    """Names of the columns that hold the probability of each class.

    >>> probability_names("species", ("setosa", "virginica"), {"species"})
    ('species_probability_setosa', 'species_probability_virginica')
    """
    names: list[str] = []
    for level in levels:
        names.append(free_name(f"{target}_probability_{level}", taken | set(names)))
    return tuple(names)


def to_csv(frame: pd.DataFrame) -> str:
    """A data frame as CSV without its index, names and cells of text defused."""
    safe = frame.map(lambda v: defused(v) if isinstance(v, str) else v)
    return safe.to_csv(index=False, lineterminator="\n", header=[defused(str(c)) for c in frame.columns])
