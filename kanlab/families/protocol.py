"""What a family gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Affine:
    """A linear model: offset + ((X - center) / scale) @ weights, with center, scale and weights of shape (d,)."""

    offset: float
    center: Array
    scale: Array
    weights: Array

    def __call__(self, X: Array) -> Array:
        return self.offset + ((X - self.center) / self.scale) @ self.weights


@dataclass(frozen=True)
class FamilyFit:
    """A fitted model of some family.

    predict: X (rows, d) to (rows,), both in units of the data.
    dof: degrees of freedom of the mean, without the noise variance; None where the family has no such number (it is then
    judged on held-out rows only).
    """

    predict: Callable[[Array], Array]
    dof: float | None
