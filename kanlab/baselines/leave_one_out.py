"""Residuals of rows a model has not seen, and how sure one model's are the smaller.

PRESS, the sum of squared leave-one-out residuals (Allen 1974), sees what an information criterion does not: a
row that decides its own prediction, noise that is larger for some rows than for others. The difference of two models' PRESS is
a sum over rows, so that the spread of its terms gives a standard error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

from kanlab.arrays import Array
from kanlab.baselines.linear import design, forward, mean_of, ridge
from kanlab.baselines.linear import linear as ordinary
from kanlab.baselines.protocol import FamilyFit

MOST_ROWS = 20_000  # beyond that a row left out changes nothing that AICc does not see
EXACT_ROWS = (
    100  # a search among features or penalties leaves out one row at a time up to here, then PARTS shares of them
)
PARTS = 20
SEEN = 1e-8  # of 1 - leverage: a row without which the design loses a direction


def constant(X: Array, y: Array, weights: Array | None = None) -> Array:
    """Leave-one-out residuals (n,) of the (weighted) mean."""
    if weights is None:
        return (y - y.mean()) * len(y) / (len(y) - 1)
    return np.asarray((y - mean_of(y, weights)) / (1.0 - weights / weights.sum()))


def linear(X: Array, y: Array, weights: Array | None = None) -> Array:
    """Leave-one-out residuals (n,) of least squares: e_i / (1 - h_i)."""
    Z, root = design(X, weights), np.ones(len(y)) if weights is None else np.sqrt(weights)
    U, s, _ = np.linalg.svd(Z, full_matrices=False)
    U = U[:, s > s[0] * max(Z.shape) * np.finfo(float).eps]
    freedom = 1.0 - np.einsum("ij,ij->i", U, U)
    residual = (root * y - U @ (U.T @ (root * y))) / (root * np.where(freedom > SEEN, freedom, 1.0))
    # a row that alone spans a direction fits itself: e / (1 - h) is 0 / 0 there, and only a refit without it tells
    for row in np.flatnonzero(freedom <= SEEN):
        others = np.arange(len(y)) != row
        without = ordinary(X[others], y[others], weights=None if weights is None else weights[others])
        residual[row] = y[row] - without.predict(X[row : row + 1])[0]
    return residual


class Predicts(Protocol):
    """A model of other rows."""

    def predict(self, X: Array, /) -> Array:
        """Of rows (n, d), (n,)."""


def refitted(
    fit: Callable[..., Predicts], X: Array, y: Array, parts: int | None = None, weights: Array | None = None
) -> Array:
    """Predictions (n,) or (n, classes) by fits without each row, of more than EXACT_ROWS rows without a share at once.

    fit: of rows (n, d) and targets (n,), and where there are weights of the keyword `weights` (n,).  parts: how many shares,
    whatever the number of rows.
    """
    n = len(y)
    part = np.random.default_rng(0).permutation(n) % min(parts or (n if n <= EXACT_ROWS else PARTS), n)
    predicted = []
    for number in range(int(part.max()) + 1):
        out = part == number
        of_others = {} if weights is None else {"weights": weights[~out]}
        predicted.append(fit(X[~out], y[~out], **of_others).predict(X[out]))
    return np.concatenate(predicted)[np.argsort(np.argsort(part, kind="stable"), kind="stable")]


def _gam(X: Array, y: Array, **of_rows: Array) -> FamilyFit:
    from kanlab.baselines.gam import fit  # which loads scikit-learn

    return fit(X, y, weights=of_rows.get("weights"))


def _by_refits(fit: Callable[..., Predicts]) -> Callable[..., Array]:
    def residuals(X: Array, y: Array, weights: Array | None = None) -> Array:
        return y - refitted(fit, X, y, weights=weights)

    return residuals


# of X (n, d), y (n,) and, where there are any, weights (n,)
LEFT_OUT: dict[str, Callable[..., Array]] = {
    "constant": constant,
    "linear": linear,
    "stepwise": _by_refits(forward),
    "ridge": _by_refits(ridge),
    "gam": _by_refits(_gam),
}
