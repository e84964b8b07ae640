r"""What makes a fit a good one: least squares for a quantity, the Bernoulli likelihood for two classes.

Notation
    y (n,)      targets: numbers, or 0 and 1
    eta (n,)    what a network puts out; its prediction mu is eta itself, or the probability p = 1 / (1 + exp(-eta))
    misfit      what falls as a fit gets better: RSS, or the deviance, which is 0 where every row is certain and right

    Gaussian    misfit = sum (y - mu)^2                              -2 log L = n ln(misfit / n) up to a constant
    Bernoulli   misfit = -2 sum [y ln p + (1 - y) ln(1 - p)]         -2 log L = misfit

The Gaussian -2 log L is the one at its maximum over the noise variance, one parameter more; the Bernoulli has none to count
(McCullagh & Nelder, Generalized Linear Models, 1989, chapter 4).
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.stats.criteria import gaussian_term

TaskName = Literal["regression", "classification"]
REGRESSION: Final = "regression"
CLASSIFICATION: Final = "classification"

CERTAIN = float(np.finfo(float).eps)  # probabilities are held this far from 0 and 1, so that no log-loss is infinite


class Likelihood(Protocol):
    """How a model's predictions are held against the target."""

    name: str
    counts_variance: bool  # whether a noise variance is estimated that can be counted as a parameter

    def mean(self, eta: Array) -> Array:
        """Predictions of a network's outputs."""

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """What a fit makes small."""

    def term(self, misfit: float, n: int) -> float:
        """-2 log L of n rows, the part of a criterion that depends on the fit; +inf where there is none."""


class Gaussian:
    """Quantities with errors of one unknown variance.

    >>> GAUSSIAN.misfit([1.0, 2.0], [1.0, 4.0])
    4.0
    """

    name, counts_variance = "gaussian", True

    def mean(self, eta: Array) -> Array:
        return eta

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """RSS."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.sum((np.asarray(predicted) - np.asarray(y)) ** 2))

    def term(self, misfit: float, n: int) -> float:
        return gaussian_term(misfit, n)


class Bernoulli:
    """Two classes, coded 0 and 1; predictions are probabilities of 1.

    >>> round(BERNOULLI.misfit([0.5, 0.5], [0, 1]), 4)  # -4 ln(1/2)
    2.7726
    """

    name, counts_variance = "bernoulli", False

    def mean(self, eta: Array) -> Array:
        from scipy.special import expit  # here: a study of quantities does without it, and it takes a tenth of a second

        return np.asarray(expit(eta))

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """Deviance, twice the number of rows times the log-loss."""
        p, of = np.clip(np.asarray(predicted, dtype=float), CERTAIN, 1.0 - CERTAIN), np.asarray(y)
        # log1p keeps the digits of a small p, which 1 - p would round away
        return float(-2.0 * np.sum(of * np.log(p) + (1.0 - of) * np.log1p(-p)))

    def term(self, misfit: float, n: int) -> float:
        return misfit if np.isfinite(misfit) else np.inf


GAUSSIAN, BERNOULLI = Gaussian(), Bernoulli()
LIKELIHOODS: dict[str, Likelihood] = {REGRESSION: GAUSSIAN, CLASSIFICATION: BERNOULLI}


class HasTask:
    """What has a target: a quantity, or one of two classes where there are `levels`.

    >>> class Coin(HasTask):
    ...     levels = ("tails", "heads")
    >>> Coin().task, Coin().likelihood.name
    ('classification', 'bernoulli')
    """

    levels: tuple[str, ...]

    @property
    def task(self) -> TaskName:
        """What is to be predicted."""
        return CLASSIFICATION if self.levels else REGRESSION

    @property
    def likelihood(self) -> Likelihood:
        """How predictions are held against the target."""
        return LIKELIHOODS[self.task]
