"""The families fitted for comparison, evaluated from their numbers with NumPy alone, as a bundle's predict.py does it.

Of classes each gives log-odds: (rows,), of more than two (rows, classes - 1), those of each against the first; of counts the
logarithm of the mean. X (rows, d) is within the range of the training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kanlab.arrays import Array


def polynomial(model: Mapping[str, Any], X: Array) -> Array:
    """offset + sum_t weights_t prod_j z_j^powers_tj of z = (x - center) / scale; an output has an offset and weights."""
    z = (X - np.array(model["center"])) / np.array(model["scale"])
    weights = np.array(model["weights"])
    terms = np.ones((len(X), len(weights)))
    for t, powers in enumerate(model["powers"]):
        for j, power in enumerate(powers):
            if power:
                terms[:, t] *= z[:, j] ** power
    return np.array(model["offset"]) + terms @ weights


def additive(model: Mapping[str, Any], X: Array) -> Array:
    """offset + sum_j f_j(x_j), f_j cubic between its breaks: sum_p coef_jip (x - breaks_ji)^(3 - p), coef of every output."""
    offset = np.array(model["offset"], dtype=float)
    total = np.zeros((len(X), *offset.shape)) + offset
    for j, (breaks, coef) in enumerate(zip(model["breaks"], model["coef"], strict=True)):
        left, cubic = np.array(breaks[:-1]), np.array(coef)
        i = np.clip(np.searchsorted(left, X[:, j], side="right") - 1, 0, len(left) - 1)
        step, value = (X[:, j] - left[i]).reshape(-1, *[1] * offset.ndim), np.zeros_like(total)
        for p in range(4):
            value = value * step + cubic[i, p]
        total += value
    return total


def perceptron(model: Mapping[str, Any], X: Array) -> Array:
    """Layers of max(0, z weights + biases) over standardised inputs, the last without the maximum and scaled back."""
    z = (X - np.array(model["center"])) / np.array(model["scale"])
    last = len(model["weights"]) - 1
    for number, (weights, biases) in enumerate(zip(model["weights"], model["biases"], strict=True)):
        z = z @ np.array(weights) + np.array(biases)
        z = z if number == last else np.maximum(z, 0.0)
    z = z * model["y_scale"] + model["y_offset"]
    return z[:, 0] if z.shape[1] == 1 else z


def trees(model: Mapping[str, Any], X: Array) -> Array:
    """offset + the values of the leaves that a row falls into, one a tree: left where x <= threshold; a leaf has no left.

    Of more than two classes each has an offset, and trees, which name it as `output`; log-odds are differences to the first.
    """
    offset, rows = np.atleast_1d(np.array(model["offset"], dtype=float)), np.arange(len(X))
    total = np.zeros((len(X), len(offset))) + offset
    for tree in model["trees"]:
        feature, threshold, left, right, value = (
            np.array(tree[name]) for name in ("feature", "threshold", "left", "right", "value")
        )
        at = np.zeros(len(X), dtype=int)
        while (left[at] > 0).any():
            goes_left = X[rows, feature[at]] <= threshold[at]
            at = np.where(left[at] > 0, np.where(goes_left, left[at], right[at]), at)
        total[:, tree.get("output", 0)] += value[at]
    return total[:, 0] if len(offset) == 1 else total[:, 1:] - total[:, :1]


FAMILIES = {"polynomial": polynomial, "additive": additive, "perceptron": perceptron, "trees": trees}
