"""Fewer points for the charts of a large study: those that matter, and an even sample of the rest."""

from __future__ import annotations

import numpy as np
import pandas as pd

from kanlab.language import say

MOST_POINTS = 5000
KEPT_POINTS = 1500  # of a table with more than MOST_POINTS rows
TABLE_ROWS = 1000  # of such a table are shown, unless the user asks for all
REDRAW_TRIALS = 100  # while such a study runs, the pages redraw it after this many trials


def thinned(table: pd.DataFrame, *numbers: int | None, live: bool = False) -> tuple[pd.DataFrame, str]:
    """The rows of selection.trial_table to draw, and a sentence that says which, or "" if all are drawn.

    Kept are the Pareto front, the trials with the lowest AICc, those in `numbers`, and an even sample of the rest by number,
    so that the table alone determines them.  live: whether the study runs; then the sentence says how often pages redraw.

    >>> table = pd.DataFrame({"number": range(6000), "aicc": range(6000), "on_front": False})
    >>> rows, sentence = thinned(table)
    >>> len(rows), sentence[:38]
    (1500, 'The charts show 1,500 of 6,000 trials:')
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
    sentence = say(
        "The charts show {shown:,} of {all_trials:,} trials: the Pareto front, those with the "
        "lowest AICc, and an even sample of the rest.",
        shown=int(keep.sum()),
        all_trials=len(table),
    )
    if live:
        sentence += say(
            " While the study runs, charts and table are redrawn every {redraw_trials} trials.",
            redraw_trials=REDRAW_TRIALS,
        )
    return table[keep], sentence
