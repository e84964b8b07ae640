"""From a fitted network to the minimum nearest to it, for the same targets or for slightly different ones.

A fit from scratch searches among minima, and may end in another one when a target moves a little. Here nothing is searched:
the nodes start where they were, the hidden knots stay, in units of their nodes' ranges, and the loop ends at a minimum.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.errors import FitError
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.network_state import restored, with_solution
from kanlab.solver.problem import Problem
from kanlab.solver.scaling import weighted_scaling
from kanlab.solver.stack import State
from kanlab.stats.likelihood import REGRESSION

ROUNDS = 4  # of the penalty's level, which is proportional to RSS and moves with it
LOOP = LoopOptions(max_iterations=60, tolerance=1e-9, floor=0.0)
# Where the prediction of a row is wanted, not a minimum: 1e-9 moves it by 0.002 standard deviations of y and costs three times
# as much.
OF_PREDICTION = 1e-5
MOST_REFITS, FEWEST_REFITS = 40, 8
# Without noise a network improves all over for hundreds of iterations, which say nothing of the row left out. What all refits
# of a network may take is bounded, because a study checks eight networks: WORK is 2 s of one core at rows x coefficients^2,
# OVERHEAD what an iteration costs whatever its size.
MOST_ITERATIONS, FEWEST_ITERATIONS = 240, 16
WORK, OVERHEAD = 3e10, 1.6e7


def continued(
    fitted: FittedKan,
    X: ArrayLike,
    Y: ArrayLike,
    smoothing: float,
    loop: LoopOptions = LOOP,
    weights: Array | None = None,
) -> FittedKan:
    """The minimum for targets Y at the training rows X (n, d) that is nearest to a network.

    Y: (n,), of a quantity or of two classes; of more (n, classes) with a 1 in every row.  loop: when a minimum is near enough.
    weights: (n,), of rows of a quantity that are not equally precise.
    Raises FitError where the network is not finite there, and where its effects are constrained: nothing here keeps them so.
    """
    if fitted.shape:
        raise FitError(say("A network under constraints cannot be continued; fit it again."))
    target = np.asarray(Y, dtype=float)
    w = 1.0 if weights is None else weights / weights.mean()
    offset, scale = (target.mean(), target.std() or 1.0) if fitted.task == REGRESSION else (0.0, 1.0)
    if weights is not None:
        (offset,), (deviation,) = weighted_scaling(target[:, None], weights)
        scale = deviation or 1.0
    misfit = float(np.sum(w * (target - fitted.predict(X)) ** 2)) / scale**2
    found = restored(fitted, X, ((target - offset) / scale).reshape(len(target), -1).T, smoothing, weights)
    problem, state = found.problem, found.at_minimum(found.problem.likelihood.level(misfit))
    for _ in range(ROUNDS):
        if state is None:
            raise FitError(say("The network cannot be continued: its hidden nodes are not finite."))
        state = minimise(_Held(problem), state, loop).state
        level = problem.likelihood.level(state.misfit)
        if level == state.level:
            break
        state = problem.relevelled(state, level)
    assert state is not None
    if fitted.task == REGRESSION:
        fitted = replace(fitted, y_offset=np.array([offset]), y_scale=np.array([scale]))
    unit = 1.0 if weights is None else float(weights.mean())
    return with_solution(fitted, problem.design, state, smoothing, unit)


def affordable(fitted: FittedKan, rows: int, wanted: int) -> tuple[int, LoopOptions]:
    """How many of the refits wanted, each for the prediction of a row left out, are done, and how long each may take."""
    iterations = WORK / (rows * sum(layer.coef.size for layer in fitted.layers) ** 2 + OVERHEAD)
    refits = min(wanted, int(np.clip(iterations / FEWEST_ITERATIONS, FEWEST_REFITS, MOST_REFITS)))
    each = int(np.clip(iterations / max(refits, 1), FEWEST_ITERATIONS, MOST_ITERATIONS))
    return refits, replace(LOOP, max_iterations=each // ROUNDS, tolerance=OF_PREDICTION)


class _Held:
    """A problem whose level and knots stay."""

    def __init__(self, problem: Problem) -> None:
        self.linearise, self.move = problem.linearise, problem.move

    def refresh(self, state: State, iteration: int) -> State:
        return state
