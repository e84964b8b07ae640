"""A fitted network of any depth, linearised where its fit ended: what effective degrees of freedom are made of.

The predictions move with the coefficients as J says, and the fit minimises the residuals plus |R c|^2 (kanlab.effective).
Here c are all layers before the last in the coordinates of kanlab.deep_projection, and then the last layer D. The penalty
of the edges into a node is |S w|^2 / width^2, and the width moves with every layer below: a row of R is
(S dw - S w dwidth / width) / width.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag

from kanlab.basis import HiddenKnots, safe_range
from kanlab.deep_projection import DeepProblem, DeepState
from kanlab.design import first_layer, roughness_root, second_differences
from kanlab.kan import FittedKan, row_blocks
from kanlab.projection import FIRST_LAYER_ROUGHNESS, SECOND_LAYER_ROUGHNESS, SECOND_LAYER_SILU
from kanlab.row_kernels import NUMPY

Array = NDArray[np.float64]


def linearised(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """J (n, p) and R (any, p) of a network of one target and equally wide hidden layers at its training rows X, y (n,)."""
    problem, state = _restored(fitted, X, y)
    h, grid, k = problem.neuron_num, fitted.spec.grid, fitted.spec.k
    to_coef = problem.coordinates(state)
    moved = problem.extreme_tangents(state, to_coef)
    blocks = list(row_blocks(problem.Y.shape[1], problem.design.basis[0].shape[1]))
    by_inner = np.concatenate([problem.tangents(state, b, to_coef, moved)[0] for b in blocks], axis=1)
    by_last = np.concatenate([problem.last_design(state, b).copy() for b in blocks], axis=1)
    J = np.concatenate([by_inner, by_last]).T

    differences = second_differences(grid + k)
    inner = np.kron(np.eye(h), block_diag(differences, 1.0))
    roots = [roughness_root(problem.design), *(inner @ R for R in to_coef)]
    rough = [roots[0] @ state.V.T, *(inner @ coef for coef in state.W)]
    rows, start = [], 0
    for S, Sw, nodes, extremes in zip(roots, rough, state.nodes, moved, strict=True):
        for j, width in enumerate(nodes.width):
            row = -np.outer(Sw[:, j], extremes[h + j] - extremes[j]) / width
            row[:, start + j * S.shape[1] : start + (j + 1) * S.shape[1]] += S
            rows.append(np.sqrt(FIRST_LAYER_ROUGHNESS) * row / width)
        start += h * S.shape[1]
    node = block_diag(np.sqrt(SECOND_LAYER_ROUGHNESS) * differences, np.sqrt(SECOND_LAYER_SILU))
    last = np.kron(np.eye(h), node)

    # D is at its least squares, P'E = level N D, which tells the level the fit ended with
    D, E = state.D[:, 0], (np.asarray(y, dtype=float) - fitted.predict(X)) / float(fitted.y_scale[0])
    held = float(np.sum((last @ D) ** 2))
    level = max(float((by_last.T @ D) @ E) / held, 0.0) if held > 0.0 else 0.0
    return J, np.sqrt(level) * block_diag(np.concatenate(rows), last)


def _restored(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> tuple[DeepProblem, DeepState]:
    """The problem a network was fitted by, rows in the order of X, and its state, D as fitted."""
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    Y = (np.asarray(y, dtype=float)[None] - fitted.y_offset[:, None]) / fitted.y_scale[:, None]
    first, *others = fitted.layers
    design = first_layer(x, fitted.spec.grid, fitted.spec.k)
    Z, knots, coefs = first.evaluate(x), [], []
    V = np.concatenate(design.basis, axis=1) @ Z.T
    for layer in others:
        low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
        knots.append(HiddenKnots((layer.knots - low[:, None]) / width[:, None], layer.k))
        by_node = np.concatenate([layer.coef, layer.scale_base[:, :, None]], axis=2)
        coefs.append(by_node.transpose(0, 2, 1).reshape(-1, by_node.shape[1]))
        Z = layer.evaluate(Z)
    problem = DeepProblem(design, Y, len(V.T), len(others), 1.0, NUMPY)
    state = problem.state(V.T.copy(), coefs[:-1], 0.0, knots)
    assert state is not None  # a fitted network is finite on its training rows
    return problem, replace(state, D=coefs[-1])
