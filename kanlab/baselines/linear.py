"""The mean, the linear model, stepwise selection and ridge, by dense least squares on standardised features.

Stepwise goes forward: the feature that lowers AICc most enters, until none does. A search among features fits noise better
than its coefficients tell, so it is charged its generalised degrees of freedom (kanlab.stats.generalised_dof).

Ridge takes the penalty of lowest AICc with the effective degrees of freedom of its hat matrix,
1 + sum s_i^2 / (s_i^2 + lambda) over the singular values s_i (Hastie, Tibshirani & Friedman 2009, section 3.4); where n
is about 2d it can say something that the full model cannot.
"""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array
from kanlab.baselines.protocol import Affine, FamilyFit
from kanlab.stats.criteria import aicc
from kanlab.stats.generalised_dof import SIZE

_PENALTIES = 60
DRAWS = 40  # pairs of perturbations
ROUNDING = 1e-28  # of the total sum of squares: a smaller rest is none, and would have no AICc


def standardised(X: Array) -> tuple[Array, Array, Array]:
    """Columns of mean 0 and deviation 1 (constant ones of 0), and the means and deviations."""
    center, scale = X.mean(axis=0), X.std(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    return (X - center) / scale, center, scale


def design(X: Array) -> Array:
    """A column of ones and the standardised features, (n, d + 1)."""
    return np.column_stack([np.ones(len(X)), standardised(X)[0]])


def _least_squares(X: Array, y: Array, chosen: list[int]) -> FamilyFit:
    """Least squares with an intercept on some of the features; dof is the rank of the design."""
    Z, center, scale = standardised(X)
    y_mean = y.mean()
    weights, _, rank, _ = np.linalg.lstsq(np.column_stack([np.ones(len(Z)), Z[:, chosen]]), y - y_mean, rcond=None)

    every = np.zeros(X.shape[1])
    every[chosen] = weights[1:]
    return FamilyFit(Affine(y_mean + weights[0], center, scale, every), float(rank))


def constant(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The mean of y."""
    return _least_squares(X, y, [])


def linear(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Ordinary least squares on all features."""
    return _least_squares(X, y, list(range(X.shape[1])))


def stepwise(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Forward selection by AICc. Its dof are generalised ones, so that the search among features is counted as well."""
    n, found = len(y), forward(X, y)
    centred, (Q, R) = y - y.mean(), _span(X)
    size = SIZE * float(np.sqrt(np.mean((found.predict(X) - y) ** 2)))
    if size <= np.sqrt(ROUNDING) * y.std():
        return found
    draws = []
    for signs in np.random.default_rng(0).choice([-1.0, 1.0], (DRAWS, n)):
        step = size * signs
        along, deviation = Q.T @ step, step - step.mean()
        plus, minus = (_forward(R, Q.T @ centred + s * along, centred + s * deviation, n)[1] for s in (1, -1))
        draws.append(along @ (plus - minus) / (2 * size**2))
    return FamilyFit(found.predict, max(found.dof or 0.0, 1.0 + float(np.mean(draws))))


def forward(X: Array, y: Array) -> FamilyFit:
    """Forward selection by AICc, its dof the rank of the chosen features alone."""
    centred, (Q, R) = y - y.mean(), _span(X)
    return _least_squares(X, y, _forward(R, Q.T @ centred, centred, len(y))[0])


def _span(X: Array) -> tuple[Array, Array]:
    """Q and R of the standardised features: all of a selection happens in their span."""
    Q, R = np.linalg.qr(standardised(X)[0])
    return Q, R


def _forward(R: Array, y: Array, whole: Array, n: int) -> tuple[list[int], Array]:
    """Columns of R that enter, in their order, and the fit to y (r,), the part of `whole` in the span of the features."""
    columns, residual = R, y
    total = float(whole @ whole)
    beyond = max(total - float(y @ y), 0.0)  # what no feature can explain
    chosen: list[int] = []
    best = aicc(total, n, 2)
    while len(chosen) < R.shape[1]:
        norms = np.einsum("ij,ij->j", columns, columns)
        gain = np.where(norms > 1e-10 * n, (residual @ columns) ** 2 / np.maximum(norms, 1e-300), 0.0)
        gain[chosen] = 0.0
        entering = int(np.argmax(gain))
        left = max(float(residual @ residual) + beyond - gain[entering], ROUNDING * total)
        value = aicc(left, n, len(chosen) + 3)
        if gain[entering] <= 0 or not value < best:
            break
        best = value
        chosen.append(entering)
        direction = columns[:, entering] / np.sqrt(norms[entering])
        residual = residual - direction * (direction @ residual)
        columns = columns - np.outer(direction, direction @ columns)  # Gram-Schmidt: what the chosen do not explain
    return chosen, y - residual


def ridge(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Ridge regression at the penalty of lowest AICc over a grid of 60."""
    Z, center, scale = standardised(X)
    y_mean, n = y.mean(), len(y)
    U, s, Vt = np.linalg.svd(Z, full_matrices=False)
    kept = s > 1e-10 * max(s[0], 1e-300) if len(s) else np.zeros(0, dtype=bool)
    U, s, Vt = U[:, kept], s[kept], Vt[kept]
    along = U.T @ (y - y_mean)
    rest = float(np.sum((y - y_mean) ** 2) - np.sum(along**2))
    best: tuple[float, float, Array] | None = None
    for penalty in np.geomspace(1e-4, 1e5, _PENALTIES) * n:
        shrink = s**2 / (s**2 + penalty)
        dof = 1.0 + float(shrink.sum())
        rss = max(rest, 0.0) + float(np.sum(((1 - shrink) * along) ** 2))
        value = aicc(rss, n, dof + 1)
        if best is None or value < best[0]:
            best = value, dof, Vt.T @ (shrink * along / s)
    assert best is not None
    _, dof, weights = best
    return FamilyFit(Affine(y_mean, center, scale, weights), dof)
