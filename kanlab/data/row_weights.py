"""Frequency weights: a row of weight w stands for w rows that are alike, in everything.

Tables are often kept so: a row for each combination of features and outcome, and a column of how often it was seen. Such a
row is written out as many times as its weight says, before anything else is done. So the fit, RSS, the number of rows n of
every criterion, K, leave-one-out errors, folds, permuted targets and test rows are those of the table of single rows, to the
last bit.

Precision weights, which say how sure a row's target is, are another thing: they leave n the number of rows, and are not these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kanlab.data.encoders import is_numeric, missing, to_numbers
from kanlab.errors import DatasetError
from kanlab.text import counted, listing, quoted

MOST_ROWS = 1_000_000  # that a table is written out to


def written_out(
    frame: pd.DataFrame, weights: str, target: str, features: Sequence[str] | None
) -> tuple[pd.DataFrame, str]:
    """The table with every row as often as its weight says, and without the column of weights; and a sentence about it.

    Raises DatasetError, with one sentence, where the column cannot be frequency weights.

    >>> frame = pd.DataFrame({"x": [1, 2], "seen": [2, 1], "y": [0.5, 0.7]})
    >>> written_out(frame, "seen", "y", None)[0]["x"].tolist()
    [1, 1, 2]
    """
    if weights not in frame.columns:
        raise DatasetError(
            f"There is no column {quoted(weights)} of weights; the columns are {listing(frame.columns)}."
        )
    if weights == target or weights in (features or ()):
        what = "the target" if weights == target else "a feature"
        raise DatasetError(
            f"The column {quoted(weights)} cannot be the weights and {what} at once; choose another one."
        )
    column = frame[weights]
    if not is_numeric(column):
        raise DatasetError(
            f"The column {quoted(weights)} holds no numbers, so it cannot weigh the rows; choose another one."
        )
    if lost := int(missing(column).sum()):
        raise DatasetError(
            f"The weight {quoted(weights)} is missing in {counted(lost, 'row')}; fill it, or leave these rows out."
        )
    w = to_numbers(column)
    odd = w[~np.isfinite(w) | (w < 0) | (w % 1 != 0)]
    if len(odd):
        raise DatasetError(
            f"The weight {quoted(weights)} says how often a row was seen, so it must be a whole number from 0 on, not "
            f"{odd[0]:g}."
        )
    total = float(w.sum())
    if not 0 < total <= MOST_ROWS:
        raise DatasetError(
            f"The weights {quoted(weights)} are all 0, so no row is left; choose another column."
            if total == 0
            else f"The weights {quoted(weights)} add up to {total:,.0f} rows, and at most {MOST_ROWS:,} are fitted; divide "
            "them by a common factor."
        )
    kept = frame.drop(columns=weights)
    repeated = kept.iloc[np.repeat(np.arange(len(frame)), w.astype(int))].reset_index(drop=True)
    repeated.attrs = frame.attrs
    note = (
        f"{quoted(weights)} says how often each row was seen: {counted(len(frame), 'row')} of the table "
        f"{'stands' if len(frame) == 1 else 'stand'} for {int(total):,}, and count as so many."
    )
    return repeated, note
