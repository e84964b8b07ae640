"""Predictions of rows whose category is none of those in training: the mean over its levels, by their shares of training.

NumPy alone, as the predict.py of a bundle has it written into it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from kanlab.arrays import Array, Index, Mask

MOST_COMBINATIONS = 1000  # of levels, where a row has several categories that are unknown: the likeliest


class UnknownLevel(NamedTuple):
    """A category that some rows do not know.

    rows: which, (rows,).  columns: of the inputs, those of the category.  settings: what they are for each of its levels,
    (levels, columns).  shares: of the levels in the training rows, (levels,).
    """

    rows: Mask
    columns: Index
    settings: Array
    shares: Array


def put_means(X: Array, unknown: Sequence[UnknownLevel]) -> None:
    """Give the inputs X (rows, d) of rows with an unknown level their means over the levels, in place."""
    for level in unknown:
        X[np.ix_(level.rows, level.columns)] = level.shares @ level.settings


def predict_averaged(
    predict: Callable[[Array], tuple[Array, Mask]], X: Array, unknown: Sequence[UnknownLevel]
) -> tuple[Array, Mask]:
    """What `predict` gives for rows X (rows, d), and where the level of a category is unknown its mean over the levels.

    predict: inputs to outputs (rows,) or (rows, outputs) and whether a row was held, (rows,). Of several categories at once
    the mean is over the combinations of their levels.
    """
    outputs, held = predict(X)
    pattern = np.column_stack([level.rows for level in unknown]) if unknown else np.zeros((len(X), 0), dtype=bool)
    for which in np.unique(pattern[pattern.any(axis=1)], axis=0):
        rows = np.flatnonzero((pattern == which).all(axis=1))
        parts = [level for level, is_in in zip(unknown, which, strict=True) if is_in]
        columns, total = np.concatenate([part.columns for part in parts]), np.zeros_like(outputs[rows])
        for setting, weight in zip(*combinations(parts), strict=True):
            at_levels = X[rows]
            at_levels[:, columns] = setting
            found, moved = predict(at_levels)
            total += weight * found
            held[rows] |= moved
        outputs[rows] = total
    return outputs, held


def combinations(parts: Sequence[UnknownLevel]) -> tuple[Array, Array]:
    """The combinations of the levels of some categories, (combinations, columns), and their weights, which sum to 1.

    A weight is the product of the shares of the levels.
    """
    settings, weights = np.zeros((1, 0)), np.ones(1)
    for part in parts:
        first, second = (i.ravel() for i in np.indices((len(weights), len(part.shares))))
        together = weights[first] * part.shares[second]
        kept = np.argsort(-together, kind="stable")[:MOST_COMBINATIONS]
        kept = kept[together[kept] > 0]
        weights = together[kept]
        settings = np.column_stack([settings[first[kept]], part.settings[second[kept]]])
    return settings, weights / weights.sum()
