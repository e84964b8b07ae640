r"""Models of the log-odds of three and more classes: their shares, multinomial logistic regression, and ridge.

    -2 log L = -2 sum_i ln p_(class of i),    p = softmax(C'theta),    theta = a + B'z

with the contrasts C of kanlab.solver.multinomial, in which a penalty on B treats all classes alike, and z standardised.
Newton's method for (a, B) at once; where planes separate the classes the likelihood has no maximum, and TINY keeps the
coefficients finite. Ridge takes the penalty of lowest AICc with effective degrees of freedom tr (H + penalty)^-1 H.
Coefficients are given back as log-odds against the first class (Agresti, Categorical Data Analysis, 2013, section 8.1).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from kanlab.arrays import Array
from kanlab.baselines.linear import standardised
from kanlab.baselines.logistic import PENALTIES, RANK_TOLERANCE, TINY
from kanlab.baselines.protocol import Affine, FamilyFit
from kanlab.solver.multinomial import contrasts, curvature, prior, probabilities, to_log_odds
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import MULTICLASS, MULTINOMIAL

FEW = 300  # coefficients up to which ridge looks at every penalty; of more at every fourth
_MOST_STEPS = 60
_SETTLED = 1e-12  # decrease a step promises, relative to the objective


def constant(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The shares of the classes among the training rows, y (n, classes)."""
    _, center, scale = standardised(X)
    with np.errstate(divide="ignore"):  # a class without rows
        shares = np.log(np.maximum(y.mean(axis=0), np.finfo(float).tiny))
    offset = shares[1:] - shares[0]
    return FamilyFit(Affine(offset, center, scale, np.zeros((X.shape[1], len(offset))), MULTICLASS), float(len(offset)))


def linear(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Multinomial logistic regression on all features; dof is the rank of the design times the log-odds."""
    Z, center, scale = standardised(X)
    b, _ = newton(Z, y, TINY)
    rank = np.linalg.matrix_rank(np.column_stack([np.ones(len(Z)), Z]))
    return _fit(b, center, scale, float(rank * (y.shape[1] - 1)))


def ridge(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Ridge multinomial regression at the penalty of lowest AICc."""
    Z, center, scale = standardised(X)
    n, m = len(y), y.shape[1] - 1
    U, s, Vt = np.linalg.svd(Z, full_matrices=False)
    kept = s > RANK_TOLERANCE * np.maximum(s.max(initial=0.0), np.finfo(float).tiny)
    U, back = U[:, kept] * s[kept], Vt[kept]  # the same model in as many columns as the design has rank
    number = y.argmax(axis=1)
    best: tuple[float, float, Array] | None = None
    b = None
    penalties = PENALTIES[::-1] if U.shape[1] * m <= FEW else PENALTIES[::-4]
    for penalty in penalties * n:  # from strong to weak: each fit starts from the one before
        b, dof = newton(U, y, penalty, b)
        p = probabilities((np.column_stack([np.ones(n), U]) @ b).T).T
        value = aicc_of(MULTINOMIAL.misfit(p, number), n, dof)
        if best is None or value < best[0]:
            best = value, dof, b
    assert best is not None
    _, dof, b = best
    return _fit(np.concatenate([b[:1], back.T @ b[1:]]), center, scale, dof)


def _fit(b: Array, center: Array, scale: Array, dof: float) -> FamilyFit:
    eta = b @ to_log_odds(b.shape[1] + 1).T
    return FamilyFit(Affine(eta[0], center, scale, eta[1:], MULTICLASS), dof)


def newton(Z: Array, y: Array, penalty: float, start: Array | None = None) -> tuple[Array, float]:
    """Intercepts and coefficients (1 + columns, m) in contrasts, of least -2 log L + penalty |B|^2, and their edf."""
    A, Y = np.column_stack([np.ones(len(y)), Z]), y.T
    m, q, C = y.shape[1] - 1, A.shape[1], contrasts(y.shape[1])
    ridge = np.full(q, penalty)
    ridge[0] = TINY  # holds the intercepts of classes without rows
    b = np.zeros((q, m)) if start is None else start
    if start is None:
        b[0] = prior(Y)[:, 0]

    def objective(b: Array) -> float:
        z = C.T @ (A @ b).T
        z -= z.max(axis=0)
        deviance = 2.0 * (np.sum(np.log(np.sum(np.exp(z), axis=0))) - np.sum(z * Y))
        return float(deviance + np.sum(ridge[:, None] * b**2))

    value = objective(b)
    for _ in range(_MOST_STEPS):
        theta = (A @ b).T
        gradient = A.T @ (C @ (Y - probabilities(theta))).T - ridge[:, None] * b
        W = curvature(theta, 0.0)
        information = np.empty((m, q, m, q))
        for o in range(m):
            information[o] = ((W[o, :, None] * A.T).reshape(m * q, -1) @ A).reshape(m, q, q).transpose(1, 0, 2)
        information = information.reshape(m * q, m * q)
        charged = information + np.diag(np.tile(ridge, m))
        factor = cho_factor(charged + 1e-14 * np.trace(charged) * np.eye(m * q))
        step = cho_solve(factor, gradient.T.ravel()).reshape(m, q).T
        promised, size = float(np.sum(gradient * step)), 1.0
        while objective(b + size * step) > value and size > 1e-6:
            size /= 2
        b = b + size * step
        value = objective(b)
        if promised <= _SETTLED * max(value, 1.0):
            break
    held = np.diag(cho_solve(factor, np.diag(np.tile(ridge, m))))
    return b, float(m * q - held.sum())


def of_all_classes(model: Any, classes: int) -> Callable[[Array], Array]:
    """Probabilities (n, classes) of a classifier of scikit-learn, 0 for classes it has not seen."""

    def predict(new: Array) -> Array:
        p = np.zeros((len(new), classes))
        p[:, model.classes_.astype(int)] = model.predict_proba(new)
        return p

    return predict
