r"""How sure the coefficients of a linear model are: of a quantity, of log-odds, and of the logarithm of a mean count. So of a
model that is linear in terms of the features: a spline GAM, or polynomial ridge.

With rows x = (1, z) of the standardised features that have a weight, W_i the information that row i carries of its outputs,
and a penalty lambda on all but the intercepts, the covariance is

    V = scale M^-1,    M = sum_i x_i x_i' x W_i + lambda 1

(Wood 2017, section 4.2.4; without a penalty that of least squares and of GLMs, McCullagh & Nelder 1989). lambda is told by
the fit itself: at its minimum sum_i z_i e_i' = lambda B. scale is as of kanlab.solver.covariance, and so is `searched`, of a
stepwise model, whose degrees of freedom include the search among features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.baselines.protocol import Affine, OnTerms
from kanlab.solver.covariance import MOST_VALUES, overdispersion
from kanlab.solver.multinomial import to_log_odds
from kanlab.solver.smoother import Root, Smoother
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, LIKELIHOODS, MULTICLASS, REGRESSION


@dataclass(frozen=True, eq=False)
class AffineCovariance:
    """A linear model at its training rows; the members are those of `kanlab.solver.covariance.NetworkCovariance`."""

    model: Affine
    chosen: tuple[int, ...]
    smoother: Smoother
    root: Root
    edf: float
    freedom: float
    scale: float
    searched: float = 1.0

    def sd(self, gradients: Array) -> Array:
        """Standard deviations (k,) of numbers with derivatives (k, p) by the coefficients, output by output."""
        return np.asarray(np.sqrt(self.scale * np.sum(self.root.whitened(gradients) ** 2, axis=1)))

    def forward(self, X: ArrayLike) -> AffineRows:
        """The model at rows X (n, d), in units of the data."""
        x = _design(self.model, np.asarray(X, dtype=float), self.chosen)
        return AffineRows(x, outputs_of(self.model, np.asarray(X, dtype=float)))

    def mean(self, outputs: Array) -> Array:
        """Predictions of outputs (m, n)."""
        predicted = LIKELIHOODS[self.model.task].mean(outputs.T)
        return predicted[:, 0] if predicted.shape[1] == 1 else predicted

    def pulled_back(self, at: AffineRows, values: Array) -> Array:
        """sum_i sum_o values_oi d output_oi / d coefficients (p,), of values (m, rows)."""
        return np.asarray((values @ at.design).ravel())

    def moved(self, at: AffineRows, step: Array) -> Array:
        """Derivatives (m, rows) of the outputs along a step (p,) of the coefficients."""
        return np.asarray(step.reshape(len(at.outputs), -1) @ at.design.T)


@dataclass(frozen=True, eq=False)
class AffineRows:
    """Rows (n, 1 + chosen) of the design, and outputs (m, n)."""

    design: Array
    outputs: Array


@dataclass(frozen=True, eq=False)
class OnTermsCovariance(AffineCovariance):
    """A linear model of terms: its rows are features, held to the range (low, high) that they had in the training rows."""

    terms: Callable[[Array], Array] = lambda X: X
    low: Array = field(default_factory=lambda: np.array(-np.inf))
    high: Array = field(default_factory=lambda: np.array(np.inf))

    def forward(self, X: ArrayLike) -> AffineRows:
        """The model at rows X (n, d) of the features, in units of the data."""
        return super().forward(self.terms(np.clip(np.asarray(X, dtype=float), self.low, self.high)))


def on_terms_covariance(
    model: OnTerms, X: Array, y: ArrayLike, dof: float | None = None, row_weights: Array | None = None
) -> OnTermsCovariance | None:
    """That of a linear model of terms of X (n, d), y (n,) or (n, classes); None where there is none, or of too many values."""
    size = (
        len(X) * model.affine.weights.size * max(1, np.ndim(model.affine.offset) and len(np.ravel(model.affine.offset)))
    )
    found = affine_covariance(model.affine, model.terms(X), y, dof, row_weights) if size <= MOST_VALUES else None
    if found is None:
        return None
    own = {f.name: getattr(found, f.name) for f in fields(found)}
    return OnTermsCovariance(**own, terms=model.terms, low=X.min(axis=0), high=X.max(axis=0))


def outputs_of(model: Affine, X: Array) -> Array:
    """Outputs (m, n) of a linear model at rows X (n, d), before the likelihood makes predictions of them."""
    return np.atleast_2d((model.offset + ((X - model.center) / model.scale) @ model.weights).T)


def affine_covariance(
    model: Affine, X: ArrayLike, y: ArrayLike, dof: float | None = None, row_weights: Array | None = None
) -> AffineCovariance | None:
    """A linear model fitted to X (n, d), y (n,) or (n, classes); None where the rows leave no degree of freedom.

    dof: what it has spent, where that is more than its coefficients.  row_weights: (n,), of a quantity.
    """
    rows, target = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
    weights = model.weights.reshape(rows.shape[1], -1)
    chosen = tuple(int(i) for i in np.flatnonzero(np.any(weights != 0.0, axis=1)))
    x, eta, n, m = _design(model, rows, chosen), outputs_of(model, rows), len(rows), weights.shape[1]
    W = _information(model, eta)
    if row_weights is not None:
        W = W * row_weights[:, None, None]
    L = _roots(model, W)
    mean = LIKELIHOODS[model.task].mean(eta.T)
    E = target[:, 1:] - mean[:, 1:] if model.task == MULTICLASS else target.reshape(n, 1) - mean
    rss = float(np.sum(E**2 if row_weights is None else row_weights[:, None] * E**2))
    E = E if row_weights is None else row_weights[:, None] * E
    held = weights[list(chosen)]
    size = float(np.sum(held**2))
    penalty = max(float(np.sum(held * (x[:, 1:].T @ E))) / size, 0.0) if size > 0.0 else 0.0
    J = np.zeros((n, m, m * x.shape[1]))
    for o in range(m):
        J[:, o, o * x.shape[1] : (o + 1) * x.shape[1]] = x
    weighed = np.einsum("nor,nop->nrp", L, J).reshape(n * m, -1)
    ridge = np.sqrt(penalty) * np.eye(J.shape[2])
    ridge[:: x.shape[1]] = 0.0  # of the intercepts
    root = Root.of(np.concatenate([weighed, ridge]))
    smoother = Smoother(eta.T, E, L, root.whitened(J.reshape(n * m, -1)).reshape(n, m, -1))
    edf, freedom, scale = float(smoother.leverages().sum()), np.inf, 1.0
    spent = max(edf, dof or 0.0)
    if model.task == REGRESSION:
        freedom = n - spent
        if freedom < 1.0:
            return None
        scale = rss / freedom
    elif model.task == COUNTS:
        scale = overdispersion(mean[:, 0], target, edf)
    searched = float(np.sqrt(spent / edf)) if edf > 0.0 else 1.0
    return AffineCovariance(model, chosen, smoother, root, edf, freedom, scale, searched)


def _design(model: Affine, X: Array, chosen: tuple[int, ...]) -> Array:
    """A column of ones and the standardised features that have a weight."""
    return np.column_stack([np.ones(len(X)), ((X - model.center) / model.scale)[:, list(chosen)]])


def _roots(model: Affine, W: Array) -> Array:
    """L (n, m, m) with L L' = W; of many classes in the coordinates of a network's, so that both feel the same noise."""
    if model.task != MULTICLASS:
        return np.asarray(np.linalg.cholesky(W))
    A = to_log_odds(W.shape[1] + 1)
    return np.asarray(np.linalg.inv(A).T @ np.linalg.cholesky(A.T @ W @ A))


def _information(model: Affine, eta: Array) -> Array:
    """W (n, m, m) at outputs eta (m, n)."""
    m, n = eta.shape
    tiny = np.finfo(float).eps * np.eye(m)
    if model.task == REGRESSION:
        return np.tile(np.eye(m), (n, 1, 1))
    mean = LIKELIHOODS[model.task].mean(eta.T)
    if model.task == CLASSIFICATION:
        return np.asarray((mean * (1.0 - mean))[:, :, None] + tiny)
    if model.task == COUNTS:
        return np.asarray(mean[:, :, None] + tiny)
    p = mean[:, 1:]
    return np.asarray(np.einsum("no,oq->noq", p, np.eye(m)) - p[:, :, None] * p[:, None, :] + tiny)
