r"""What the rows decide of a constrained fit: its effective degrees of freedom, and each row predicted without it.

Near its minimum such a fit is linear in the targets, on the numbers that are not at their bound: the face of the fit. What a
row decides of its own prediction, and with it the leave-one-out formula, is that of the face (Meyer & Woodroofe, Ann. Stat.
28, 2000). The effective degrees of freedom are counted as if no number were at its bound: which of them are is found in the
same rows, so an inequality takes nothing off the count.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.kan.network import FittedKan
from kanlab.solver.likelihood_of import likelihood_of
from kanlab.solver.problem import LAST_LAYER_ROUGHNESS
from kanlab.solver.rows_smoothed import Root, Smoother
from kanlab.solver.shaped_problem import ShapedProblem, ShapedState
from kanlab.stats.likelihood import REGRESSION

AT_BOUND = 1e-7  # of the largest number of a node's edges: below it one is at its bound


def effective_dof(problem: ShapedProblem, state: ShapedState) -> float | None:
    """Trace of the linearised smoother; None where it is not finite."""
    edf = float(smoother_of(problem, state, np.ones(problem.p, dtype=bool))[0].leverages().sum())
    return edf if np.isfinite(edf) else None


def shaped_smoother(fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None) -> Smoother:
    """The linearised smoother of a constrained network at its training rows X (n, d), y (n,), on the face of the fit.

    weights: (n,), of the fit.
    """
    problem, state, free = as_state(fitted, X, y, weights)
    return smoother_of(problem, state, free)[0]


def as_state(
    fitted: FittedKan, X: ArrayLike, y: ArrayLike, weights: Array | None = None
) -> tuple[ShapedProblem, ShapedState, Array]:
    """A constrained network as the state of its problem at its training rows, and which of its numbers are not at their
    bound.
    """
    targets = np.asarray(y, dtype=float)
    if fitted.task == REGRESSION:
        targets = (targets - fitted.y_offset[0]) / fitted.y_scale[0]
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    depth = len(fitted.layers) - 1
    neuron_num = fitted.spec.layer_widths[1] - bool(fitted.shape.linear)
    of_cell = fitted.shape, fitted.spec.grid, fitted.spec.k, neuron_num, depth
    likelihood = likelihood_of(fitted.task, fitted.y_offset, fitted.y_scale, weights)
    problem = ShapedProblem(x, targets[None], *of_cell, 1.0, likelihood)
    theta, free = _numbers(fitted, problem)
    state = problem.state(theta, 0.0, solve=False)
    assert state is not None  # of a network that was fitted
    return problem, _levelled(problem, state), free


def smoother_of(problem: ShapedProblem, state: ShapedState, free: Array) -> tuple[Smoother, Root]:
    """The smoother of a state where the numbers `free` may move, and the root of M that it rests on."""
    J, R, _ = problem.jacobian(state)
    J, R = J[free].T, R[:, free]
    L = problem.likelihood.roots(state.last.outputs, 0.0).transpose(2, 1, 0)  # (n, 1, 1)
    pull = problem.likelihood.pull
    root = Root.of(np.concatenate([L[:, 0] * J, R, *([np.sqrt(pull) * J] if pull else [])]))
    E = problem.likelihood.score(state.last.outputs, 0.0)
    return Smoother(state.last.outputs.T, E.T, L, root.whitened(J)[:, None]), root


def _numbers(fitted: FittedKan, problem: ShapedProblem) -> tuple[Array, Array]:
    """theta (p,) of a network, and which of them are not at their bound."""
    theta, free = np.zeros(problem.p), np.ones(problem.p, dtype=bool)
    for i, layer in enumerate(fitted.layers):
        last = i == problem.depth
        for j, at in enumerate([problem.at_output] if last else problem.at[i]):
            receiver = problem.output if last else problem.receiver(i, j)
            M, coef = receiver.M, layer.coef[list(receiver.inputs), j].ravel()
            if last:  # the constant stands with the first node
                at = slice(at.start, problem.p)
                M = np.column_stack([M, np.arange(len(M)) < problem.size])
            theta[at] = np.linalg.lstsq(M, coef, rcond=None)[0]
            low = theta[at] <= AT_BOUND * np.abs(theta[at]).max(initial=0.0)
            free[at] = ~(problem.held[at] & low)
    return np.where(free, theta, 0.0), free


def _levelled(problem: ShapedProblem, state: ShapedState) -> ShapedState:
    """The state at the level it ended with, which the output's edges tell: P E' = level N D where they are at a minimum."""
    D = state.theta[problem.at_output.start :]
    rough = problem.output.rough @ D[:-1]
    held = LAST_LAYER_ROUGHNESS * float(rough @ rough)
    pulled = float(D @ problem.last_design(state.layers) @ state.last.residual[0])
    return problem.relevelled_as_it_is(state, max(pulled / held, 0.0) if held > 0.0 else 0.0)
