"""The mean of several models as one: no formula of its own, and often less error than any of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kanlab.arrays import Array, Mask


class Member(Protocol):
    """As `kanlab.explain.models.Model`."""

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]: ...


@dataclass(frozen=True, eq=False)
class AveragedModel:
    """Models and their weights, which add up to 1."""

    members: Sequence[Member]
    weights: Sequence[float]

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]:
        """The weighted mean of the predictions; True where members of at least half the weight say that a row extrapolates."""
        found = [member.predict_flagged(X) for member in self.members]
        return weighted(found, self.weights)


def weighted(found: Sequence[tuple[Array, Mask]], weights: Sequence[float]) -> tuple[Array, Mask]:
    """Predictions and marks of several models as those of one."""
    values, marks = np.zeros_like(found[0][0]), np.zeros(len(found[0][1]))
    for weight, (predicted, outside) in zip(weights, found, strict=True):
        values = values + weight * predicted
        marks = marks + weight * outside
    return values, marks >= 0.5
