r"""The linear smoother a fitted network is close to its minimum: what each row decides, effective dof, leave-one-out.

Near the fitted coefficients the predictions are linear in them, with Jacobian J (n, p), and the fit minimises the residuals
plus a quadratic penalty |R c|^2 (kanlab.solver.problem, at the level where it ended). So yhat moves with y by
S = J (J'J + R'R)^-1 J'. With the QR factorisation of J on top of R it is Q_J Q_J': squaring J and R would lose the
directions that only a strong penalty holds.

    leverage       h_i = S_ii
    effective dof  sum_i h_i, what the data have really decided; without a penalty the rank of J
    leave-one-out  e_i / (1 - h_i), the residual of row i had it not been fitted: exact for a linear smoother (Allen 1974,
                   Craven & Wahba 1979), and first order for a network, whose minimum hardly moves when one row leaves

c are the weights of all layers before the last in the coordinates of kanlab.solver.stack, and then the last layer's D, output
by output. kanlab.solver.penalty_root has R.

Of another likelihood, of classes or counts, J_i (m, p) are the derivatives of the outputs of row i, weighed by L_i' with
L_i L_i' = W_i, the information (m, m) that the row carries (kanlab.solver.likelihoods). With M = sum_i J_i'W_i J_i + R'R,
V_i = J_i M^-1 J_i' the variance of the outputs of row i, and E_i minus the derivative of half its misfit,

    leverage       the eigenvalues of L_i'V_i L_i; their sum is the row's part of the effective dof
    leave-one-out  the outputs of row i had it not been fitted, -V_i (1 - W_i V_i)^-1 E_i away: a Newton step from the minimum
                   (Pregibon, Ann. Stat. 9, 1981; Rad & Maleki, J. R. Stat. Soc. B 82, 2020)

which for W = 1 are the lines above. The pull of kanlab.solver.likelihoods is one more penalty, sqrt(pull) J.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import block_diag

from kanlab.arrays import Array
from kanlab.kan.bspline import bspline_basis, silu
from kanlab.kan.network import FittedKan
from kanlab.solver.likelihoods import Likelihood
from kanlab.solver.network_state import restored
from kanlab.solver.penalty_root import inner_root, last_root
from kanlab.solver.problem import Problem
from kanlab.solver.rows_smoothed import Root, Smoother
from kanlab.solver.shaped_smoother import shaped_smoother
from kanlab.solver.stack import State
from kanlab.stats.likelihood import REGRESSION


def effective_dof(fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None) -> float:
    """Trace of the linearised smoother of a network at its training rows X (n, d), y (n,), of more than two classes
    (n, classes).
    """
    return float(linear_smoother(fitted, X, y, weights).leverages().sum())


def leverages(fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None) -> Array:
    """Diagonal (n,) of the linearised smoother, summed over the outputs."""
    return linear_smoother(fitted, X, y, weights).leverages()


def linear_smoother(fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None) -> Smoother:
    """The linearised smoother of a network at its training rows. weights: (n,), of a fit to rows of unequal precision."""
    if fitted.shape:
        return shaped_smoother(fitted, X, y, weights)
    return smoother_of(linearised(fitted, X, y, weights))[0]


def smoother_of(found: Linearised) -> tuple[Smoother, Root]:
    """The smoother of a linearised network, and the root of M that it rests on."""
    J, R, state, likelihood, _ = found
    n, m = J.shape[:2]
    L = likelihood.roots(state.last.outputs, 0.0).transpose(2, 1, 0)  # (n, m, r)
    weighed = np.einsum("nor,nop->nrp", L, J, optimize=True).reshape(n * m, -1)
    flat = J.reshape(n * m, -1)
    penalties = [R] if likelihood.pull == 0.0 else [R, np.sqrt(likelihood.pull) * flat]
    root = Root.of(np.concatenate([weighed, *penalties]))
    E = likelihood.score(state.last.outputs, 0.0)
    return Smoother(state.last.outputs.T, E.T, L, root.whitened(flat).reshape(n, m, -1)), root


class Linearised(NamedTuple):
    """J (n, m, p) and R (any, p) of a network at its training rows, the state there, and the problem it is a state of."""

    J: Array
    R: Array
    state: State
    likelihood: Likelihood
    problem: Problem


def linearised(fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None) -> Linearised:
    """A network of equally wide hidden layers at its training rows X (n, d), y (n,) or (n, classes)."""
    targets = np.asarray(y, dtype=float)
    if fitted.task == REGRESSION:
        targets = (targets - fitted.y_offset[0]) / fitted.y_scale[0]
    found = restored(fitted, X, targets.reshape(len(targets), -1).T, 1.0, weights)
    problem, state, D = found.problem, found.as_it_is(), found.D
    stack, m = problem.stack, D.shape[1]
    size, extremes, columns = stack.ends(state)[-1], stack.extreme_tangents(state), []
    J, at = np.zeros((state.nodes[-1].Z.shape[1], m, size + D.size)), size
    for block in stack.blocks:
        view = stack.view(state, block, problem.depth)
        Z, of = state.nodes[-1].Z[:, block], fitted.layers[-1]
        by_node = np.concatenate([bspline_basis(Z, of.knots, of.k), silu(Z)[:, None]], axis=1)
        stack.products.put(by_node, Z)
        by_last = by_node.reshape(-1, Z.shape[1])
        columns.append(by_last)
        for o in range(m):
            J[block, o, :size] = stack.tangents(state, view, o, extremes).T
            J[block, o, at + o * len(D) : at + (o + 1) * len(D)] = by_last.T

    inner, last = inner_root(problem, state, extremes), last_root(problem)

    # D is at its minimum, P E' = level N D but for a ridge, which tells the level the fit ended with. Its share along D itself
    # would be the ridge's, where the last layer is nearly straight.
    PE, rough = np.concatenate(columns, axis=1) @ state.last.residual.T, last.T @ (last @ D)
    held = float(np.sum(rough**2))
    level = max(float(np.sum(rough * PE)) / held, 0.0) if held > 0.0 else 0.0
    if fitted.penalty is not None:  # a last layer of lines alone does not tell it
        level = fitted.penalty
    R = np.sqrt(level) * block_diag(inner, *[last] * m)
    return Linearised(J, R, state, problem.likelihood, problem)


def smoother_root(J: Array, R: Array) -> Array:
    """Q (n, r) with Q Q' = J (J'J + R'R)^-1 J' for J (n, p) and R (any, p), by the pseudo-inverse where there is no inverse.

    The singular values of Q are at most 1.
    """
    return Root.of(np.concatenate([J, R])).whitened(J)
