r"""Models of the log-odds of two and more classes: their shares, logistic regression, and ridge, by Newton's method (IRLS).

    -2 log L = -2 sum_i ln p_(class of i),    p = softmax(C'theta),    theta = a + B'z

with z standardised and the contrasts C of kanlab.solver.multinomial, in which a penalty on B treats all classes alike; two
classes have C = (-1/2, 1/2), and theta is their log-odds. With a row x = (1, z) of the design, G and W the information of all
coefficients and of a row (kanlab.solver.multinomial), each step solves

    (G + penalty) db = sum_i x_i e_i' - penalty b,    G = sum_i x_i x_i' x W_i,    e = C (y - p)

(McCullagh & Nelder 1989, section 4.4). Where planes separate the classes the likelihood has no maximum; TINY keeps the
coefficients finite, and weighs nothing otherwise. Ridge takes the penalty of lowest AICc with effective degrees of freedom
tr (G + penalty)^-1 G (Hastie & Tibshirani 1990, section 6.8).

A row left out moves its own theta by a Newton step from the minimum (Pregibon, Ann. Stat. 9, 1981; Rad & Maleki, J. R. Stat.
Soc. B 82, 2020): with V = x'(G + penalty)^-1 x, (m, m), the variance of its theta, by

    -V (1 - W V)^-1 e

and where W V comes near 1 it is fitted again without the row.
Coefficients are given back as log-odds against the first class (Agresti, Categorical Data Analysis, 2013, section 8.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from kanlab.arrays import Array
from kanlab.baselines.linear import standardised
from kanlab.baselines.protocol import Affine, FamilyFit
from kanlab.solver.multinomial import contrasts, curvature, prior, probabilities, to_log_odds
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import CLASSIFICATION, MULTICLASS, MULTINOMIAL

TINY = 1e-6  # penalty on standardised coefficients where none is asked for
PENALTIES = np.geomspace(1e-4, 1e3, 40)  # of ridge, a training row
FEW = 300  # coefficients up to which ridge looks at every penalty; of more at every fourth
RANK_TOLERANCE = 1e-10
UNSEEN = -700.0  # logit of a class that a model has not seen, against those it has
TRUSTED_FREEDOM = 0.2  # least eigenvalue of 1 - W V: below that the row is left out and the model fitted again
MOST_REFITS = 40
_MOST_STEPS = 60
_SETTLED = 1e-12  # decrease a step promises, relative to the objective


def constant(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """The shares of the classes among the training rows; y (n,) of 0 and 1, or (n, classes) with a 1 in every row."""
    Y, (_, center, scale) = _by_class(y), standardised(X)
    with np.errstate(divide="ignore"):  # a class without rows
        logs = np.log(Y.mean(axis=0) if y.ndim == 1 else np.maximum(Y.mean(axis=0), np.finfo(float).tiny))
    weights = np.zeros((X.shape[1], Y.shape[1] - 1))
    model = _affine(y, logs[1:] - logs[0], center, scale, weights)
    return FamilyFit(model, float(Y.shape[1] - 1), partial(_shares_left_out, Y, y.ndim == 1))


def linear(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Logistic regression on all features; dof is the rank of the design times the log-odds."""
    Z, center, scale = standardised(X)
    found = newton(Z, y, TINY)
    rank = np.linalg.matrix_rank(np.column_stack([np.ones(len(Z)), Z]))
    return _fit(y, found, found.b, center, scale, float(rank * found.b.shape[1]))


def ridge(X: Array, y: Array, seed: int = 0) -> FamilyFit:
    """Ridge logistic regression at the penalty of lowest AICc over a grid of 40."""
    Z, center, scale = standardised(X)
    n, m = len(y), _by_class(y).shape[1] - 1
    U, s, Vt = np.linalg.svd(Z, full_matrices=False)
    kept = s > RANK_TOLERANCE * np.maximum(s.max(initial=0.0), np.finfo(float).tiny)
    U, back = U[:, kept] * s[kept], Vt[kept]  # the same model in as many columns as the design has rank
    number = _by_class(y).argmax(axis=1)
    best: tuple[float, float, Newton] | None = None
    b = None
    for penalty in (PENALTIES[::-1] if U.shape[1] * m <= FEW else PENALTIES[::-4]) * n:
        found = newton(U, y, penalty, b)  # from strong to weak: each fit starts from the one before
        value = aicc_of(MULTINOMIAL.misfit(probabilities(found.theta).T, number), n, found.dof)
        if best is None or value < best[0]:
            best = value, found.dof, found
        b = found.b
    assert best is not None
    _, dof, found = best
    return _fit(y, found, np.concatenate([found.b[:1], back.T @ found.b[1:]]), center, scale, dof)


def _fit(y: Array, found: Newton, b: Array, center: Array, scale: Array, dof: float) -> FamilyFit:
    """Coefficients b (1 + d, m) in contrasts as a fit; found: that of the same model."""
    eta = b @ to_log_odds(b.shape[1] + 1).T
    return FamilyFit(_affine(y, eta[0], center, scale, eta[1:]), dof, partial(_rows_left_out, found, y.ndim == 1))


def _rows_left_out(found: Newton, of_two: bool) -> Array:
    p = probabilities(found.left_out().T).T
    return p[:, 1] if of_two else p


def _shares_left_out(Y: Array, of_two: bool) -> Array:
    p = np.maximum(Y.sum(axis=0) - Y, 0.0) / (len(Y) - 1)
    return p[:, 1] if of_two else p


def _affine(y: Array, offset: Array, center: Array, scale: Array, weights: Array) -> Affine:
    """Log-odds offset (m,) and weights (d, m) as a model of the classes of y."""
    if y.ndim == 1:
        return Affine(float(offset[0]), center, scale, weights[:, 0], CLASSIFICATION)
    return Affine(offset, center, scale, weights, MULTICLASS)


def _by_class(y: Array) -> Array:
    """y (n,) of 0 and 1 as (n, 2) with a 1 in every row; y (n, classes) as it is."""
    return np.column_stack([1.0 - y, y]) if y.ndim == 1 else y


@dataclass(frozen=True, eq=False)
class Newton:
    """A penalised logistic regression at its minimum.

    A (n, q): design with its column of ones.  Y (n, c).  penalty (q,).  b (q, m): coefficients in contrasts.  factor:
    Cholesky factor of the penalised information of all coefficients, output by output.
    """

    A: Array
    Y: Array
    penalty: Array
    b: Array
    factor: Any

    @property
    def theta(self) -> Array:
        """(m, n)."""
        return np.asarray((self.A @ self.b).T)

    @cached_property
    def dof(self) -> float:
        """Effective degrees of freedom, tr (G + penalty)^-1 G."""
        m, q = self.b.shape[1], len(self.b)
        held = cho_solve(self.factor, np.diag(np.tile(self.penalty, m)))
        return float(m * q - np.trace(held))

    def left_out(self) -> Array:
        """theta (n, m) of each row, had it not been fitted."""
        m, q = self.b.shape[1], len(self.b)
        inverse = cho_solve(self.factor, np.eye(m * q)).reshape(m, q, m, q)
        V = np.empty((len(self.A), m, m))
        for o in range(m):
            for other in range(o, m):
                V[:, o, other] = V[:, other, o] = np.einsum(
                    "iq,qr,ir->i", self.A, inverse[o, :, other], self.A, optimize=True
                )
        W = curvature(self.theta, 0.0).transpose(2, 0, 1)
        e = (contrasts(m + 1) @ (self.Y.T - probabilities(self.theta))).T[:, :, None]
        freedom = np.eye(m) - W @ V
        theta = self.theta.T - (V @ np.linalg.solve(freedom, e))[:, :, 0]
        least = np.linalg.eigvals(freedom).real.min(axis=1)
        for row in np.argsort(least, kind="stable")[:MOST_REFITS]:
            if least[row] > TRUSTED_FREEDOM:
                break
            theta[row] = self._without(row)
        return theta

    def _without(self, row: int) -> Array:
        """theta (m,) of a row, by a fit to the others, about whose means a column that does not vary there says nothing."""
        others = np.arange(len(self.A)) != row
        center = np.append(0.0, self.A[others, 1:].mean(axis=0))
        b = self.b.copy()
        b[0] += center @ self.b
        fitted = _minimum(self.A[others] - center, self.Y[others], self.penalty, b)
        return np.asarray((self.A[row] - center) @ fitted.b)


def newton(Z: Array, y: Array, penalty: float, start: Array | None = None) -> Newton:
    """Least -2 log L + penalty |B|^2, the intercepts unpenalised.

    Z (n, columns); y (n,) of 0 and 1, or (n, classes).  start: coefficients (1 + columns, m) to begin at.
    """
    A, Y = np.column_stack([np.ones(len(Z)), Z]), _by_class(y)
    held = np.full(A.shape[1], penalty)
    held[0] = TINY  # holds the intercepts of classes without rows
    b = np.zeros((A.shape[1], Y.shape[1] - 1)) if start is None else start
    if start is None:
        b[0] = prior(Y.T)[:, 0]
    return _minimum(A, Y, held, b)


def _minimum(A: Array, Y: Array, penalty: Array, b: Array) -> Newton:
    """Newton's method with step halving from coefficients b (q, m)."""
    m, q, C = b.shape[1], A.shape[1], contrasts(Y.shape[1])
    columns = np.ascontiguousarray(A.T)  # or each reshape below copies

    def objective(b: Array) -> float:
        z = C.T @ (A @ b).T
        z -= z.max(axis=0)
        deviance = 2.0 * (np.sum(np.log(np.sum(np.exp(z), axis=0))) - np.sum(z * Y.T))
        return float(deviance + np.sum(penalty[:, None] * b**2))

    value = objective(b)
    for _ in range(_MOST_STEPS):
        theta = (A @ b).T
        gradient = A.T @ (C @ (Y.T - probabilities(theta))).T - penalty[:, None] * b
        W = curvature(theta, 0.0)
        information = np.empty((m, q, m, q))
        for o in range(m):
            others = ((W[o, o:, None] * columns).reshape(-1, len(A)) @ A).reshape(m - o, q, q)
            information[o, :, o:] = others.transpose(1, 0, 2)
            information[o:, :, o] = others
        charged = information.reshape(m * q, m * q) + np.diag(np.tile(penalty, m))
        factor = cho_factor(charged + 1e-14 * np.trace(charged) * np.eye(m * q))
        step = cho_solve(factor, gradient.T.ravel()).reshape(m, q).T
        promised, size = float(np.sum(gradient * step)), 1.0
        while objective(b + size * step) > value and size > 1e-6:
            size /= 2
        b = b + size * step
        value = objective(b)
        if promised <= _SETTLED * max(value, 1.0):
            break
    return Newton(A, Y, penalty, b, factor)


def of_all_classes(model: Any, classes: int) -> Callable[[Array], Array]:
    """Probabilities (n, classes) of a classifier of scikit-learn, 0 for classes it has not seen."""

    def predict(new: Array) -> Array:
        p = np.zeros((len(new), classes))
        p[:, model.classes_.astype(int)] = model.predict_proba(new)
        return p

    return predict
