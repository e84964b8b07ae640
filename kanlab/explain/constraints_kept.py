"""What becomes of a study's constraints in one of its models, looked up on the training rows: a statement for its bundle."""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.explain.models import Model
from kanlab.kan.constraints import Constraints
from kanlab.kan.shape_check import ROWS, STEPS, against_others, violations
from kanlab.language import say
from kanlab.stats.likelihood import COUNTS, MULTICLASS
from kanlab.text import listing

_SMALL = 1e-12  # of a probability or a mean count, whose logarithm is taken


def statement(model: Model, constraints: Constraints, data: Dataset) -> str:
    """What is demanded and whether the model keeps to it; "" where nothing is demanded of it."""
    shape = constraints.shape(data)

    def outputs(X: Array) -> Array:  # effects add up on the scale of the fit
        predicted = model.predict_flagged(X)[0]
        if data.task == COUNTS:
            return np.log(np.maximum(predicted, _SMALL))
        if data.task == MULTICLASS:
            logs = np.log(np.maximum(predicted, _SMALL))
            return against_others(logs[:, 1:] - logs[:, :1], shape.of_class)
        if data.levels:
            held = np.clip(predicted, _SMALL, 1.0 - _SMALL)
            return np.asarray(np.log(held) - np.log1p(-held))
        return predicted

    said = say("; ").join(constraints.sentences())
    if not shape:
        return said
    if broken := violations(outputs, data.X_train, shape):
        return say(
            "{said}. This model does not keep to them in {features}",
            said=said,
            features=listing(data.features[c] for c in broken),
        )
    return say(
        "{said}. Checked: kept in {rows} rows with each feature moved over its range in {steps} steps",
        said=said,
        rows=ROWS,
        steps=STEPS,
    )
