"""Spline GAM: a cubic spline of 10 knots a feature, added up and penalised, by effective dof (Hastie & Tibshirani 1990)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from scipy.interpolate import BSpline, PPoly
from sklearn.preprocessing import SplineTransformer

from kanlab.arrays import Array
from kanlab.baselines import logistic, poisson
from kanlab.baselines.linear import ridge
from kanlab.baselines.protocol import Affine, FamilyFit, OnTerms, Portable

KNOTS = 10
MOST_TERMS = 600  # of all classes


def fit(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """Additive cubic splines, linear beyond the training range; the penalty of lowest AICc."""
    return _on_splines(partial(ridge, weights=weights), X, y)


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for log-odds."""
    return _on_splines(logistic.ridge, X, y)


def classify_many(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for the log-odds of every class; of fewer knots where all of them would be more than MOST_TERMS terms."""
    knots = int(np.clip(MOST_TERMS // (X.shape[1] * y.shape[1]) - 2, 3, KNOTS))
    return _on_splines(logistic.ridge, X, y, knots)


def count(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for the logarithm of mean counts."""
    return _on_splines(poisson.ridge, X, y)


def _on_splines(shrunken: Callable[[Array, Array], FamilyFit], X: Array, y: Array, knots: int = KNOTS) -> FamilyFit:
    splines = SplineTransformer(n_knots=knots, degree=3, knots="quantile", extrapolation="linear", include_bias=False)
    inner = shrunken(splines.fit_transform(X), y)
    model = _OnSplines(splines, inner.predict)
    on_terms = OnTerms(splines.transform, inner.predict) if isinstance(inner.predict, Affine) else None
    return FamilyFit(Portable(model.predict, model.numbers, on_terms), inner.dof, inner.left_out)


@dataclass(frozen=True, eq=False)
class _OnSplines:
    """A linear model of splines. A class, and no function within one, so that an estimator that holds it can be pickled."""

    splines: SplineTransformer
    inner: Callable[[Array], Array]

    def predict(self, X: Array) -> Array:
        return self.inner(self.splines.transform(X))

    def numbers(self) -> dict[str, Any]:
        """As of `Portable`: a cubic between each two breaks of a feature."""
        affine, breaks, coef, at = self.inner, [], [], 0
        assert isinstance(affine, Affine)
        weights = (affine.weights.T / affine.scale).T
        for spline in self.splines.bsplines_:
            count = spline.c.shape[1] - 1  # the last basis function of a feature is left out
            columns = weights[at : at + count].reshape(count, -1).T  # one an output
            pieces = [PPoly.from_spline(BSpline(spline.t, np.append(w, 0.0), spline.k)) for w in columns]
            x = pieces[0].x
            real = np.flatnonzero(np.diff(x) > 0)  # knots that coincide have nothing between them
            real = real[(real >= spline.k) & (real < len(x) - 1 - spline.k)]  # within the training rows
            breaks.append([*x[real], x[real[-1] + 1]])
            cubic = np.stack([p.c[:, real].T for p in pieces], axis=-1)
            coef.append((cubic if weights.ndim == 2 else cubic[..., 0]).tolist())
            at += count
        offset = np.asarray(affine.offset - affine.center @ weights)
        return {"kind": "additive", "offset": offset.tolist(), "breaks": breaks, "coef": coef}
