"""Effective degrees of freedom of a fitted network: the trace of the smoother it is close to its minimum.

Near the fitted coefficients the predictions are linear in them, with Jacobian J (n, p), and the fit minimises the residuals
plus a quadratic penalty |R c|^2 (kanlab.projection, at the level where it ended). So yhat moves with y by
J (J'J + R'R)^-1 J', whose trace counts what the data have really decided; without a penalty it is the rank of J. With the
QR factorisation of J on top of R it is |Q_J|^2: squaring J and R would lose the directions that only a strong penalty holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag, qr

from kanlab.basis import bspline_basis, bspline_derivative, silu, silu_derivative
from kanlab.deep_effective import linearised
from kanlab.design import first_layer, roughness_root, second_differences
from kanlab.kan import FittedKan
from kanlab.projection import FIRST_LAYER_ROUGHNESS, SECOND_LAYER_ROUGHNESS, SECOND_LAYER_SILU

Array = NDArray[np.float64]

RANK_TOLERANCE = 1e-9  # of a column of length 1: what the columns before it leave of it below this is rounding


def effective_dof(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> float:
    """Trace of the linearised smoother of a network of one target at its training rows X (n, d), y (n,)."""
    if len(fitted.layers) > 2:
        return smoother_trace(*linearised(fitted, X, y))
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    first, second = fitted.layers
    size, k = fitted.spec.grid + fitted.spec.k, fitted.spec.k
    design = first_layer(x, fitted.spec.grid, k)
    Q = np.concatenate(design.basis, axis=1)
    Z = first.evaluate(x)
    low, high = Z.argmin(axis=1), Z.argmax(axis=1)
    nodes = np.arange(len(Z))
    width = np.maximum(Z[nodes, high] - Z[nodes, low], np.finfo(float).tiny)
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
    R = block_diag(*(np.sqrt(FIRST_LAYER_ROUGHNESS) * r for r in of_first), *[of_second] * len(Z))

    # D is at its least squares, P'E = level N D, which tells the level the fit ended with
    D = np.concatenate([second.coef[:, 0], second.scale_base], axis=1)
    E = (np.asarray(y, dtype=float) - fitted.predict(X)) / float(fitted.y_scale[0])
    held = float(np.sum((of_second @ D.T) ** 2))
    level = max(float(D.ravel() @ (J[:, -D.size :].T @ E)) / held, 0.0) if held > 0.0 else 0.0
    return smoother_trace(J, np.sqrt(level) * R)


def smoother_trace(J: Array, R: Array) -> float:
    """Trace of J (J'J + R'R)^-1 J' for J (n, p) and R (any, p); where that cannot be inverted, its pseudo-inverse."""
    stacked = np.concatenate([J, R])
    stacked /= np.maximum(np.linalg.norm(stacked, axis=0), np.finfo(float).tiny)
    Q, upper, _ = qr(stacked, mode="economic", pivoting=True)
    kept = np.abs(upper.diagonal()) > RANK_TOLERANCE
    return float(np.sum(Q[: len(J), kept[: Q.shape[1]]] ** 2))
