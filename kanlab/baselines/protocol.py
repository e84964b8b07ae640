"""What a family gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from kanlab.arrays import Array
from kanlab.stats.likelihood import LIKELIHOODS, REGRESSION, TaskName


@dataclass(frozen=True, eq=False)
class Affine:
    """A linear model: offset + ((X - center) / scale) @ weights, with center, scale and weights of shape (d,).

    task: of classes that are the log-odds, and what it gives are probabilities.
    """

    offset: float
    center: Array
    scale: Array
    weights: Array
    task: TaskName = REGRESSION

    def __call__(self, X: Array) -> Array:
        return LIKELIHOODS[self.task].mean(self.offset + ((X - self.center) / self.scale) @ self.weights)


@dataclass(frozen=True)
class FamilyFit:
    """A fitted model of some family.

    predict: X (rows, d) to (rows,), both in units of the data; of classes, to the probabilities of 1.
    dof: degrees of freedom of the mean, without the noise variance; None where the family has no such number (it is then
    compared on held-out rows only).
    """

    predict: Callable[[Array], Array]
    dof: float | None
