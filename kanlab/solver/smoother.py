r"""The linear smoother a fitted network is close to its minimum: what each row decides, effective dof, leave-one-out.

Near the fitted coefficients the predictions are linear in them, with Jacobian J (n, p), and the fit minimises the residuals
plus a quadratic penalty |R c|^2 (kanlab.solver.problem, at the level where it ended). So yhat moves with y by
S = J (J'J + R'R)^-1 J'. With the QR factorisation of J on top of R it is Q_J Q_J': squaring J and R would lose the
directions that only a strong penalty holds.

    leverage       h_i = S_ii
    effective dof  sum_i h_i, what the data have really decided; without a penalty the rank of J
    leave-one-out  e_i / (1 - h_i), the residual of row i had it not been fitted: exact for a linear smoother (Allen 1974,
                   Craven & Wahba 1979), and first order for a network, whose minimum hardly moves when one row leaves

c are the weights of all layers before the last in the coordinates of kanlab.solver.stack, and then the last layer's D. The
penalty of the edges into a node is |S w|^2 / width^2, and the width moves with every layer below: a row of R is
(S dw - S w dwidth / width) / width.

Of two classes J are the derivatives of the log-odds, each row times the root of p (1 - p), the information it carries; the
pull of kanlab.solver.likelihoods is one more penalty, sqrt(PULL / n) J.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag, qr

from kanlab.arrays import Array
from kanlab.kan.bspline import bspline_basis, silu
from kanlab.kan.network import FittedKan
from kanlab.solver.first_layer import roughness_root, second_differences
from kanlab.solver.likelihood_of import OF_TASK
from kanlab.solver.likelihoods import PULL, pulled_residual
from kanlab.solver.network_state import restored
from kanlab.solver.problem import LAST_LAYER_ROUGHNESS, LAST_LAYER_SILU
from kanlab.stats.likelihood import CLASSIFICATION

RANK_TOLERANCE = 1e-9  # of a column of length 1: what the columns before it leave of it below this is rounding


def effective_dof(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> float:
    """Trace of the linearised smoother of a network of one target at its training rows X (n, d), y (n,)."""
    return float(leverages(fitted, X, y).sum())


def leverages(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> Array:
    """Diagonal (n,) of the linearised smoother."""
    return np.asarray(np.sum(linear_smoother(fitted, X, y) ** 2, axis=1))


def linear_smoother(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> Array:
    """Q (n, r) of the linearised smoother S = Q Q'."""
    J, R = linearised(fitted, X, y)
    if fitted.task != CLASSIFICATION:
        return smoother_root(J, R)
    p = fitted.predict(X)
    pull = np.sqrt(PULL / len(J)) * J
    return smoother_root(np.sqrt(p * (1.0 - p))[:, None] * J, np.concatenate([R, pull]))


def linearised(fitted: FittedKan, X: ArrayLike, y: ArrayLike) -> tuple[Array, Array]:
    """J (n, p) and R (any, p) of a network of one target and equally wide hidden layers at its training rows X, y (n,)."""
    targets, predicted = np.asarray(y, dtype=float), fitted.predict(X)
    scale = float(fitted.y_scale[0])
    found = restored(fitted, X, (targets - fitted.y_offset[0])[None] / scale, smoothing=1.0)
    problem, state, D = found.problem, found.as_it_is(), found.D
    stack, h, node = problem.stack, problem.neuron_num, np.arange(problem.neuron_num)
    extremes, columns = stack.extreme_tangents(state), []
    for block in stack.blocks:
        view = stack.view(state, block, problem.depth)
        by_weights = stack.tangents(state, view, 0, extremes)
        Z, of = state.nodes[-1].Z[:, block], fitted.layers[-1]
        by_last = np.concatenate([bspline_basis(Z, of.knots, of.k), silu(Z)[:, None]], axis=1)
        columns.append(np.concatenate([by_weights, by_last.reshape(-1, Z.shape[1])]))
    J = np.concatenate(columns, axis=1).T

    size, r = by_weights.shape[0], problem.design.rank
    slopes = [bounds[h:] - bounds[:h] for bounds in extremes]
    by_own = np.zeros((h, h, r))  # the widths of the lowest nodes depend on their own weights alone
    by_own[node, node] = slopes[0]
    slopes[0] = np.pad(by_own.reshape(h, -1), ((0, 0), (0, size - h * r)))
    differences = second_differences(fitted.spec.grid + fitted.spec.k)
    inner = np.kron(np.eye(h), block_diag(differences, 1.0))
    roots = [roughness_root(problem.design)] + [inner] * (problem.depth - 1)
    rows, start = [], 0
    for S, W, to_coef, nodes, slope in zip(
        roots, state.weights, stack.coordinates(state), state.nodes, slopes, strict=True
    ):
        Sw, own = S @ W.T, S if to_coef is None else S @ to_coef
        for j, width in enumerate(nodes.width):
            row = -np.outer(Sw[:, j], slope[j]) / width
            row[:, start : start + own.shape[1]] += own
            rows.append(np.sqrt(OF_TASK[fitted.task].roughness()) * row / width)
            start += own.shape[1]
    of_node = block_diag(np.sqrt(LAST_LAYER_ROUGHNESS) * differences, np.sqrt(LAST_LAYER_SILU))
    last = np.kron(np.eye(h), of_node)

    # D is at its minimum, P'E = level N D, which tells the level the fit ended with
    P = J[:, -len(D) :].T
    E = pulled_residual((D.T @ P)[0], targets) if fitted.task == CLASSIFICATION else (targets - predicted) / scale
    held = float(np.sum((last @ D) ** 2))
    level = max(float(D[:, 0] @ (P @ E)) / held, 0.0) if held > 0.0 else 0.0
    return J, np.sqrt(level) * block_diag(np.concatenate(rows), last)


def smoother_root(J: Array, R: Array) -> Array:
    """Q (n, r) with Q Q' = J (J'J + R'R)^-1 J' for J (n, p) and R (any, p), by the pseudo-inverse where there is no inverse.

    The singular values of Q are at most 1.
    """
    stacked = np.concatenate([J, R])
    stacked /= np.maximum(np.linalg.norm(stacked, axis=0), np.finfo(float).tiny)
    Q, upper, _ = qr(stacked, mode="economic", pivoting=True)
    kept = np.abs(upper.diagonal()) > RANK_TOLERANCE
    return np.asarray(Q[: len(J), kept[: Q.shape[1]]])
