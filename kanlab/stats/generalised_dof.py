"""Generalised degrees of freedom of any procedure that turns y into predictions, by perturbing y (Ye 1998).

GDF = sum_i d E[yhat_i] / d y_i. For a linear smoother it is the trace of its matrix; for a procedure that searches, among
variables or minima, it counts the search too.
"""

from __future__ import annotations

from collections.abc import Callable

from kanlab.arrays import Array

SIZE = 0.5  # of the residual deviation; Ye recommends half of it to all of it


def divergence(smooth: Callable[[Array], Array], y: Array, step: Array) -> float:
    """One draw of the GDF by an antithetic pair of steps.

    Parameters
    ----------
    smooth : function of (n,) to (n,)
        The procedure, from targets to fitted values.
    y : ndarray of shape (n,)
        Targets.
    step : ndarray of shape (n,)
        Random signs times one size, in units of y (`SIZE` deviations of the residuals).

    Returns
    -------
    float
        Its mean over random signs is the GDF.

    Examples
    --------
    The mean of y has one degree of freedom:

    >>> import numpy as np
    >>> signs = np.random.default_rng(0).choice([-1.0, 1.0], (4000, 10))
    >>> draws = [divergence(lambda y: np.full(10, y.mean()), np.arange(10.0), s) for s in signs]
    >>> round(float(np.mean(draws)), 1)
    1.0
    """
    return float(step @ (smooth(y + step) - smooth(y - step)) / (2 * step[0] ** 2))
