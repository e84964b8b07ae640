"""Histogram gradient boosting with scikit-learn's defaults, compared on held-out rows only."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from kanlab.arrays import Array
from kanlab.baselines import logistic, poisson
from kanlab.baselines.protocol import FamilyFit, Portable


def fit(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees."""
    model = HistGradientBoostingRegressor(random_state=seed).fit(X, y)
    return FamilyFit(Portable(model.predict, lambda: _numbers(model)), None)


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees of the log-odds; the prevalence where y holds one class alone."""
    if y.min() == y.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    model = HistGradientBoostingClassifier(random_state=seed).fit(X, y)
    return FamilyFit(Portable(lambda new: model.predict_proba(new)[:, 1], lambda: _numbers(model)), None)


def classify_many(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees of every class, y (n, classes); the shares where y holds one class alone."""
    number = y.argmax(axis=1)
    if number.min() == number.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    model = HistGradientBoostingClassifier(random_state=seed).fit(X, number)
    return FamilyFit(logistic.of_all_classes(model, y.shape[1]), None)


def count(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees of the logarithm of mean counts, by Poisson deviance; the mean where all counts are 0."""
    if not y.any():
        return FamilyFit(poisson.constant(X, y).predict, None)
    model = HistGradientBoostingRegressor(loss="poisson", random_state=seed).fit(X, y)
    return FamilyFit(Portable(model.predict, lambda: _numbers(model)), None)


def _numbers(model: HistGradientBoostingRegressor | HistGradientBoostingClassifier) -> dict[str, Any]:
    """Its trees, which scikit-learn keeps in attributes of its own; tests/baselines/test_arithmetic.py watches over them."""
    trees = []
    for (grown,) in model._predictors:
        nodes = grown.nodes
        inner = nodes["is_leaf"] == 0
        trees.append(
            {
                "feature": np.where(inner, nodes["feature_idx"], 0).tolist(),
                "threshold": np.where(inner, nodes["num_threshold"], 0.0).tolist(),
                "left": np.where(inner, nodes["left"].astype(int), 0).tolist(),
                "right": np.where(inner, nodes["right"].astype(int), 0).tolist(),
                "value": nodes["value"].tolist(),
            }
        )
    return {"kind": "trees", "offset": float(np.ravel(model._baseline_prediction)[0]), "trees": trees}
