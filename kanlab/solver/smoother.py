"""The linear smoother a fitted network is close to its minimum: what each row decides, effective dof, leave-one-out.

Near the fitted coefficients the predictions are linear in them, with Jacobian J (n, p), and the fit minimises the residuals
plus a quadratic penalty |R c|^2 (kanlab.solver.problem, at the level where it ended). So yhat moves with y by
S = J (J'J + R'R)^-1 J'. With the QR factorisation of J on top of R it is Q_J Q_J': squaring J and R would lose the
directions that only a strong penalty holds.

    leverage       h_i = S_ii
    effective dof  sum_i h_i, what the data have really decided; without a penalty the rank of J
    leave-one-out  e_i / (1 - h_i), the residual of row i had it not been fitted: exact for a linear smoother (Allen 1974,
                   Craven & Wahba 1979), and first order for a network, whose minimum hardly moves when one row leaves

Of two classes J are the derivatives of the log-odds, each row times the root of p (1 - p), the information it carries; the
pull of kanlab.solver.bernoulli_problem is one more penalty, sqrt(PULL / n) J.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag, qr

from kanlab.kan.bspline import bspline_basis, bspline_derivative, safe_range, silu, silu_derivative
from kanlab.kan.network import FittedKan
from kanlab.solver.bernoulli_problem import PULL, first_layer_roughness
from kanlab.solver.deep_smoother import linearised, residual_and_information
from kanlab.solver.first_layer import first_layer, roughness_root, second_differences
from kanlab.solver.problem import SECOND_LAYER_ROUGHNESS, SECOND_LAYER_SILU

Array = NDArray[np.float64]

RANK_TOLERANCE = 1e-9  # of a column of length 1: what the columns before it leave of it below this is rounding
LEAST_FREEDOM = (
    1e-3  # of 1 - h: a row that nearly decides its own prediction says little of what it would be without it
)


def effective_dof(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> float:
    """Trace of the linearised smoother of a network of one target at its training rows X (n, d), y (n,)."""
    return float(leverages(fitted, X, y).sum())


def leave_one_out(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> Array:
    """Residuals (n,) of the training rows, each had it not been fitted, in units of y; for networks as `effective_dof`."""
    residual = np.asarray(y, dtype=float) - fitted.predict(X)
    return residual / np.maximum(1.0 - leverages(fitted, X, y), LEAST_FREEDOM)


def leverages(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> Array:
    """Diagonal (n,) of the linearised smoother."""
    return np.asarray(np.sum(linear_smoother(fitted, X, y) ** 2, axis=1))


def linear_smoother(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> Array:
    """Q (n, r) of the linearised smoother S = Q Q'."""
    J, R = linearised(fitted, X, y) if len(fitted.layers) > 2 else _linearised(fitted, X, y)
    _, information = residual_and_information(fitted, X, y)
    if information is None:
        return smoother_root(J, R)
    return smoother_root(np.sqrt(information)[:, None] * J, np.concatenate([R, np.sqrt(PULL / len(J)) * J]))


def _linearised(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """J (n, p) and R (any, p) of a network of two layers."""
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    first, second = fitted.layers
    size, k = fitted.spec.grid + fitted.spec.k, fitted.spec.k
    design = first_layer(x, fitted.spec.grid, k)
    Q = np.concatenate(design.basis, axis=1)
    Z = first.evaluate(x)
    low, high = Z.argmin(axis=1), Z.argmax(axis=1)
    nodes = np.arange(len(Z))
    _, width = safe_range(Z[nodes, low], Z[nodes, high])  # an idle node has none of its own
    T = (Z - Z[nodes, low][:, None]) / width[:, None]

    # the second layer's knots stretch with the range of their node, so its extreme rows move all others
    spline = np.einsum("jb,jbn->jn", second.coef[:, 0], bspline_derivative(Z, second.knots, k))
    slope = spline + second.scale_base * silu_derivative(Z)
    by_first = (
        slope[:, None] * Q
        - (spline * (1 - T))[:, None] * Q.T[low][:, :, None]
        - (spline * T)[:, None] * Q.T[high][:, :, None]
    )
    by_second = np.concatenate([bspline_basis(Z, second.knots, k), silu(Z)[:, None]], axis=1)
    J = np.concatenate([by_first.reshape(-1, Z.shape[1]), by_second.reshape(-1, Z.shape[1])]).T

    # |R v|^2 / width^2: the width moves with v as well
    rough = roughness_root(design)
    by_width = (Q.T[high] - Q.T[low]) / width[:, None]
    v = (Q @ Z.T).T
    of_first = [(rough - np.outer(rough @ v[j], by_width[j])) / width[j] for j in nodes]
    of_second = block_diag(np.sqrt(SECOND_LAYER_ROUGHNESS) * second_differences(size), np.sqrt(SECOND_LAYER_SILU))
    R = block_diag(*(np.sqrt(first_layer_roughness(fitted.task)) * r for r in of_first), *[of_second] * len(Z))

    # D is at its least squares, P'E = level N D, which tells the level the fit ended with
    D = np.concatenate([second.coef[:, 0], second.scale_base], axis=1)
    E, _ = residual_and_information(fitted, X, y)
    held = float(np.sum((of_second @ D.T) ** 2))
    level = max(float(D.ravel() @ (J[:, -D.size :].T @ E)) / held, 0.0) if held > 0.0 else 0.0
    return J, np.sqrt(level) * R


def smoother_root(J: Array, R: Array) -> Array:
    """Q (n, r) with Q Q' = J (J'J + R'R)^-1 J' for J (n, p) and R (any, p), by the pseudo-inverse where there is no inverse.

    The singular values of Q are at most 1.
    """
    stacked = np.concatenate([J, R])
    stacked /= np.maximum(np.linalg.norm(stacked, axis=0), np.finfo(float).tiny)
    Q, upper, _ = qr(stacked, mode="economic", pivoting=True)
    kept = np.abs(upper.diagonal()) > RANK_TOLERANCE
    return np.asarray(Q[: len(J), kept[: Q.shape[1]]])
