"""Generalised degrees of freedom of any procedure that turns y into predictions, by perturbing y (Ye 1998).

GDF = sum_i d E[yhat_i] / d y_i. For a linear smoother it is the trace of its matrix; for a procedure that searches, among
variables or minima, it counts the search too.
"""

from __future__ import annotations

from collections.abc import Callable

from kanlab.arrays import Array

SIZE = 0.5  # of the residual deviation; Ye recommends half of it to all of it


def divergence(smooth: Callable[[Array], Array], y: Array, step: Array) -> float:
    """One draw of the GDF by an antithetic pair of steps of random signs and one size; to be averaged over signs."""
    return float(step @ (smooth(y + step) - smooth(y - step)) / (2 * step[0] ** 2))
