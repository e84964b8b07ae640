"""What predicts: a network, an average, or a model of another family that is held to the rows it was fitted to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from kanlab.arrays import Array, Mask
from kanlab.baselines.protocol import FamilyFit
from kanlab.baselines.registry import fit_to
from kanlab.data.dataset import Dataset
from kanlab.kan.layers import RANGE_TOLERANCE
from kanlab.kan.shapes import Shape
from kanlab.language import marked
from kanlab.stats.likelihood import REGRESSION, TaskName

HELD = marked(
    "The model goes on from the edge of that range with what it has learnt there, so trust these predictions less."
)
EXTENDED = marked("The straight line goes on there, so trust these predictions less.")


class Model(Protocol):
    """What predicts: inputs (rows, d) to outputs (rows,) on the scale of the fit, of more than two classes to probabilities
    (rows, classes), and True where a row had to be held.
    """

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]: ...


@dataclass(frozen=True, eq=False)
class HeldFamily:
    """A model of another family and the range (d,) its inputs had in the training rows.

    A linear model goes on beyond it as it does within; of any other family inputs are held to the range.
    """

    fitted: FamilyFit
    low: Array
    high: Array
    task: TaskName = REGRESSION
    family: str = ""

    @property
    def extends(self) -> bool:
        """Whether it is linear in its inputs, and is not held to the range of the training rows."""
        return self.fitted.extends

    def predict_flagged(self, X: Array) -> tuple[Array, Mask]:
        slack = RANGE_TOLERANCE * np.maximum(self.high - self.low, 1.0)
        outside = np.asarray(((self.low - slack > X) | (self.high + slack < X)).any(axis=1))
        return self.fitted.predict(X if self.extends else np.clip(X, self.low, self.high)), outside


def held_family(data: Dataset, family: str, seed: int, shape: Shape = Shape()) -> HeldFamily:
    """A model of another family fitted to the training rows, within what is demanded of the effects where it can be."""
    fitted = fit_to(family, data, seed, shape)
    fitted = replace(fitted, left_out=None)  # which holds the training rows
    return HeldFamily(fitted, data.X_train.min(axis=0), data.X_train.max(axis=0), data.task, family)


def extends(model: Model) -> bool:
    """Whether a model goes on beyond the training rows rather than being held at their edge."""
    return bool(getattr(model, "extends", False))
