"""Weights of the rows: how often each was seen (frequency), or how precise its target is (precision).

Tables are often kept with a row for each combination of features and outcome, and a column of how often it was seen. Such a
row is written out as many times as its weight says, before anything else is done. So the fit, RSS, the number of rows n of
every criterion, K, leave-one-out errors, folds, permuted targets and test rows are those of the table of single rows, to the
last bit.

Precision weights leave n the number of rows: the error of row i has the variance sigma^2 / w_i (Aitken 1935), as where a
target is a mean of w_i values, or was measured with a standard error s_i and w_i = 1 / s_i^2. With residuals e_i

    -2 log L = n ln(sum w_i e_i^2 / n) - sum ln w_i + n (1 + ln 2 pi)

Only ratios of weights matter. They are scaled so that their geometric mean over the training rows is 1: sum ln w_i is then 0,
and the RSS that is shown, sum w_i e_i^2, gives AICc by the same formula as elsewhere. Weights of test rows have the same unit.
A row of weight 0 says nothing and is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from kanlab.arrays import Array
from kanlab.data.encoders import is_date, is_numeric, to_numbers
from kanlab.data.odd_rows import infinite, no_numbers, rows_below
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.text import agreeing, counted, listing, quoted, together

MOST_ROWS = 1_000_000  # that a table is written out to
MOST_RATIO = 1e12  # of the largest weight and the smallest
ENOUGH, LOOKED_AT = 0.8, 1000  # cells that must be weights for a column to be offered, of texts among so many


def written_out(
    frame: pd.DataFrame, weights: str, target: str, features: Sequence[str] | None
) -> tuple[pd.DataFrame, str]:
    """The table with every row as often as its weight says, and without the column of weights; and a sentence about it.

    Raises DatasetError, with one sentence, where the column cannot be frequency weights.

    >>> frame = pd.DataFrame({"x": [1, 2], "seen": [2, 1], "y": [0.5, 0.7]})
    >>> written_out(frame, "seen", "y", None)[0]["x"].tolist()
    [1, 1, 2]
    """
    w = _numbers(frame, weights, target, features)
    if (odd := w % 1 != 0).any():
        raise DatasetError(
            say(
                "The weight {weights} says how often a row was seen, a whole number from 0 on, and holds values such as "
                "{odd:g} in {rows}: correct them, or, where it says how precise each target is, say so (precision; "
                "--weights-are precision).",
                weights=quoted(weights),
                odd=w[odd][0],
                rows=rows_below(odd),
            )
        )
    total = float(w.sum())
    if not 0 < total <= MOST_ROWS:
        raise DatasetError(
            say("The weights {weights} are all 0, so no row is left; choose another column.", weights=quoted(weights))
            if total == 0
            else say(
                "The weights {weights} add up to {total:,.0f} rows, and at most {most_rows:,} are "
                "fitted; divide them by a common factor.",
                weights=quoted(weights),
                total=total,
                most_rows=MOST_ROWS,
            )
        )
    kept = frame.drop(columns=weights)
    repeated = kept.iloc[np.repeat(np.arange(len(frame)), w.astype(int))].reset_index(drop=True)
    repeated.attrs = frame.attrs
    note = say(
        "{weights} says how often each row was seen: {rows} of the table {stand} for {total:,}, and count as so many.",
        weights=quoted(weights),
        rows=counted(len(frame), "row"),
        stand=agreeing(len(frame), "stands", "stand"),
        total=int(total),
    )
    return repeated, together([note, _all_alike(w)])


def precisions(
    frame: pd.DataFrame, weights: str, target: str, features: Sequence[str] | None
) -> tuple[pd.DataFrame, Array, list[str]]:
    """The rows that have a weight above 0, without the column of weights; the weights (rows,); and sentences about them.

    Raises DatasetError, with one sentence, where the column cannot be precision weights.

    >>> frame = pd.DataFrame({"x": [1, 2, 3], "w": [0.5, 0.0, 2.0], "y": [0.5, 0.7, 0.6]})
    >>> precisions(frame, "w", "y", None)[1].tolist()
    [0.5, 2.0]
    """
    w = _numbers(frame, weights, target, features)
    known = w > 0
    if not known.any():
        raise DatasetError(
            say("The weights {weights} are all 0, so no row is left; choose another column.", weights=quoted(weights))
        )
    ratio = float(w[known].max()) / float(w[known].min())
    if not ratio < MOST_RATIO:
        raise DatasetError(
            say(
                "The largest weight {weights} is {ratio:.3g} times the smallest, more than numbers "
                "can tell apart; leave the rows of next to no weight out.",
                weights=quoted(weights),
                ratio=ratio,
            )
        )
    notes = [
        say(
            "{weights} says how precise the target of each row is: errors are weighed by it, in "
            "inverse proportion to their variance, and the number of rows stays.",
            weights=quoted(weights),
        )
    ]
    if len(np.unique(w[known])) == 1:
        notes.append(
            say(
                "Each of them is {weight:g}, so no row counts more than another, as without weights.",
                weight=float(w[known][0]),
            )
        )
    if lost := int((~known).sum()):
        rows = counted(lost, "row")
        notes.append(say("{rows} of weight 0 {are} left out.", rows=rows, are=agreeing(lost, "is", "are")))
    kept = frame.loc[known].drop(columns=weights).reset_index(drop=True)
    kept.attrs = frame.attrs
    return kept, w[known], notes


def in_units(train: Array, test: Array) -> tuple[Array, Array, float]:
    """Weights of training and test rows, scaled so that the geometric mean of the former is 1, and what that mean is.

    >>> [np.round(w, 6).tolist() for w in in_units(np.array([1.0, 4.0]), np.array([8.0]))]
    [[0.5, 2.0], [4.0], 2.0]
    """
    unit = float(np.exp(np.mean(np.log(train))))
    return train / unit, test / unit, unit


def could_be_weights(column: pd.Series) -> bool:
    """Whether nearly all cells hold a number from 0 on, some of them above it; the rest is told once they are to weigh rows.

    >>> could_be_weights(pd.Series([1, 2, 0, 3, None, 2])), could_be_weights(pd.Series([1.5, -2.0, 3.0]))
    (True, False)
    """
    if is_date(column) or pd.api.types.is_bool_dtype(column) or not len(column):
        return False
    some = column if is_numeric(column) else column.iloc[:LOOKED_AT].astype("object")
    w = pd.to_numeric(some, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return bool(np.mean(w >= 0) >= ENOUGH and (w > 0).any())


def _numbers(frame: pd.DataFrame, weights: str, target: str, features: Sequence[str] | None) -> Array:
    """The column as numbers. Raises DatasetError where it is another thing."""
    if weights not in frame.columns:
        raise DatasetError(
            say(
                "There is no column {weights} of weights; the columns are {columns}.",
                weights=quoted(weights),
                columns=listing(frame.columns),
            )
        )
    if weights == target or weights in (features or ()):
        raise DatasetError(
            say(
                "The column {weights} cannot be the weights and the target at once; choose another one.",
                weights=quoted(weights),
            )
            if weights == target
            else say(
                "The column {weights} cannot be the weights and a feature at once; choose another one.",
                weights=quoted(weights),
            )
        )
    column = frame[weights]
    words, gaps, endless = no_numbers(column), column.isna().to_numpy(dtype=bool), infinite(column)
    if not is_numeric(column) and (words | gaps).all():
        raise DatasetError(
            say(
                "The column {weights} holds no numbers, so it cannot weigh the rows; choose another one.",
                weights=quoted(weights),
            )
        )
    if not is_numeric(column) and not words.any():
        raise DatasetError(
            say(
                "The weight {weights} holds numbers that are kept as text, such as {example}; read the column as numbers "
                "(Reading on the Data page, --read COL=number).",
                weights=quoted(weights),
                example=listing(column.dropna().astype("str").iloc[:1]),
            )
        )
    if words.any():
        raise DatasetError(
            say(
                "The weight {weights} holds values such as {word} in {rows}, where numbers are needed; correct them, or leave "
                "these rows out.",
                weights=quoted(weights),
                word=quoted(column[words].iloc[0]),
                rows=rows_below(words),
            )
        )
    if gaps.any():
        raise DatasetError(
            say(
                "The weight {weights} is missing in {rows}; fill it, or leave these rows out.",
                weights=quoted(weights),
                rows=rows_below(gaps),
            )
        )
    if endless.any():
        raise DatasetError(
            say(
                "The weight {weights} is infinite in {rows}; write a number, or leave these rows out.",
                weights=quoted(weights),
                rows=rows_below(endless),
            )
        )
    w = to_numbers(column)
    if (below := w < 0).any():
        raise DatasetError(
            say(
                "No weight lies below 0, and {weights} holds values such as {odd:g} in {rows}; correct them, or leave these "
                "rows out.",
                weights=quoted(weights),
                odd=w[below][0],
                rows=rows_below(below),
            )
        )
    return w


def _all_alike(w: Array) -> str:
    """What weights of one value above 1 do to the number of rows; "" where they differ."""
    if len(np.unique(w)) > 1 or w[0] == 1:
        return ""
    return say(
        "It is {weight:g} in every row: unless each stands for {weight:g} rows that were measured, the rows are fewer than is "
        "counted and every model looks surer than it is.",
        weight=float(w[0]),
    )
