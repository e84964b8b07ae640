"""Models of the logarithm of mean counts: the mean, Poisson regression, and ridge, by Newton's method (IRLS).

    -2 log L = 2 sum [mu - y eta] up to a constant,   eta = a + Z b = ln mu,   (A'WA + penalty) db = A'(y - mu) - penalty b

with A = [1, Z], Z standardised and W = mu (McCullagh & Nelder 1989, section 6.3). Where some combination of features goes with
zeros alone the likelihood has no maximum; TINY keeps the coefficients finite, and weighs nothing otherwise. Ridge takes the
penalty of lowest AICc with effective degrees of freedom tr (A'WA + penalty)^-1 A'WA (Hastie & Tibshirani 1990, section 6.8).

A row left out moves its own eta by a Newton step from the minimum (Pregibon, Ann. Stat. 9, 1981): with the variance
V = a'(A'WA + penalty)^-1 a of its eta, by -V (y - mu) / (1 - mu V); where mu V comes near 1 the model is fitted again without
the row.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve

from kanlab.arrays import Array
from kanlab.baselines.linear import standardised
from kanlab.baselines.logistic import MOST_REFITS, PENALTIES, RANK_TOLERANCE, TINY, TRUSTED_FREEDOM
from kanlab.baselines.protocol import Affine, FamilyFit
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import COUNTS, POISSON, exponential, log_mean_scaling

_MOST_STEPS = 100
_SETTLED = 1e-12  # decrease a step promises, relative to the objective


def constant(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The mean of the training rows."""
    _, center, scale = standardised(X)
    mean = float(y.mean()) or np.exp(log_mean_scaling(y)[0])

    def left_out() -> Array:
        others = (y.sum() - y) / max(len(y) - 1, 1)
        return np.where(others > 0, others, np.exp(log_mean_scaling(y)[0]))

    return FamilyFit(Affine(float(np.log(mean)), center, scale, np.zeros(X.shape[1]), COUNTS), 1.0, left_out)


def linear(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Poisson regression on all features; dof is the rank of the design."""
    Z, center, scale = standardised(X)
    b = newton(Z, y, TINY)
    rank = np.linalg.matrix_rank(np.column_stack([np.ones(len(Z)), Z]))
    return _fit(b, center, scale, float(rank), lambda: _left_out(Z, y, TINY, b))


def ridge(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Ridge Poisson regression at the penalty of lowest AICc over a grid of 40, in proportion to the total count."""
    Z, center, scale = standardised(X)
    n, total = len(y), max(float(y.sum()), 1.0)
    U, s, Vt = np.linalg.svd(Z, full_matrices=False)
    kept = s > RANK_TOLERANCE * np.maximum(s.max(initial=0.0), np.finfo(float).tiny)
    U, back = U[:, kept] * s[kept], Vt[kept]  # the same model in as many columns as the design has rank
    best: tuple[float, float, float, Array] | None = None
    b = None
    A = np.column_stack([np.ones(n), U])
    for penalty in PENALTIES[::-1] * total:  # from strong to weak: each fit starts from the one before
        b = newton(U, y, penalty, b)
        mu = exponential(A @ b)
        information = (A * mu[:, None]).T @ A
        charged = information + np.diag([0.0] + [penalty] * U.shape[1])
        dof = float(np.trace(solve(charged, information, assume_a="sym")))
        value = aicc_of(POISSON.misfit(mu, y), n, dof)
        if best is None or value < best[0]:
            best = value, dof, penalty, b
    assert best is not None
    _, dof, chosen, found = best
    weights = np.concatenate([found[:1], found[1:] @ back])
    return _fit(weights, center, scale, dof, lambda: _left_out(U, y, chosen, found))


def _fit(b: Array, center: Array, scale: Array, dof: float, left_out: Callable[[], Array]) -> FamilyFit:
    return FamilyFit(Affine(float(b[0]), center, scale, b[1:], COUNTS), dof, left_out)


def _penalties(columns: int, penalty: float) -> Array:
    """Of the intercept, which a table of zeros alone needs, and of the columns."""
    return np.concatenate([[TINY * 1e-3], np.full(columns, penalty)])


def _left_out(Z: Array, y: Array, penalty: float, b: Array) -> Array:
    """Means (n,) of the rows, each had it not been fitted at this penalty. b: of the fit to all of them."""
    A = np.column_stack([np.ones(len(y)), Z])
    eta = A @ b
    mu = exponential(eta)
    charged = (A * mu[:, None]).T @ A + np.diag(_penalties(Z.shape[1], penalty))
    variance = np.einsum("ij,ji->i", A, solve(charged, A.T, assume_a="pos"))
    freedom = 1.0 - mu * variance
    eta = eta - variance * (y - mu) / np.maximum(freedom, TRUSTED_FREEDOM)
    for row in np.argsort(freedom, kind="stable")[:MOST_REFITS]:
        if freedom[row] > TRUSTED_FREEDOM:
            break
        others = np.arange(len(y)) != row
        eta[row] = A[row] @ newton(Z[others], y[others], penalty, b)
    return exponential(eta)


def newton(Z: Array, y: Array, penalty: float, start: Array | None = None) -> Array:
    """Intercept and coefficients (1 + columns,) of least -2 log L + penalty |b|^2, the intercept unpenalised."""
    A = np.column_stack([np.ones(len(y)), Z])
    ridge = _penalties(Z.shape[1], penalty)
    b = np.array([log_mean_scaling(y)[0], *np.zeros(Z.shape[1])]) if start is None else start

    def objective(b: Array) -> float:
        eta = A @ b
        with np.errstate(over="ignore"):
            return float(2 * np.sum(np.exp(eta) - y * eta) + ridge @ b**2)

    value = objective(b)
    for _ in range(_MOST_STEPS):
        mu = exponential(A @ b)
        gradient = A.T @ (y - mu) - ridge * b
        hessian = (A * mu[:, None]).T @ A + np.diag(ridge)
        step = cho_solve(cho_factor(hessian + 1e-14 * np.trace(hessian) * np.eye(len(b))), gradient)
        promised, size = float(gradient @ step), 1.0
        while not objective(b + size * step) <= value and size > 1e-6:
            size /= 2
        moved = objective(b + size * step)
        if not moved <= value:
            break
        b, value = b + size * step, moved
        if promised <= _SETTLED * max(abs(value), 1.0):
            break
    return b
