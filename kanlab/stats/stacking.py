"""How much of one model and how much of another predicts best: stacking of two (Wolpert 1992, Breiman 1996).

Their predictions of rows left out are combined as w a + (1 - w) b, and w in [0, 1] has the lowest loss. It is one number that
many rows decide, so hardly any of what it gains is chance; where a says nothing beyond b, w is near 0.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from kanlab.arrays import Array

LEAST_SHARE = 0.05  # below that the first model is not worth having
_STEPS = 200  # of the share: finer than the rows can tell


def stacking_share(
    first: Array, second: Array, y: Array, losses: Callable[[Array, Array], Array] | None = None
) -> float:
    """The share of the first model's predictions whose combination with those of the second has the lowest sum of losses.

    Parameters
    ----------
    first, second : ndarray of shape (n,) or (n, classes)
        Predictions of the rows, each by a fit without it.
    y : ndarray of shape (n,)
    losses : function of (predictions, y) to (n,), optional
        By default squared differences.

    Returns
    -------
    float
        From 0 to 1 in steps of 0.005; the smallest where several are as good.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 2.0, 3.0])
    >>> stacking_share(y, np.zeros(4), y), stacking_share(np.zeros(4), y, y), stacking_share(y + 1, y - 1, y)
    (1.0, 0.0, 0.5)
    """
    loss = losses or (lambda predicted, target: (predicted - target) ** 2)
    shares = np.arange(_STEPS + 1) / _STEPS
    return float(shares[np.argmin([loss(w * first + (1.0 - w) * second, y).sum() for w in shares])])
