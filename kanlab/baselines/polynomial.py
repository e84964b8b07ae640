"""Polynomial ridge: all products of two features and squares (cubes too for few features), penalised, by effective dof."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from sklearn.preprocessing import PolynomialFeatures

from kanlab.arrays import Array
from kanlab.baselines import logistic, poisson
from kanlab.baselines.linear import ridge
from kanlab.baselines.protocol import Affine, FamilyFit, OnTerms, Portable

MOST_TERMS = 400


def fit(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """The highest degree up to 3 that has at most 400 terms; the ridge of the linear family on its terms."""
    return _on_terms(partial(ridge, weights=weights), X, y)


def classify(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for log-odds."""
    return _on_terms(logistic.ridge, X, y)


def classify_many(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for the log-odds of every class, the terms counted for each."""
    return _on_terms(logistic.ridge, X, y, MOST_TERMS // (y.shape[1] - 1))


def count(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The same for the logarithm of mean counts."""
    return _on_terms(poisson.ridge, X, y)


def _on_terms(shrunken: Callable[[Array, Array], FamilyFit], X: Array, y: Array, most: int = MOST_TERMS) -> FamilyFit:
    center, scale = X.mean(axis=0), X.std(axis=0)
    scale[scale == 0] = 1.0
    for degree in (3, 2, 1):
        terms = PolynomialFeatures(degree, include_bias=False)
        if terms.fit(X[:1]).n_output_features_ <= most or degree == 1:
            break

    def expand(new: Array) -> Array:
        return terms.transform((new - center) / scale)

    inner = shrunken(expand(X), y)

    def numbers() -> dict[str, Any]:
        assert isinstance(inner.predict, Affine)
        affine = inner.predict
        weights = (affine.weights.T / affine.scale).T
        return {
            "kind": "polynomial",
            "center": center.tolist(),
            "scale": scale.tolist(),
            "powers": terms.powers_.tolist(),
            "weights": weights.tolist(),
            "offset": np.asarray(affine.offset - affine.center @ weights).tolist(),
        }

    on_terms = OnTerms(expand, inner.predict) if isinstance(inner.predict, Affine) else None
    predict = Portable(lambda new: inner.predict(expand(new)), numbers, on_terms)
    return FamilyFit(predict, inner.dof, inner.left_out)
