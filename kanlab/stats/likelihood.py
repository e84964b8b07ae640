r"""What makes a fit a good one: least squares for a quantity, the Bernoulli or the multinomial likelihood for classes.

Notation
    y (n,)      targets: numbers, or classes by number, 0 to c - 1
    eta         what a network puts out: (n,) numbers, or the log-odds of class 1; of more classes (n, c - 1), the log-odds of
                each against class 0
    mu          its prediction: eta itself; (n,) the probability p of class 1; (n, c) the probability of every class
    misfit      what falls as a fit gets better: RSS, or the deviance, which is 0 where every row is certain and right

    Gaussian       misfit = sum (y - mu)^2                              -2 log L = n ln(misfit / n) up to a constant
    Bernoulli      misfit = -2 sum [y ln p + (1 - y) ln(1 - p)]         -2 log L = misfit
    multinomial    misfit = -2 sum ln p_y                               -2 log L = misfit

The Gaussian -2 log L is the one at its maximum over the noise variance, one parameter more; those of classes have none to
count (McCullagh & Nelder, Generalized Linear Models, 1989, chapters 4 and 5).
"""

from __future__ import annotations

from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.stats.criteria import gaussian_term

TaskName = Literal["regression", "classification", "multiclass"]
REGRESSION: Final = "regression"
CLASSIFICATION: Final = "classification"  # of two classes
MULTICLASS: Final = "multiclass"  # of three and more

CERTAIN = float(np.finfo(float).eps)  # probabilities are held this far from 0 and 1, so that no log-loss is infinite


class Likelihood(Protocol):
    """How a model's predictions are held against the target."""

    name: str
    counts_variance: bool  # whether a noise variance is estimated that can be counted as a parameter
    of_classes: bool  # whether predictions are probabilities of classes

    def mean(self, eta: Array) -> Array:
        """Predictions of a network's outputs."""

    def losses(self, predicted: ArrayLike, y: ArrayLike) -> Array:
        """What each row (n,) adds to the misfit."""

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """What a fit makes small."""

    def term(self, misfit: float, n: int) -> float:
        """-2 log L of n rows, the part of a criterion that depends on the fit; +inf where there is none."""


class Gaussian:
    """Quantities with errors of one unknown variance.

    >>> GAUSSIAN.misfit([1.0, 2.0], [1.0, 4.0])
    4.0
    """

    name, counts_variance, of_classes = "gaussian", True, False

    def mean(self, eta: Array) -> Array:
        return eta

    def losses(self, predicted: ArrayLike, y: ArrayLike) -> Array:
        with np.errstate(over="ignore", invalid="ignore"):
            return np.asarray((np.asarray(predicted) - np.asarray(y)) ** 2)

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """RSS."""
        with np.errstate(over="ignore", invalid="ignore"):
            return float(np.sum(self.losses(predicted, y)))

    def term(self, misfit: float, n: int) -> float:
        return gaussian_term(misfit, n)


class Bernoulli:
    """Two classes, coded 0 and 1; predictions are probabilities of 1.

    >>> round(BERNOULLI.misfit([0.5, 0.5], [0, 1]), 4)  # -4 ln(1/2)
    2.7726
    """

    name, counts_variance, of_classes = "bernoulli", False, True

    def mean(self, eta: Array) -> Array:
        from scipy.special import expit  # here: a study of quantities does without it, and it takes a tenth of a second

        return np.asarray(expit(eta))

    def losses(self, predicted: ArrayLike, y: ArrayLike) -> Array:
        p, of = np.clip(np.asarray(predicted, dtype=float), CERTAIN, 1.0 - CERTAIN), np.asarray(y)
        # log1p keeps the digits of a small p, which 1 - p would round away
        return np.asarray(-2.0 * (of * np.log(p) + (1.0 - of) * np.log1p(-p)))

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """Deviance, twice the number of rows times the log-loss."""
        return float(np.sum(self.losses(predicted, y)))

    def term(self, misfit: float, n: int) -> float:
        return misfit if np.isfinite(misfit) else np.inf


class Multinomial:
    """Three and more classes, coded 0 to c - 1; predictions are a probability of each.

    >>> MULTINOMIAL.mean(np.zeros((1, 2))).round(4).tolist()
    [[0.3333, 0.3333, 0.3333]]
    >>> round(MULTINOMIAL.misfit([[0.5, 0.25, 0.25]], [0]), 4)  # -2 ln(1/2)
    1.3863
    """

    name, counts_variance, of_classes = "multinomial", False, True

    def mean(self, eta: Array) -> Array:
        """Softmax of log-odds (n, c - 1) against class 0, those of which are 0."""
        logits = np.concatenate([np.zeros((len(eta), 1)), eta], axis=1)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(odds / odds.sum(axis=1, keepdims=True))

    def losses(self, predicted: ArrayLike, y: ArrayLike) -> Array:
        p, of = np.asarray(predicted, dtype=float), np.asarray(y, dtype=np.intp)
        return np.asarray(-2.0 * np.log(np.clip(p[np.arange(len(of)), of], CERTAIN, 1.0 - CERTAIN)))

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """Deviance, twice the number of rows times the log-loss."""
        return float(np.sum(self.losses(predicted, y)))

    def term(self, misfit: float, n: int) -> float:
        return misfit if np.isfinite(misfit) else np.inf


GAUSSIAN, BERNOULLI, MULTINOMIAL = Gaussian(), Bernoulli(), Multinomial()
LIKELIHOODS: dict[str, Likelihood] = {REGRESSION: GAUSSIAN, CLASSIFICATION: BERNOULLI, MULTICLASS: MULTINOMIAL}


def one_hot(y: ArrayLike, classes: int) -> Array:
    """Classes y (n,), numbers from 0, as (n, classes) with a 1 for the class of each row.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return np.asarray(np.eye(classes)[np.asarray(y, dtype=np.intp)])


class HasTask:
    """What has a target: a quantity, or one of some classes where there are `levels`.

    >>> class Coin(HasTask):
    ...     levels = ("tails", "heads")
    >>> Coin().task, Coin().likelihood.name, Coin().outputs
    ('classification', 'bernoulli', 1)
    """

    levels: tuple[str, ...]

    @property
    def task(self) -> TaskName:
        """What is to be predicted."""
        return REGRESSION if not self.levels else CLASSIFICATION if len(self.levels) == 2 else MULTICLASS

    @property
    def outputs(self) -> int:
        """How many outputs a network has: of classes one less than those, for their probabilities add up to 1."""
        return max(1, len(self.levels) - 1)

    @property
    def likelihood(self) -> Likelihood:
        """How predictions are held against the target."""
        return LIKELIHOODS[self.task]

    def fit_target(self, y: Array) -> Array:
        """A target y (n,) as fits take it: as it is, or three and more classes as (n, classes) of zeros and ones."""
        return one_hot(y, len(self.levels)) if self.task == MULTICLASS else y
