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
from kanlab.solver.multinomial import to_log_odds
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
    """The linearised smoother of a constrained network at its training rows X (n, d), y (n,), of more than two classes
    (n, classes), on the face of the fit.

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
    neuron_num = fitted.spec.layer_widths[1] - fitted.shape.lines(fitted.spec.layer_widths[-1])
    of_cell = fitted.shape, fitted.spec.grid, fitted.spec.k, neuron_num, depth
    likelihood = likelihood_of(fitted.task, fitted.y_offset, fitted.y_scale, weights)
    problem = ShapedProblem(x, targets.reshape(len(targets), -1).T, *of_cell, 1.0, likelihood)
    theta, free = _numbers(fitted, problem)
    state = problem.state(theta, 0.0, solve=False)
    assert state is not None  # of a network that was fitted
    return problem, _levelled(problem, state), free


def smoother_of(problem: ShapedProblem, state: ShapedState, free: Array) -> tuple[Smoother, Root]:
    """The smoother of a state where the numbers `free` may move, and the root of M that it rests on."""
    J, R, _ = problem.jacobian(state)
    J, R = J[:, free].transpose(2, 0, 1), R[:, free]  # (n, m, p)
    L = problem.likelihood.roots(state.last.outputs, 0.0).transpose(2, 1, 0)  # (n, m, m)
    n, m = J.shape[:2]
    flat, pull = J.reshape(n * m, -1), problem.likelihood.pull
    weighed = np.einsum("nor,nop->nrp", L, J, optimize=True).reshape(n * m, -1)
    root = Root.of(np.concatenate([weighed, R, *([np.sqrt(pull) * flat] if pull else [])]))
    E = problem.likelihood.score(state.last.outputs, 0.0)
    return Smoother(state.last.outputs.T, E.T, L, root.whitened(flat).reshape(n, m, -1)), root


def _numbers(fitted: FittedKan, problem: ShapedProblem) -> tuple[Array, Array]:
    """theta (p,) of a network, and which of them are not at their bound."""
    theta, free = np.zeros(problem.p), np.ones(problem.p, dtype=bool)

    def put(at: slice, M: Array, coef: Array) -> None:
        theta[at] = np.linalg.lstsq(M, coef.ravel(), rcond=None)[0]
        low = theta[at] <= AT_BOUND * np.abs(theta[at]).max(initial=0.0)
        free[at] = ~(problem.held[at] & low)

    *hidden, last = fitted.layers
    for i, layer in enumerate(hidden):
        for j, at in enumerate(problem.at[i]):
            receiver = problem.receiver(i, j)
            put(at, receiver.M, layer.coef[list(receiver.inputs), j])
    coef = last.coef.transpose(1, 0, 2)
    if problem.outputs > 1:
        coef = np.einsum("oq,qis->ois", np.linalg.inv(to_log_odds(problem.outputs + 1) @ problem.mix), coef)
    M = problem.output.M
    M = np.column_stack([M, np.arange(len(M)) < problem.size])  # the constant stands with the first node
    for o, of_one in enumerate(coef):
        start = problem.at_output.start + o * M.shape[1]
        put(slice(start, start + M.shape[1]), M, of_one)
    return np.where(free, theta, 0.0), free


def _levelled(problem: ShapedProblem, state: ShapedState) -> ShapedState:
    """The state at the level it ended with, which the output's edges tell: P E' = level N D where they are at a minimum."""
    D = problem.last(state.theta)
    rough = problem.mix @ D[:, :-1] @ problem.output.rough.T
    held = LAST_LAYER_ROUGHNESS * float(np.sum(rough**2))
    pulled = float(np.sum((D @ problem.last_design(state.layers)) * (problem.mix.T @ state.last.residual)))
    return problem.relevelled_as_it_is(state, max(pulled / held, 0.0) if held > 0.0 else 0.0)
