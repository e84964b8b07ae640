"""Predictions of the training rows by a network, each as if it had not been fitted.

The linearised smoother gives them without a refit (kanlab.solver.smoother). Where the leverage of a row comes near 1 the
network follows it, its residual is next to 0 whatever the row says, and the formula tells nothing: there the network is fitted
again without the row, from where it is. So an interpolated row does not count as a row well predicted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.errors import FitError
from kanlab.kan.network import FittedKan
from kanlab.solver.multinomial import log_odds_of
from kanlab.solver.refit import affordable, continued
from kanlab.solver.smoother import linear_smoother
from kanlab.stats.likelihood import LIKELIHOODS, MULTICLASS, REGRESSION

TRUSTED_FREEDOM = 0.2  # of 1 - leverage: below that the row is left out and the network fitted again
MIN_FREEDOM = 1e-3  # of 1 - leverage, of the rows that are too many to fit again


def predictions_left_out(
    fitted: FittedKan, X: ArrayLike, y: ArrayLike, smoothing: float, weights: Array | None = None
) -> Array:
    """Predictions of the training rows X (n, d), y, each had it not been fitted: (n,), of more than two classes (n, classes).

    y: as the network was fitted to, (n,) or (n, classes).  smoothing: of the fit.  Outputs of a row left out are held to their
    range like any other.  weights: (n,), of the fit.
    """
    rows, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    smoother = linear_smoother(fitted, rows, target, weights)
    outputs, freedom = smoother.left_out(MIN_FREEDOM), smoother.freedom()
    if fitted.task == MULTICLASS:
        outputs = log_odds_of(outputs.T).T
    held = np.clip(outputs, fitted.output_range[:, 0], fitted.output_range[:, 1])
    predicted = LIKELIHOODS[fitted.task].mean(held * fitted.y_scale + fitted.y_offset)
    predicted = predicted[:, 0] if predicted.shape[1] == 1 else predicted
    interpolated = [row for row in np.argsort(freedom, kind="stable") if not freedom[row] > TRUSTED_FREEDOM]
    refits, loop = affordable(fitted, len(target), len(interpolated))
    for row in interpolated[:refits]:
        others = np.arange(len(target)) != row
        try:
            left = None if weights is None else weights[others]
            without = continued(fitted, rows[others], target[others], smoothing, loop, left)
        except FitError:  # not finite there: the linearised value stays
            continue
        predicted[row] = without.predict(rows[row : row + 1])[0]
    if fitted.task == REGRESSION:
        low, high = fitted.output_range[0] * fitted.y_scale[0] + fitted.y_offset[0]
        predicted = np.clip(predicted, low, high)
    return np.asarray(predicted)
