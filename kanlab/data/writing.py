"""CSV that leaves kanlab: what a spreadsheet would run as a formula is written as text."""

from __future__ import annotations

import pandas as pd

from kanlab.data.reading.standalone import defused

__all__ = ["defused", "to_csv"]


def to_csv(frame: pd.DataFrame) -> str:
    """A data frame as CSV without its index, names and cells of text defused."""
    safe = frame.map(lambda v: defused(v) if isinstance(v, str) else v)
    return safe.to_csv(index=False, lineterminator="\n", header=[defused(str(c)) for c in frame.columns])
