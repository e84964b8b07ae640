r"""What makes a fit a good one: least squares for a quantity, a likelihood of their own for classes and for counts.

Notation
    y (n,)      targets: numbers, or classes by number, 0 to c - 1
    eta         what a network puts out: (n,) numbers, or the log-odds of class 1; of more classes (n, c - 1), the log-odds of
                each against class 0; of counts (n,) the logarithm of the mean
    mu          its prediction: eta itself; (n,) the probability p of class 1; (n, c) the probability of every class; (n,) the
                mean count
    misfit      what falls as a fit gets better: RSS, or the deviance, which is 0 where every row is certain and right

    Gaussian       misfit = sum (y - mu)^2                              -2 log L = n ln(misfit / n) up to a constant
    Bernoulli      misfit = -2 sum [y ln p + (1 - y) ln(1 - p)]         -2 log L = misfit
    multinomial    misfit = -2 sum ln p_y                               -2 log L = misfit
    Poisson        misfit = 2 sum [y ln(y / mu) - y + mu]               -2 log L = misfit up to a constant

The Gaussian -2 log L is the one at its maximum over the noise variance, one parameter more; the others have none to count
(McCullagh & Nelder, Generalized Linear Models, 1989, chapters 4 to 6). The constants left out, 2 sum [ln y! - y ln y + y] of
counts, are the same for all models of the same rows and likelihood, and others for another likelihood: criteria of counts are
never held against those of a quantity.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.stats.criteria import gaussian_term

TaskName = Literal["regression", "classification", "multiclass", "counts"]
REGRESSION: Final = "regression"
CLASSIFICATION: Final = "classification"  # of two classes
MULTICLASS: Final = "multiclass"  # of three and more
COUNTS: Final = "counts"

Distribution = Literal["", "poisson"]

LEAST_SCALE, MOST_SCALE = 0.2, 3.0  # of the logarithm of a mean count
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


def weighted_losses(of: Likelihood, predicted: ArrayLike, y: ArrayLike, weights: Array | None) -> Array:
    """What each row (n,) adds to the misfit, times its weight; weights None where all are 1."""
    losses = of.losses(predicted, y)
    return losses if weights is None else np.asarray(weights * losses)


def weighted_misfit(of: Likelihood, predicted: ArrayLike, y: ArrayLike, weights: Array | None) -> float:
    """The misfit of rows with weights (n,), which are None where all are 1.

    >>> weighted_misfit(GAUSSIAN, [1.0, 2.0], [1.0, 4.0], np.array([1.0, 0.5]))
    2.0
    """
    if weights is None:
        return of.misfit(predicted, y)
    with np.errstate(over="ignore", invalid="ignore"):
        return float(np.sum(weighted_losses(of, predicted, y, weights)))


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


class Poisson:
    """Counts; predictions are their means, always above 0.

    >>> round(POISSON.misfit([1.0, 2.0], [0, 2]), 4)  # 2 (0 + 1)
    2.0
    """

    name, counts_variance, of_classes = "poisson", False, False

    def mean(self, eta: Array) -> Array:
        """exp eta, finite and above 0."""
        return exponential(eta)

    def losses(self, predicted: ArrayLike, y: ArrayLike) -> Array:
        """2 [y ln(y / mu) - y + mu], 0 where a prediction is the count itself."""
        mu, of = np.maximum(np.asarray(predicted, dtype=float), np.finfo(float).tiny), np.asarray(y, dtype=float)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            logs = np.where(of > 0, of * (np.log(of) - np.log(mu)), 0.0)
            return np.asarray(2.0 * np.maximum(logs - (of - mu), 0.0))

    def misfit(self, predicted: ArrayLike, y: ArrayLike) -> float:
        """Deviance, the sum of the losses."""
        return float(np.sum(self.losses(predicted, y)))

    def term(self, misfit: float, n: int) -> float:
        return misfit if np.isfinite(misfit) else np.inf


def exponential(eta: Array) -> Array:
    """exp eta, the mean of a likelihood whose link is the logarithm; eta is held to where that is finite and above 0.

    >>> float(exponential(np.array([0.0, 1e6]))[0]), bool(np.isfinite(exponential(np.array([1e6]))[0]))
    (1.0, True)
    """
    return np.asarray(np.exp(np.clip(eta, -700.0, 700.0)))


def probability(log_odds: Array) -> Array:
    """1 / (1 + exp(-log-odds)), without overflow."""
    small = np.exp(-np.abs(log_odds))
    return np.where(log_odds >= 0, 1.0, small) / (1.0 + small)


def probabilities(log_odds: Array) -> Array:
    """Of all classes, (rows, classes), from the log-odds of each but the first against that, (rows, classes - 1)."""
    logits = np.column_stack([np.zeros(len(log_odds)), log_odds])
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def log_mean_scaling(y: ArrayLike) -> tuple[float, float]:
    """Offset and scale of the logarithm of the mean of counts y: that of the whole table, and how much it varies.

    Of a Poisson variable whose ln mu is normal with variance v, var y = m + m^2 (exp v - 1), so that v is
    ln(1 + (var y - m) / m^2), whose root is held within LEAST_SCALE and MOST_SCALE. Half a count is added to the total, so
    that a table of zeros has a mean above 0.

    >>> offset, scale = log_mean_scaling([0.0, 1.0, 2.0, 1.0, 1.0])
    >>> bool(abs(np.exp(offset) - 1.1) < 1e-9), scale
    (True, 0.2)
    """
    ordered = np.sort(np.asarray(y, dtype=float), axis=None)  # sums in an order that does not depend on the table's
    mean = (ordered.sum() + 0.5) / ordered.size
    beyond = max(float(np.mean((ordered - mean) ** 2)) - mean, 0.0) / mean**2
    return float(np.log(mean)), float(np.clip(np.sqrt(np.log1p(beyond)), LEAST_SCALE, MOST_SCALE))


GAUSSIAN, BERNOULLI, MULTINOMIAL, POISSON = Gaussian(), Bernoulli(), Multinomial(), Poisson()
LIKELIHOODS: dict[str, Likelihood] = {
    REGRESSION: GAUSSIAN,
    CLASSIFICATION: BERNOULLI,
    MULTICLASS: MULTINOMIAL,
    COUNTS: POISSON,
}


def one_hot(y: ArrayLike, classes: int) -> Array:
    """Classes y (n,), numbers from 0, as (n, classes) with a 1 for the class of each row.

    >>> one_hot([0, 2], 3).tolist()
    [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]
    """
    return np.asarray(np.eye(classes)[np.asarray(y, dtype=np.intp)])


def task_of(levels: Sequence[str], distribution: str = "") -> TaskName:
    """What is to be predicted where a target has these levels, or none and a distribution.

    >>> task_of(["no", "yes"]), task_of([], "poisson")
    ('classification', 'counts')
    """
    if levels:
        return CLASSIFICATION if len(levels) == 2 else MULTICLASS
    return COUNTS if distribution == "poisson" else REGRESSION


class HasTask:
    """What has a target: a quantity, a count, or one of some classes where there are `levels`.

    >>> class Coin(HasTask):
    ...     levels = ("tails", "heads")
    >>> Coin().task, Coin().likelihood.name, Coin().outputs
    ('classification', 'bernoulli', 1)
    """

    levels: tuple[str, ...] = ()
    distribution: Distribution = ""  # of a quantity, where it is not the normal one

    @property
    def task(self) -> TaskName:
        """What is to be predicted."""
        return task_of(self.levels, self.distribution)

    @property
    def has_deviance(self) -> bool:
        """Whether a fit makes a deviance small, of classes and counts, rather than an RSS."""
        return not self.likelihood.counts_variance

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
