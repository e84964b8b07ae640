"""The families fitted for comparison, evaluated from their numbers with NumPy alone, as a bundle's predict.py does it.

Of classes each gives log-odds, of counts the logarithm of the mean. X (rows, d) is within the range of the training rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from kanlab.arrays import Array


def polynomial(model: Mapping[str, Any], X: Array) -> Array:
    """offset + sum_t weights_t prod_j z_j^powers_tj of z = (x - center) / scale."""
    z = (X - np.array(model["center"])) / np.array(model["scale"])
    total = np.full(len(X), float(model["offset"]))
    for powers, weight in zip(model["powers"], model["weights"], strict=True):
        term = np.full(len(X), float(weight))
        for j, power in enumerate(powers):
            if power:
                term *= z[:, j] ** power
        total += term
    return total


def additive(model: Mapping[str, Any], X: Array) -> Array:
    """offset + sum_j f_j(x_j), f_j cubic between its breaks: sum_p coef_jip (x - breaks_ji)^(3 - p)."""
    total = np.full(len(X), float(model["offset"]))
    for j, (breaks, coef) in enumerate(zip(model["breaks"], model["coef"], strict=True)):
        left, cubic = np.array(breaks[:-1]), np.array(coef)
        i = np.clip(np.searchsorted(left, X[:, j], side="right") - 1, 0, len(left) - 1)
        step, value = X[:, j] - left[i], np.zeros(len(X))
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
    return z[:, 0] * model["y_scale"] + model["y_offset"]


def trees(model: Mapping[str, Any], X: Array) -> Array:
    """offset + the values of the leaves that a row falls into, one a tree: left where x <= threshold; a leaf has no left."""
    total, rows = np.full(len(X), float(model["offset"])), np.arange(len(X))
    for tree in model["trees"]:
        feature, threshold, left, right, value = (
            np.array(tree[name]) for name in ("feature", "threshold", "left", "right", "value")
        )
        at = np.zeros(len(X), dtype=int)
        while (left[at] > 0).any():
            goes_left = X[rows, feature[at]] <= threshold[at]
            at = np.where(left[at] > 0, np.where(goes_left, left[at], right[at]), at)
        total += value[at]
    return total


FAMILIES = {"polynomial": polynomial, "additive": additive, "perceptron": perceptron, "trees": trees}
