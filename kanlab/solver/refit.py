"""From a fitted network to the minimum nearest to it, for the same targets or for slightly different ones.

A fit from scratch searches among minima, and may end in another one when a target moves a little. Here nothing is searched:
the nodes start where they were, the hidden knots stay, in units of their nodes' ranges, and the loop ends at a minimum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.errors import FitError
from kanlab.kan.bspline import OUTPUT_MARGIN, held_range
from kanlab.kan.network import FittedKan
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.network_state import hidden_ranges, layers_of, restored
from kanlab.solver.problem import Problem
from kanlab.solver.stack import State

ROUNDS = 4  # of the penalty's level, which is proportional to RSS and moves with it
LOOP = LoopOptions(max_iterations=60, tolerance=1e-9, floor=0.0)


def continued(fitted: FittedKan, X: ArrayLike, y: ArrayLike, smoothing: float) -> FittedKan:
    """The minimum for targets y (n,) at the training rows X (n, d) that is nearest to a network of a quantity.

    Raises FitError where the network is not finite there.
    """
    target = np.asarray(y, dtype=float)
    offset, scale = target.mean(), target.std() or 1.0
    level = float(np.sum((target - fitted.predict(X)) ** 2)) / scale**2
    found = restored(fitted, X, ((target - offset) / scale)[None], smoothing)
    problem, state = found.problem, found.at_minimum(level)
    for _ in range(ROUNDS):
        if state is None:
            raise FitError("The network cannot be continued: its hidden nodes are not finite.")
        state = minimise(_Held(problem), state, LOOP).state
        state = problem.relevelled(state, state.misfit)
    assert state is not None
    rss, outputs = state.last.rss * scale**2, state.last.outputs
    return replace(
        fitted,
        layers=layers_of(problem.design, state),
        ranges=(fitted.ranges[0], *hidden_ranges(state)),
        output_range=held_range(outputs.min(axis=1), outputs.max(axis=1), OUTPUT_MARGIN),
        y_offset=np.array([offset]),
        y_scale=np.array([scale]),
        rss_train=float(rss.sum()),
        rss_by_target=rss,
    )


class _Held:
    """A problem whose level and knots stay."""

    def __init__(self, problem: Problem) -> None:
        self.linearise, self.move = problem.linearise, problem.move

    def refresh(self, state: State, iteration: int) -> State:
        return state
