"""Fewer points for a chart of a large study: those that matter, and an even sample of the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd

MOST_POINTS = 5000
KEPT_POINTS = 1500  # of a table with more than MOST_POINTS rows
TABLE_ROWS = 1000  # shown of it, unless all are asked for
REDRAW_TRIALS = 100  # while such a study runs, the pages draw it anew after so many


def thinned(table: pd.DataFrame, *numbers: int | None, live: bool = False) -> tuple[pd.DataFrame, str]:
    """The rows to draw of selection.trial_table, and a sentence that says so where some are left out.

    Kept are the front, the trials of least AICc, those in `numbers`, and an even sample of the rest in order of number;
    which ones depends on the table alone.  live: whether the study runs, of whose pages the sentence speaks as well.
    """
    if len(table) <= MOST_POINTS:
        return table, ""
    score = table["aicc"].to_numpy()
    keep = (
        table["on_front"].to_numpy(dtype=bool) | table["number"].isin([n for n in numbers if n is not None]).to_numpy()
    )
    keep[np.argsort(np.where(np.isnan(score), np.inf, score), kind="stable")[: KEPT_POINTS // 3]] = True
    rest = np.flatnonzero(~keep)
    room = max(0, KEPT_POINTS - int(keep.sum()))
    keep[rest[np.unique(np.linspace(0, len(rest) - 1, min(room, len(rest))).round().astype(int))]] = True
    words = (
        f"The charts show {int(keep.sum()):,} of {len(table):,} trials: the front, the least AICc, and an even sample "
        "of the rest."
    )
    if live:
        words += f" While the study runs they and the table are drawn anew every {REDRAW_TRIALS} trials."
    return table[keep], words
