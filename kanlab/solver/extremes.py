"""Whether the edges of a network should go on straight beyond the training rows, by the rows at their edge.

Every feature has a row with its lowest and one with its highest value. Fitted without that row, a network has to predict it
from outside the range of the others: once with edges that are flat there, and once with edges that go on straight. Where the
straight ones are nearer to what these rows say, by more than the standard error of the difference, rows further out are
predicted so.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.errors import FitError
from kanlab.kan.bspline import INPUT_MARGIN, held_range
from kanlab.kan.network import FittedKan
from kanlab.solver.refit import affordable, continued

REACH = 0.5  # of a range: so far edges go on where they do
MOST_ROWS = 16  # at the edge, of the features with the most values
FEW_VALUES = 12  # up to so many values a feature is a level, a year: nothing lies beyond


def reach(fitted: FittedKan, X: ArrayLike, y: ArrayLike, smoothing: float, weights: Array | None = None) -> float:
    """How far the edges of a network of a quantity go on straight beyond its training rows X (n, d), y (n,): 0 or REACH, or
    what its constraints ask for. weights: (n,), of the fit.
    """
    if fitted.shape:
        return fitted.reach
    rows, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    gains, at_edge = [], edge_rows(rows)
    refits, loop = affordable(fitted, len(rows), len(at_edge))
    for row in at_edge[:refits]:
        others = np.arange(len(rows)) != row
        try:
            left = None if weights is None else weights[others]
            without = continued(fitted, rows[others], target[others], smoothing, loop, left)
        except FitError:
            continue
        low, high = rows[others].min(axis=0), rows[others].max(axis=0)
        bounds = held_range(
            (low - fitted.x_offset) / fitted.x_scale, (high - fitted.x_offset) / fitted.x_scale, INPUT_MARGIN
        )
        inner = np.clip(bounds, fitted.ranges[0][:, :1], fitted.ranges[0][:, 1:])  # where no spline is, nothing goes on
        without = replace(without, ranges=(inner, *without.ranges[1:]))
        flat, straight = (replace(without, reach=r).predict(rows[row : row + 1])[0] for r in (0.0, REACH))
        gained = (target[row] - flat) ** 2 - (target[row] - straight) ** 2
        gains.append(gained if weights is None else weights[row] * gained)
    if len(gains) < 2:
        return 0.0
    gain = np.array(gains)
    return REACH if gain.mean() > gain.std(ddof=1) / np.sqrt(len(gain)) else 0.0


def edge_rows(X: Array) -> list[int]:
    """The rows that alone have the lowest or the highest value of a feature."""
    found: dict[int, None] = {}
    values = [len(np.unique(column)) for column in X.T]
    for column in sorted(range(X.shape[1]), key=lambda c: (-values[c], c)):
        if values[column] <= FEW_VALUES:
            break
        for end in (X[:, column].min(), X[:, column].max()):
            at = np.flatnonzero(X[:, column] == end)
            if len(at) == 1:
                found[int(at[0])] = None
    return list(found)[:MOST_ROWS]
