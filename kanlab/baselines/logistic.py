"""Models of the log-odds of two classes: prevalence, logistic regression, and ridge, by Newton's method (IRLS).

    -2 log L = -2 sum [y eta - ln(1 + exp eta)],   eta = a + Z b,   (A'WA + penalty) db = A'(y - p) - penalty b

with A = [1, Z], Z standardised and W = p (1 - p) (McCullagh & Nelder 1989, section 4.4). Where a plane separates the classes
the likelihood has no maximum; TINY keeps the coefficients finite, and weighs nothing otherwise. Ridge takes the penalty of
lowest AICc with effective degrees of freedom tr (A'WA + penalty)^-1 A'WA (Hastie & Tibshirani 1990, section 6.8).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve
from scipy.special import expit, logit

from kanlab.arrays import Array
from kanlab.baselines.linear import standardised
from kanlab.baselines.protocol import Affine, FamilyFit
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import CLASSIFICATION

TINY = 1e-6  # penalty on standardised coefficients where none is asked for
PENALTIES = np.geomspace(1e-4, 1e3, 40)  # of ridge, a training row
RANK_TOLERANCE = 1e-10
_MOST_STEPS = 60
_SETTLED = 1e-12  # decrease a step promises, relative to the objective


def constant(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The share of 1 among the training rows."""
    _, center, scale = standardised(X)
    with np.errstate(divide="ignore"):  # one class alone
        return _fit(np.array([logit(y.mean()), *np.zeros(X.shape[1])]), center, scale, 1.0)


def linear(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Logistic regression on all features; dof is the rank of the design."""
    Z, center, scale = standardised(X)
    b = newton(Z, y, TINY)
    rank = np.linalg.matrix_rank(np.column_stack([np.ones(len(Z)), Z]))
    return _fit(b, center, scale, float(rank))


def ridge(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Ridge logistic regression at the penalty of lowest AICc over a grid of 40."""
    Z, center, scale = standardised(X)
    n = len(y)
    U, s, Vt = np.linalg.svd(Z, full_matrices=False)
    kept = s > RANK_TOLERANCE * np.maximum(s.max(initial=0.0), np.finfo(float).tiny)
    U, back = U[:, kept] * s[kept], Vt[kept]  # the same model in as many columns as the design has rank
    best: tuple[float, float, Array] | None = None
    b = None
    for penalty in PENALTIES[::-1] * n:  # from strong to weak: each fit starts from the one before
        b = newton(U, y, penalty, b)
        p = expit(b[0] + U @ b[1:])
        A = np.column_stack([np.ones(n), U])
        information = (A * (p * (1 - p))[:, None]).T @ A
        charged = information + np.diag([0.0] + [penalty] * U.shape[1])
        dof = float(np.trace(solve(charged, information, assume_a="sym"))) if p.std() else 1.0
        value = aicc_of(_deviance(b[0] + U @ b[1:], y), n, dof)
        if best is None or value < best[0]:
            best = value, dof, b
    assert best is not None
    _, dof, b = best
    return _fit(np.concatenate([b[:1], b[1:] @ back]), center, scale, dof)


def _fit(b: Array, center: Array, scale: Array, dof: float) -> FamilyFit:
    return FamilyFit(Affine(float(b[0]), center, scale, b[1:], CLASSIFICATION), dof)


def _deviance(eta: Array, y: Array) -> float:
    return float(2 * np.sum(np.logaddexp(0.0, eta) - y * eta))


def newton(Z: Array, y: Array, penalty: float, start: Array | None = None) -> Array:
    """Intercept and coefficients (1 + columns,) of least -2 log L + penalty |b|^2, the intercept unpenalised."""
    A = np.column_stack([np.ones(len(y)), Z])
    ridge = np.full(A.shape[1], penalty)
    ridge[0] = TINY  # holds the intercept of a single class
    b = np.zeros(A.shape[1]) if start is None else start

    def objective(b: Array) -> float:
        return _deviance(A @ b, y) + float(ridge @ b**2)

    value = objective(b)
    for _ in range(_MOST_STEPS):
        p = expit(A @ b)
        gradient = A.T @ (y - p) - ridge * b
        hessian = (A * (p * (1 - p))[:, None]).T @ A + np.diag(ridge)
        step = cho_solve(cho_factor(hessian + 1e-14 * np.trace(hessian) * np.eye(len(b))), gradient)
        promised, size = float(gradient @ step), 1.0
        while objective(b + size * step) > value and size > 1e-6:
            size /= 2
        b = b + size * step
        value = objective(b)
        if promised <= _SETTLED * max(value, 1.0):
            break
    return b
