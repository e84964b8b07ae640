"""What a family gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kanlab.arrays import Array
from kanlab.stats.likelihood import LIKELIHOODS, REGRESSION, TaskName


@dataclass(frozen=True, eq=False)
class Affine:
    """A linear model, offset + ((X - center) / scale) @ weights; of classes that is the log-odds, and it gives probabilities,
    of counts the logarithm of their mean, and it gives the mean.

    Parameters
    ----------
    offset : float, or ndarray of shape (m,)
        In units of the target; of more than two classes one for the log-odds of each against the first.
    center, scale : ndarray of shape (d,)
    weights : ndarray of shape (d,), or (d, m)
    task : str
        "regression", "classification", "multiclass" or "counts".

    Examples
    --------
    >>> import numpy as np
    >>> model = Affine(1.0, np.zeros(2), np.ones(2), np.array([2.0, 3.0]))
    >>> model(np.array([[1.0, 1.0]])).tolist()
    [6.0]
    """

    offset: float | Array
    center: Array
    scale: Array
    weights: Array
    task: TaskName = REGRESSION

    def __call__(self, X: Array) -> Array:
        return LIKELIHOODS[self.task].mean(self.offset + ((X - self.center) / self.scale) @ self.weights)


@dataclass(frozen=True, eq=False)
class OnTerms:
    """A linear model of terms of the features: splines, or products. terms: rows (m, d) to (m, terms)."""

    terms: Callable[[Array], Array]
    affine: Affine


@dataclass(frozen=True, eq=False)
class Portable:
    """A fitted model whose numbers can be written down.

    Parameters
    ----------
    predict : function of (m, d) to (m,)
        As of `FamilyFit`.
    numbers : function
        They, as JSON has them, with the `kind` by which `kanlab.baselines.arithmetic` evaluates them; of classes to log-odds,
        of counts to the logarithm of the mean.
    on_terms : OnTerms, optional
        The same as a linear model of terms, where it is one: its standard errors are those of that.
    """

    predict: Callable[[Array], Array]
    numbers: Callable[[], dict[str, Any]]
    on_terms: OnTerms | None = None

    def __call__(self, X: Array) -> Array:
        return self.predict(X)


@dataclass(frozen=True)
class FamilyFit:
    """A fitted model of some family: what a function `fit(X, y, seed)` of kanlab.baselines returns.

    Parameters
    ----------
    predict : function of (m, d) to (m,)
        Both in units of the data, of counts to their means; of two classes to the probabilities of 1, of more to (m, classes),
        that of each.
    dof : float or None
        Degrees of freedom of the mean, without the noise variance; None where the family has no such number (it is then
        compared on held-out rows only).
    left_out : function, optional
        Predictions of the training rows, each had it not been fitted, where the family knows a formula for them.

    Examples
    --------
    >>> import numpy as np
    >>> FamilyFit(lambda X: np.full(len(X), 2.5), dof=1.0).predict(np.zeros((2, 3))).tolist()
    [2.5, 2.5]
    """

    predict: Callable[[Array], Array]
    dof: float | None
    left_out: Callable[[], Array] | None = None

    @property
    def extends(self) -> bool:
        """Whether it is linear in its inputs, and goes on beyond the training rows as it does within."""
        return isinstance(self.predict, Affine)
