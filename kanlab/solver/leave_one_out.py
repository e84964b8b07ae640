"""Leave-one-out residuals of a network of a quantity: what each training row would be off by, had it not been fitted.

The linearised smoother S gives them without a refit, e_i / (1 - h_i) with the leverage h_i = S_ii (Allen 1974). Where h_i
comes near 1 the network follows the row, e_i is next to 0 whatever the row says, and the quotient tells nothing: there the
network is fitted again without the row, from where it is. So an interpolated row does not count as a row well predicted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.errors import FitError
from kanlab.kan.network import FittedKan
from kanlab.solver.refit import continued
from kanlab.solver.smoother import leverages

TRUSTED_FREEDOM = 0.2  # of 1 - h: below that the row is left out and the network fitted again
MIN_FREEDOM = 1e-3  # of 1 - h, of the rows that are too many to fit again
MOST_REFITS = 40


def leave_one_out(fitted: FittedKan, X: ArrayLike, y: ArrayLike, smoothing: float) -> Array:
    """Residuals (n,) of the training rows X (n, d), y (n,), each had it not been fitted, in units of y.

    smoothing: of the fit.  The prediction of a row left out is held to the range of outputs like any other.
    """
    rows, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    freedom = 1.0 - leverages(fitted, rows, target)
    predicted = target - (target - fitted.predict(rows)) / np.maximum(freedom, MIN_FREEDOM)
    for row in np.argsort(freedom)[:MOST_REFITS]:
        if freedom[row] > TRUSTED_FREEDOM:
            break
        others = np.arange(len(target)) != row
        try:
            without = continued(fitted, rows[others], target[others], smoothing)
        except FitError:  # not finite there: the linearised value stays
            continue
        predicted[row] = without.predict(rows[row : row + 1])[0]
    low, high = fitted.output_range[0] * fitted.y_scale[0] + fitted.y_offset[0]
    return np.asarray(target - np.clip(predicted, low, high))
