r"""Levenberg-Marquardt for sums of squares: the direction, the acceptance of a step, and the loop, each apart.

Minimise f(x) = |r(x)|^2 (or such a sum plus a quadratic penalty). With r = y - model, J = d model / dx, H = J'J and
g = J'r, a step solves

    (H + damping I) dx = g                      primal: as many unknowns as parameters
    dx = J' a,  (J J' + damping I) a = r        dual: as many unknowns as residuals; the same dx

and the quadratic model promises the decrease dx'g + damping dx'dx. The ratio of the decrease found to the one promised
steers the damping (Nielsen, Damping parameter in Marquardt's method, IMM-REP-1999-05, DTU 1999; Madsen, Nielsen &
Tingleff, Methods for non-linear least squares problems, 2004).

Valleys of such a sum are narrow and curved, and a straight step leaves them soon. Where a problem knows r'' (n,), the second
derivative of its residual along dx, the step follows the valley's curve (geodesic acceleration: Transtrum & Sethna,
Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares minimization, arXiv:1201.5885, 2012):

    (H + damping I) a = J' r'' / 2              and dx + a is taken for dx, a made no longer than half of dx

The loop knows nothing of the model. A problem hands it states (anything with an `objective`), a linearisation of a
state, and the state a step away; `ResidualProblem` makes one out of a residual and a Jacobian function.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Protocol, TypeVar

import numpy as np
from scipy.linalg import lapack

from kanlab.arrays import Array

FIRST_DAMPING = 0.1  # times the mean curvature
MIN_DAMPING = 1e-14  # times the mean curvature
ROUNDING = 1e-14  # decreases below this, of the objective, are none
MAX_REJECTIONS = 12  # steps tried from one point
MIN_FACTOR = 0.03  # of the damping after a perfect step
AHEAD = 0.3  # of a step: where the second derivative along it is measured
MAX_ACCELERATION = 0.5  # length of the acceleration over that of the step


class Outcome(Enum):
    """Why the loop ended."""

    CONVERGED = "converged"
    STALLED = "stalled"
    ITERATION_LIMIT = "iteration limit"
    INTERRUPTED = "interrupted"


class HasObjective(Protocol):
    """What the loop reads of a state."""

    @property
    def objective(self) -> float: ...


class Linearisation(Protocol):
    """The quadratic model at a state."""

    @property
    def curvature(self) -> float:
        """Mean diagonal entry of H: the natural unit of the damping."""

    def step(self, damping: float) -> tuple[Array, float] | None:
        """The step (p,) at a damping and the decrease it promises; None where the system cannot be solved."""


State = TypeVar("State", bound=HasObjective)


class Problem(Protocol[State]):
    """What the loop asks of a problem."""

    def linearise(self, state: State) -> Linearisation: ...

    def move(self, state: State, step: Array) -> State | None:
        """The state a step away, None where it is not finite."""

    def refresh(self, state: State, iteration: int) -> State:
        """The state after an iteration (1, 2, ...), where the problem may adapt what it holds fixed meanwhile."""


@dataclass(frozen=True)
class NormalEquations:
    """The primal system: hessian H (p, p), symmetric, and gradient g = J'r (p,); work: room for another H.

    curvature_along: J' r'' / 2 (p,) along a step (p,), where the problem knows it.
    """

    hessian: Array
    gradient: Array
    work: Array | None = None
    curvature_along: Callable[[Array], Array | None] = lambda step: None

    @property
    def curvature(self) -> float:
        return float(np.mean(self.hessian.diagonal()))

    def step(self, damping: float) -> tuple[Array, float] | None:
        factor = _damped_factor(self.hessian, damping, self.work)
        found = None if factor is None else _checked_step(_solved(factor, self.gradient), self.gradient, damping)
        if factor is None or found is None:
            return None
        step, promised = found
        curved = self.curvature_along(step)
        if curved is None or not np.isfinite(acceleration := _solved(factor, curved)).all():
            return found
        length, longest = float(np.linalg.norm(acceleration)), MAX_ACCELERATION * float(np.linalg.norm(step))
        # a longer one comes from where the second derivative says little of the way
        acceleration = acceleration * (longest / length) if length > longest else acceleration
        return step + acceleration, promised


@dataclass(frozen=True)
class DualEquations:
    """The dual system of a Jacobian J (n, p) with fewer rows than columns and a residual r (n,)."""

    jacobian: Array
    residual: Array

    @property
    def curvature(self) -> float:
        return float(np.mean(np.sum(self.jacobian**2, axis=0)))

    def step(self, damping: float) -> tuple[Array, float] | None:
        factor = _damped_factor(self.jacobian @ self.jacobian.T, damping)
        if factor is None:
            return None
        return _checked_step(self.jacobian.T @ _solved(factor, self.residual), self.jacobian.T @ self.residual, damping)


def _damped_factor(matrix: Array, damping: float, work: Array | None = None) -> Array | None:
    """The Cholesky factor of matrix + damping I; None where that is not positive definite."""
    damped = np.empty_like(matrix) if work is None else work
    damped[:] = matrix
    damped.flat[:: len(damped) + 1] += damping
    factor, info = lapack.dpotrf(damped.T, lower=1, overwrite_a=1, clean=0)
    return factor if info == 0 else None


def _solved(factor: Array, right: Array) -> Array:
    return np.asarray(lapack.dpotrs(factor, right, lower=1)[0])


def _checked_step(step: Array, gradient: Array, damping: float) -> tuple[Array, float] | None:
    if not np.isfinite(step).all():
        return None
    return step, float(step @ gradient + damping * (step @ step))


def damping_factor(gain: float) -> float:
    """What an accepted step multiplies the damping by; gain: decrease found over decrease promised (Nielsen 1999)."""
    return max(MIN_FACTOR, 1.0 - (2.0 * min(gain, 1.5) - 1.0) ** 3)


@dataclass(frozen=True)
class LoopOptions:
    """When the loop ends: after `max_iterations`, or once `window` iterations together lower the objective by less than
    `tolerance` of it, or once it is below `floor`, or as soon as `interrupted` says so.
    """

    max_iterations: int = 100
    tolerance: float = 1e-8
    window: int = 5
    floor: float = 0.0
    interrupted: Callable[[], bool] = lambda: False


@dataclass(frozen=True)
class Minimum(Generic[State]):
    """Where the loop ended. damping, iteration: hand them back to `minimise` to go on from here.

    path: the states' objectives, the first one included.
    """

    state: State
    outcome: Outcome
    damping: float | None
    iteration: int
    path: tuple[float, ...]


def minimise(
    problem: Problem[State],
    state: State,
    options: LoopOptions,
    *,
    damping: float | None = None,
    iteration: int = 0,
    watch: Callable[[State], None] = lambda state: None,
) -> Minimum[State]:
    """Levenberg-Marquardt from a state until `options` ends it.

    iteration: of an earlier call this one goes on from; `options.max_iterations` counts from there.
    watch: called with the state after each iteration.
    """
    path = [state.objective]
    outcome = Outcome.ITERATION_LIMIT
    if state.objective <= options.floor:
        return Minimum(state, Outcome.CONVERGED, damping, iteration, tuple(path))
    last = iteration + options.max_iterations
    while iteration < last:
        linear = problem.linearise(state)
        curvature = max(linear.curvature, np.finfo(float).tiny)
        accepted, damping = _accept_step(problem, state, linear, damping or FIRST_DAMPING * curvature)
        if accepted is None:
            outcome = Outcome.STALLED
            break
        iteration += 1
        damping = max(damping, MIN_DAMPING * curvature)
        state = problem.refresh(accepted, iteration)
        path.append(state.objective)
        watch(state)
        if _settled(path, options):
            outcome = Outcome.CONVERGED
            break
        if options.interrupted():
            outcome = Outcome.INTERRUPTED
            break
    return Minimum(state, outcome, damping, iteration, tuple(path))


def _settled(path: list[float], options: LoopOptions) -> bool:
    if path[-1] <= options.floor:
        return True
    if len(path) <= options.window:
        return False
    return path[-1 - options.window] - path[-1] < options.tolerance * path[-1 - options.window]


def _accept_step(
    problem: Problem[State], state: State, linear: Linearisation, damping: float
) -> tuple[State | None, float]:
    """The first step that lowers the objective, damping it more after each that does not; and the damping to go on with."""
    growth = 2.0
    for _ in range(MAX_REJECTIONS):
        step = linear.step(damping)
        if step is not None and step[1] <= ROUNDING * state.objective:
            break  # what it promises is rounding; such a step may lead anywhere
        if step is not None:
            candidate = problem.move(state, step[0])
            if candidate is not None and candidate.objective < state.objective:
                gain = (state.objective - candidate.objective) / max(step[1], np.finfo(float).tiny)
                return candidate, damping * damping_factor(gain)
        damping, growth = damping * growth, growth * 2.0
        if not math.isfinite(damping):
            break
    return None, damping


@dataclass(frozen=True)
class Point:
    """A state of a `ResidualProblem`: x (p,), residual (n,) and its sum of squares."""

    x: Array
    residual: Array
    objective: float


@dataclass(frozen=True)
class ResidualProblem:
    """Minimise |residual(x)|^2. residual: (p,) to (n,). jacobian: of the residual, (p,) to (n, p)."""

    residual: Callable[[Array], Array]
    jacobian: Callable[[Array], Array]

    def point(self, x: Array) -> Point | None:
        """The state at x, None where a residual is not finite."""
        r = np.asarray(self.residual(x), dtype=float)
        total = float(r @ r)
        return Point(x, r, total) if math.isfinite(total) else None

    def linearise(self, state: Point) -> Linearisation:
        J = -np.asarray(self.jacobian(state.x), dtype=float)
        if J.shape[0] < J.shape[1]:
            return DualEquations(J, state.residual)
        return NormalEquations(
            J.T @ J, J.T @ state.residual, curvature_along=lambda step: self._curvature_along(state, J, step)
        )

    def _curvature_along(self, state: Point, J: Array, step: Array) -> Array | None:
        """J' r'' / 2 from the residual a part of the step away."""
        ahead = self.point(state.x + AHEAD * step)
        return None if ahead is None else J.T @ (ahead.residual - state.residual + AHEAD * (J @ step)) / AHEAD**2

    def move(self, state: Point, step: Array) -> Point | None:
        return self.point(state.x + step)

    def refresh(self, state: Point, iteration: int) -> Point:
        return state
