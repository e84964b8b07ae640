"""Effective degrees of freedom of a fitted network: the trace of the smoother it is close to its minimum.

Near the fitted coefficients the predictions are linear in them, with Jacobian J (p, n), and the fit minimises the residuals
plus a quadratic penalty N (kanlab.projection, at the level where it ended). So yhat moves with y by J' (J J' + N)^-1 J, whose
trace counts what the data have really decided; without a penalty it is the rank of J.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag

from kanlab.basis import bspline_basis, bspline_derivative, silu, silu_derivative
from kanlab.design import first_layer, second_differences
from kanlab.kan import FittedKan
from kanlab.projection import FIRST_LAYER_ROUGHNESS, SECOND_LAYER_ROUGHNESS, SECOND_LAYER_SILU

Array = NDArray[np.float64]

RANK_TOLERANCE = 1e-10  # eigenvalues below this, relative to the largest, are rounding


def effective_dof(fitted: FittedKan, X: ArrayLike, smoothing: float) -> float:
    """Trace of the linearised smoother of a network of one target and two layers at its training rows X (n, d)."""
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    first, second = fitted.layers
    grid, k = fitted.spec.grid, fitted.spec.k
    design = first_layer(x, grid, k)
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
    J = np.concatenate([by_first.reshape(-1, Z.shape[1]), by_second.reshape(-1, Z.shape[1])])

    level = smoothing * fitted.rss_train / float(fitted.y_scale[0]) ** 2
    differences = second_differences(grid + k)
    node = block_diag(SECOND_LAYER_ROUGHNESS * differences.T @ differences, SECOND_LAYER_SILU)
    penalty = block_diag(*(FIRST_LAYER_ROUGHNESS * design.roughness / w**2 for w in width), *[node] * len(Z))

    gram = J @ J.T
    values, vectors = np.linalg.eigh(gram + level * penalty)
    kept = vectors[:, values > RANK_TOLERANCE * values[-1]] / np.sqrt(values[values > RANK_TOLERANCE * values[-1]])
    return float(np.einsum("ai,ab,bi->", kept, gram, kept))
