"""Histogram gradient boosting with scikit-learn's defaults, judged on held-out rows only."""

from __future__ import annotations

from sklearn.ensemble import HistGradientBoostingRegressor

from kanlab.families.protocol import Array, FamilyFit


def fit(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Boosted trees."""
    model = HistGradientBoostingRegressor(random_state=seed).fit(X, y)
    return FamilyFit(model.predict, None)
