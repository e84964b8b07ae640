"""A fitted network of any depth, linearised where its fit ended: what effective degrees of freedom are made of.

The predictions move with the coefficients as J says, and the fit minimises the residuals plus |R c|^2
(kanlab.solver.smoother). Here c are all layers before the last in the coordinates of kanlab.solver.deep_problem, and
then the last layer D. The penalty of the edges into a node is |S w|^2 / width^2, and the width moves with every layer
below: a row of R is (S dw - S w dwidth / width) / width.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import block_diag

from kanlab.kan.bspline import HiddenKnots, safe_range
from kanlab.kan.network import FittedKan, row_blocks
from kanlab.solver.bernoulli_problem import first_layer_roughness, pulled_residual
from kanlab.solver.deep_problem import DeepProblem, DeepState
from kanlab.solver.first_layer import first_layer, roughness_root, second_differences
from kanlab.solver.kernels import NUMPY
from kanlab.solver.problem import SECOND_LAYER_ROUGHNESS, SECOND_LAYER_SILU
from kanlab.stats.likelihood import CLASSIFICATION

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
            rows.append(np.sqrt(first_layer_roughness(fitted.task)) * row / width)
        start += h * S.shape[1]
    node = block_diag(np.sqrt(SECOND_LAYER_ROUGHNESS) * differences, np.sqrt(SECOND_LAYER_SILU))
    last = np.kron(np.eye(h), node)

    # D is at its least squares, P'E = level N D, which tells the level the fit ended with
    D, (E, _) = state.D[:, 0], residual_and_information(fitted, X, y)
    held = float(np.sum((last @ D) ** 2))
    level = max(float((by_last.T @ D) @ E) / held, 0.0) if held > 0.0 else 0.0
    return J, np.sqrt(level) * block_diag(np.concatenate(rows), last)


def residual_and_information(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array | None]:
    """E (n,) that the last layer's equations see, and of classes the information p (1 - p) of every row."""
    targets, predicted = np.asarray(y, dtype=float), fitted.predict(X)
    if fitted.task == CLASSIFICATION:
        return pulled_residual(predicted, targets), predicted * (1.0 - predicted)
    return (targets - predicted) / float(fitted.y_scale[0]), None


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
