"""The mean, the linear model, stepwise selection and ridge, by dense least squares on standardised features.

Stepwise goes forward: the feature that lowers AICc most enters, until none does. A search among features fits noise better
than its coefficients tell, so it is charged its generalised degrees of freedom (kanlab.stats.generalised_dof).

Ridge takes the penalty of lowest AICc with the effective degrees of freedom of its hat matrix,
1 + sum s_i^2 / (s_i^2 + lambda) over the singular values s_i (Hastie, Tibshirani & Friedman 2009, section 3.4); where n
is about 2d it can say something that the full model cannot.

Rows of unequal precision w_i have their features, the intercept's ones and the target multiplied by sqrt(w_i): their errors
are then of one variance, and all else is as above (Aitken 1935).
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


def standardised(X: Array, weights: Array | None = None) -> tuple[Array, Array, Array]:
    """Columns of (weighted) mean 0 and deviation 1, constant ones of 0, and the means and deviations."""
    if weights is None:
        center, scale = X.mean(axis=0), X.std(axis=0)
    else:
        share = weights / weights.sum()
        center = share @ X
        scale = np.where(np.ptp(X, axis=0) > 0, np.sqrt(share @ (X - center) ** 2), 0.0)
    scale = np.where(scale > 0, scale, 1.0)
    return (X - center) / scale, center, scale


def design(X: Array, weights: Array | None = None) -> Array:
    """A column of ones and the standardised features, (n, d + 1), each row times the root of its weight."""
    columns = np.column_stack([np.ones(len(X)), standardised(X, weights)[0]])
    return columns if weights is None else np.sqrt(weights)[:, None] * columns


def mean_of(y: Array, weights: Array | None) -> float:
    """The (weighted) mean."""
    return float(y.mean() if weights is None else np.average(y, weights=weights))


def _rooted(values: Array, weights: Array | None) -> Array:
    """Rows (n,) or (n, d) times the roots of their weights: errors of one variance again."""
    if weights is None:
        return values
    root = np.sqrt(weights)
    return np.asarray(root * values if values.ndim == 1 else root[:, None] * values)


def _least_squares(X: Array, y: Array, chosen: list[int], weights: Array | None = None) -> FamilyFit:
    """Least squares with an intercept on some of the features; dof is the rank of the design."""
    Z, center, scale = standardised(X, weights)
    y_mean = mean_of(y, weights)
    A = _rooted(np.column_stack([np.ones(len(Z)), Z[:, chosen]]), weights)
    found, _, rank, _ = np.linalg.lstsq(A, _rooted(y - y_mean, weights), rcond=None)

    every = np.zeros(X.shape[1])
    every[chosen] = found[1:]
    return FamilyFit(Affine(y_mean + found[0], center, scale, every), float(rank))


def constant(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """The mean of y."""
    return _least_squares(X, y, [], weights)


def linear(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """Least squares on all features."""
    return _least_squares(X, y, list(range(X.shape[1])), weights)


def stepwise(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """Forward selection by AICc. Its dof are generalised ones, so that the search among features is counted as well."""
    n, found = len(y), forward(X, y, weights=weights)
    centred, (Q, R) = _rooted(y - mean_of(y, weights), weights), _span(X, weights)
    size = SIZE * float(np.sqrt(np.mean(_rooted(found.predict(X) - y, weights) ** 2)))
    if size <= np.sqrt(ROUNDING) * y.std():
        return found
    ones = _rooted(np.ones(n), weights)
    draws = []
    for signs in np.random.default_rng(0).choice([-1.0, 1.0], (DRAWS, n)):
        step = size * signs
        along = Q.T @ step
        deviation = step - step.mean() if weights is None else step - ones * (ones @ step) / (ones @ ones)
        plus, minus = (_forward(R, Q.T @ centred + s * along, centred + s * deviation, n)[1] for s in (1, -1))
        draws.append(along @ (plus - minus) / (2 * size**2))
    return FamilyFit(found.predict, max(found.dof or 0.0, 1.0 + float(np.mean(draws))))


def forward(X: Array, y: Array, *, weights: Array | None = None) -> FamilyFit:
    """Forward selection by AICc, its dof the rank of the chosen features alone."""
    centred, (Q, R) = _rooted(y - mean_of(y, weights), weights), _span(X, weights)
    return _least_squares(X, y, _forward(R, Q.T @ centred, centred, len(y))[0], weights)


def _span(X: Array, weights: Array | None = None) -> tuple[Array, Array]:
    """Q and R of the standardised features: all of a selection happens in their span."""
    Q, R = np.linalg.qr(_rooted(standardised(X, weights)[0], weights))
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


def ridge(X: Array, y: Array, seed: int = 0, *, weights: Array | None = None) -> FamilyFit:
    """Ridge regression at the penalty of lowest AICc over a grid of 60."""
    weights = None if weights is None else weights / weights.mean()  # so that the penalties are those of equal rows
    Z, center, scale = standardised(X, weights)
    y_mean, n = mean_of(y, weights), len(y)
    centred = _rooted(y - y_mean, weights)
    U, s, Vt = np.linalg.svd(_rooted(Z, weights), full_matrices=False)
    kept = s > 1e-10 * max(s[0], 1e-300) if len(s) else np.zeros(0, dtype=bool)
    U, s, Vt = U[:, kept], s[kept], Vt[kept]
    along = U.T @ centred
    rest = float(np.sum(centred**2) - np.sum(along**2))
    shrink = s**2 / (s**2 + np.geomspace(1e-4, 1e5, _PENALTIES)[:, None] * n)  # a row a penalty
    dof = 1.0 + shrink.sum(axis=1)
    rss = max(rest, 0.0) + np.sum(((1 - shrink) * along) ** 2, axis=1)
    best = int(np.argmin([aicc(left, n, spent + 1) for left, spent in zip(rss.tolist(), dof.tolist(), strict=True)]))
    slopes = Vt.T @ (shrink[best] * along / s)
    return FamilyFit(Affine(y_mean, center, scale, slopes), float(dof[best]))
