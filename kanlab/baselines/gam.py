"""Spline GAM: a cubic spline of 10 knots a feature, added up and penalised, by effective dof (Hastie & Tibshirani 1990)."""

from __future__ import annotations

from collections.abc import Callable

from sklearn.preprocessing import SplineTransformer

from kanlab.arrays import Array
from kanlab.baselines import logistic
from kanlab.baselines.linear import ridge
from kanlab.baselines.protocol import FamilyFit


def fit(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Additive cubic splines, linear beyond the training range; the penalty of lowest AICc."""
    return _on_splines(ridge, X, y)


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for log-odds."""
    return _on_splines(logistic.ridge, X, y)


def _on_splines(shrunken: Callable[[Array, Array], FamilyFit], X: Array, y: Array) -> FamilyFit:
    splines = SplineTransformer(n_knots=10, degree=3, knots="quantile", extrapolation="linear", include_bias=False)
    inner = shrunken(splines.fit_transform(X), y)
    return FamilyFit(lambda new: inner.predict(splines.transform(new)), inner.dof)
