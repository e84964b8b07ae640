r"""The ends of a band of a number of the coefficients of a model of classes or counts.

The number is followed along a line from the fit: the step for which it changes most, given how sure the step is, which is
u = V g / sqrt(g'V g) with g its derivatives (the delta method takes the same line). The outputs of every row are taken to be
linear in the step, the likelihood is not:

    D(s) = sum_i [l_i(eta_i + s b_i) - l_i(eta_i) - s l_i'(eta_i) b_i] + s^2 c,      b_i = J_i u

with l_i the misfit of row i, and c what the penalty adds. Near the fit D(s) = s^2, and where that holds everywhere the ends
are those of Wald, s = -q and q. So they are here, but never beyond the step at which D says that the rows contradict it, by
the likelihood ratio along that line (Cox & Hinkley, Theoretical Statistics, 1974, section 9.3) at a level SURER times as
strict. Where classes are nearly separated, and where a mean count is nearly 0, the information of rows falls as their
predictions go there, so that Wald's band would go from 0 to 1 although a step back from the edge would misfit the rows at once
(Hauck & Donner, JASA 72, 1977).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import stdtrit

from kanlab.arrays import Array
from kanlab.solver.rows_smoothed import Smoother
from kanlab.stats.likelihood import LIKELIHOODS, TaskName

SURER = 50.0  # a band of 95% ends where steps are refuted at a level of 0.1%
_BETWEEN = np.linspace(0.0, 1.0, 5)[1:]  # places on the way to an end, for a mean of many rows may turn back


def refuted(level: float) -> float:
    """The rise of the misfit, chi-squared of one degree of freedom, that a band of this level never goes beyond.

    >>> round(refuted(0.95), 2)
    10.83
    """
    return float(stdtrit(np.inf, 1.0 - (1.0 - level) / SURER / 2.0)) ** 2


def ends_along(
    smoother: Smoother, mean: Callable[[Array], Array], y: ArrayLike, task: TaskName, u: Array, wald: float, rise: float
) -> tuple[float, float]:
    """Steps (low, high) along u (r,), in standard errors: -wald and wald, but where the misfit has risen by `rise` before.

    mean: predictions of outputs (m, n).  y (n,): the target.
    """
    length = float(np.linalg.norm(u))
    if length == 0.0:
        return 0.0, 0.0
    b = smoother.B @ (u / length)
    felt = np.einsum("nar,na->nr", smoother.L, b)
    penalty = max(1.0 - float(np.sum(felt**2)), 0.0)
    slope, likelihood, target = 2.0 * float(np.sum(smoother.E * b)), LIKELIHOODS[task], np.asarray(y)
    known = likelihood.misfit(mean(smoother.outputs.T), target)

    def beyond(s: float) -> float:
        misfit = likelihood.misfit(mean((smoother.outputs + s * b).T), target)
        return misfit - known + s * slope + s**2 * penalty - rise

    def end(far: float) -> float:
        return far if beyond(far) <= 0.0 else float(brentq(beyond, 0.0, far, rtol=1e-6))

    return end(-wald), end(wald)


def between(value: Callable[[float], float], low: float, high: float) -> list[float]:
    """The value at 0, and on the way from there to both steps, where a mean of many rows may turn back."""
    return [value(0.0), *(value(share * end) for end in (low, high) for share in _BETWEEN)]
