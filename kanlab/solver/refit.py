"""From a fitted network to the minimum nearest to it, for the same targets or for slightly different ones.

A fit from scratch searches among minima, and may end in another one when a target moves a little. Here nothing is searched:
the nodes start where they were, the hidden knots stay, in units of their nodes' ranges, and the loop ends at a minimum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.errors import FitError
from kanlab.kan.bspline import HIDDEN_MARGIN, OUTPUT_MARGIN, HiddenKnots, held_range, safe_range
from kanlab.kan.network import FittedKan, KanLayer
from kanlab.solver import kernels_numba
from kanlab.solver.first_layer import first_layer
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.problem import CellProblem, CellState

ROUNDS = 4  # of the penalty's level, which is proportional to RSS and moves with it
LOOP = LoopOptions(max_iterations=60, tolerance=1e-9, floor=0.0)


def continued(fitted: FittedKan, X: ArrayLike, y: ArrayLike, smoothing: float) -> FittedKan:
    """The minimum for targets y (n,) at the training rows X (n, d) that is nearest to a network of two layers.

    Raises FitError where the network is not finite there.
    """
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    target = np.asarray(y, dtype=float)
    first, second = fitted.layers
    spec, size = fitted.spec, fitted.spec.grid + fitted.spec.k
    design = first_layer(x, spec.grid, spec.k)
    Z = first.evaluate(x)
    low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
    knots = HiddenKnots((second.knots - low[:, None]) / width[:, None], spec.k)
    V = Z @ np.concatenate(design.basis, axis=1).T
    offset, scale = target.mean(), target.std() or 1.0
    problem = CellProblem(design, ((target - offset) / scale)[None], len(V), smoothing, kernels_numba.kernels("numpy"))
    state = problem.state(V, float(np.sum((target - fitted.predict(X)) ** 2)) / scale**2, knots)
    for _ in range(ROUNDS):
        if state is None:
            raise FitError("The network cannot be continued: its hidden nodes are not finite.")
        state = minimise(_Held(problem), state, LOOP).state
        state = problem.relevelled(state, state.misfit)
    assert state is not None
    coef, base = design.edges(state.V)
    D = state.D.reshape(len(V), size + 1, 1)
    hidden = state.low[:, None] + state.width[:, None] * knots.knots
    rss, outputs = state.rss * scale**2, state.outputs(problem.Y)
    return replace(
        fitted,
        layers=(
            KanLayer(design.knots, coef, base),
            KanLayer(hidden, D[:, :-1].transpose(0, 2, 1).copy(), D[:, -1].copy()),
        ),
        ranges=(fitted.ranges[0], held_range(state.Z.min(axis=1), state.Z.max(axis=1), HIDDEN_MARGIN)),
        output_range=held_range(outputs.min(axis=1), outputs.max(axis=1), OUTPUT_MARGIN),
        y_offset=np.array([offset]),
        y_scale=np.array([scale]),
        rss_train=float(rss.sum()),
        rss_by_target=rss,
    )


class _Held:
    """A cell whose level and knots stay."""

    def __init__(self, problem: CellProblem) -> None:
        self.linearise, self.move = problem.linearise, problem.move

    def refresh(self, state: CellState, iteration: int) -> CellState:
        return state
