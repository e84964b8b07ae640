"""What a family gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class FamilyFit:
    """A fitted model of some family.

    predict: X (rows, d) to (rows,), both in units of the data; of classes, to the probabilities of 1.
    dof: degrees of freedom of the mean, without the noise variance; None where the family has no such number (it is then
    judged on held-out rows only).
    """

    predict: Callable[[Array], Array]
    dof: float | None
