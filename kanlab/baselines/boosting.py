"""Histogram gradient boosting with scikit-learn's defaults, compared on held-out rows only."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from kanlab.arrays import Array
from kanlab.baselines import logistic
from kanlab.baselines.protocol import FamilyFit


def fit(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees."""
    model = HistGradientBoostingRegressor(random_state=seed).fit(X, y)
    return FamilyFit(model.predict, None)


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees of the log-odds; the prevalence where y holds one class alone."""
    if y.min() == y.max():
        return FamilyFit(logistic.constant(X, y).predict, None)
    model = HistGradientBoostingClassifier(random_state=seed).fit(X, y)
    return FamilyFit(lambda new: model.predict_proba(new)[:, 1], None)
