"""Histogram gradient boosting with scikit-learn's defaults, compared on held-out rows only.

It keeps to demands for monotone effects and for features that do not interact; other demands it knows nothing of.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from kanlab.arrays import Array
from kanlab.baselines import logistic, poisson
from kanlab.baselines.protocol import FamilyFit, Portable
from kanlab.kan.shapes import Shape


def fit(X: Array, y: Array, seed: int = 0, shape: Shape = Shape(), *, weights: Array | None = None) -> FamilyFit:
    """Boosted trees."""
    model = HistGradientBoostingRegressor(random_state=seed, **_demands(shape, X.shape[1])).fit(X, y, weights)
    return FamilyFit(Portable(model.predict, lambda: _numbers(model)), None)


def classify(X: Array, y: Array, seed: int = 0, shape: Shape = Shape()) -> FamilyFit:
    """Boosted trees of the log-odds; the prevalence where y holds one class alone."""
    if y.min() == y.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    model = HistGradientBoostingClassifier(random_state=seed, **_demands(shape, X.shape[1])).fit(X, y)
    return FamilyFit(Portable(lambda new: model.predict_proba(new)[:, 1], lambda: _numbers(model)), None)


def classify_many(X: Array, y: Array, seed: int = 0, shape: Shape = Shape()) -> FamilyFit:
    """Boosted trees of every class, y (n, classes); the shares where y holds one class alone. scikit-learn's trees of more
    than two classes take no monotone effects.
    """
    number = y.argmax(axis=1)
    if number.min() == number.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    told = _demands(Shape(apart=shape.apart, linear=shape.linear, zero=shape.zero), X.shape[1])
    model = HistGradientBoostingClassifier(random_state=seed, **told).fit(X, number)
    predict, present = logistic.of_all_classes(model, y.shape[1]), model.classes_.astype(int)
    return FamilyFit(Portable(predict, lambda: _numbers(model, present, y.shape[1])), None)


def count(X: Array, y: Array, seed: int = 0, shape: Shape = Shape()) -> FamilyFit:
    """Boosted trees of the logarithm of mean counts, by Poisson deviance; the mean where all counts are 0."""
    if not y.any():
        return FamilyFit(poisson.constant(X, y).predict, None)
    model = HistGradientBoostingRegressor(loss="poisson", random_state=seed, **_demands(shape, X.shape[1])).fit(X, y)
    return FamilyFit(Portable(model.predict, lambda: _numbers(model)), None)


def _demands(shape: Shape, d: int) -> dict[str, Any]:
    """What scikit-learn is told of the effects of d features."""
    directions = [shape.direction(c) for c in range(d)]
    groups = [set(group) for group in shape.groups(d)] + [{c} for c in shape.linear]
    told: dict[str, Any] = {"monotonic_cst": directions} if any(directions) else {}
    return told | ({"interaction_cst": groups} if shape.apart else {})


def _numbers(
    model: HistGradientBoostingRegressor | HistGradientBoostingClassifier,
    present: Array | None = None,
    classes: int = 1,
) -> dict[str, Any]:
    """Its trees, which scikit-learn keeps in attributes of its own; tests/baselines/test_arithmetic.py watches over them.

    present: the classes it has seen, by number, of more than two.
    """
    raw, trees = np.ravel(model._baseline_prediction), []
    outputs = np.arange(len(raw)) if present is None else present
    offset = np.full(classes, logistic.UNSEEN)
    if len(raw) < len(outputs):  # two classes of more, one raw score
        offset[outputs], outputs = [0.0, float(raw[0])], outputs[1:]
    else:
        offset[outputs] = raw
    for grown in model._predictors:
        for output, tree in zip(outputs, grown, strict=True):
            inner = tree.nodes["is_leaf"] == 0
            trees.append(
                {
                    "feature": np.where(inner, tree.nodes["feature_idx"], 0).tolist(),
                    "threshold": np.where(inner, tree.nodes["num_threshold"], 0.0).tolist(),
                    "left": np.where(inner, tree.nodes["left"].astype(int), 0).tolist(),
                    "right": np.where(inner, tree.nodes["right"].astype(int), 0).tolist(),
                    "value": tree.nodes["value"].tolist(),
                }
                | ({} if present is None else {"output": int(output)})
            )
    return {"kind": "trees", "offset": float(offset[0]) if present is None else offset.tolist(), "trees": trees}
