"""Where fits start from, and the race between starts.

The objective has many local minima. A cell is therefore tried from several starts, each run for a few iterations; the
better ones go on and the best runs to the end. The best starts by far are nested: the fit with one node less, and a new
node that the residual asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kanlab.basis import HiddenKnots, bspline_basis, safe_range, uniform_knots
from kanlab.design import FirstLayer
from kanlab.least_squares import LoopOptions, Minimum, Outcome, Problem, minimise
from kanlab.projection import CellProblem, CellState

Array = NDArray[np.float64]

FRESH_LEVEL = 0.1  # running RSS a fresh start assumes, of the total sum of squares
RANDOM_ROUGHNESS = 1.0  # noise on the coefficients of random edges, next to their slope
ADDITIVE_NOISE = (1e-3, 0.1, 0.5)  # in an additive fit, of its norm: one fresh start after the other
RELAXATION, LEAST_RELAXATION = (
    0.1,
    1e-6,
)  # of the penalty, where it keeps a cell from doing as well as the one below
CANDIDATES = 8  # nodes looked at for each new one, and half as many purely random ones
SCREEN_ROWS, SCREEN_RIDGE = 400, 1e-8


class Fitted(Protocol):
    """What a race reads of a state, of a cell of any depth."""

    @property
    def objective(self) -> float: ...

    @property
    def total_rss(self) -> float: ...


State = TypeVar("State", bound=Fitted)


def random_nodes(design: FirstLayer, count: int, rng: np.random.Generator) -> Array:
    """Nodes (count, r) that are random sums of roughly linear edges, spread over a range of 2."""
    d, size = len(design.knots), design.grid + design.k
    slope = rng.uniform(-1.0, 1.0, (count, d, 1)) * np.linspace(-1.0, 1.0, size)
    coef = slope + RANDOM_ROUGHNESS * rng.normal(size=(count, d, size))
    v = coef.reshape(count, -1) @ design.from_coef[:, : d * size].T
    return spread(design, v)


def spread(design: FirstLayer, V: Array) -> Array:
    """Nodes V (h, r) scaled so that each has a range of 2 on the data."""
    low = np.min([(V @ q).min(axis=1) for q in design.basis], axis=0)
    high = np.max([(V @ q).max(axis=1) for q in design.basis], axis=0)
    return V * (2.0 / safe_range(low, high)[1])[:, None]


def project(design: FirstLayer, values: Array) -> Array:
    """The node (r,) nearest to values (n,) in least squares: the additive fit of them."""
    out, at = np.zeros(design.rank), 0
    for q in design.basis:
        out += q @ values[at : at + q.shape[1]]
        at += q.shape[1]
    return out


def fresh_start(problem: CellProblem, rng: np.random.Generator, number: int = 0) -> CellState | None:
    """The best additive fit of a target as the first node, more or less jittered by `number`, random nodes besides."""
    design = problem.design
    V = random_nodes(design, problem.neuron_num, rng)
    v = project(design, problem.Y[rng.integers(len(problem.Y))])
    share = ADDITIVE_NOISE[number % len(ADDITIVE_NOISE)]
    jitter = share * np.linalg.norm(v) * noise_node(design, problem.Y.shape[1], rng)
    V[0] = spread(design, (v + jitter)[None])[0]
    return problem.state(V, FRESH_LEVEL * problem.total)


def noise_node(design: FirstLayer, n: int, rng: np.random.Generator) -> Array:
    """A random node (r,) of norm about 1 with no regard to smoothness: white noise on the rows, fitted."""
    return project(design, rng.normal(size=n)) / np.sqrt(design.rank)


def nested_start(problem: CellProblem, parent: CellState, rng: np.random.Generator) -> CellState | None:
    """A parent with fewer nodes, and new nodes that the residual asks for."""
    design = problem.design
    missing = problem.neuron_num - len(parent.V)
    new = np.array([promising_node(design, parent.residual, rng) for _ in range(missing)])
    knots = np.concatenate([parent.knots.knots, uniform_knots(missing, design.grid, design.k)])
    V = np.concatenate([parent.V, spread(design, new)])
    return problem.state(V, parent.total_rss, HiddenKnots(knots, design.k))


def promising_node(design: FirstLayer, residual: Array, rng: np.random.Generator) -> Array:
    """Of some nodes (r,), along the residual (m, n), random or in between, the one that could explain most of it."""
    n = residual.shape[1]
    toward = project(design, residual[int(np.argmax(np.einsum("on,on->o", residual, residual)))])
    size = np.linalg.norm(toward)
    toward = toward / size if size > 0.0 else toward
    mixed = [share * toward + noise_node(design, n, rng) for share in (1.0, 0.0) * (CANDIDATES // 2)]
    candidates = [*mixed, *random_nodes(design, CANDIDATES // 2, rng)]
    return max(candidates, key=lambda v: _explained(design, v, residual))


def _explained(design: FirstLayer, v: Array, residual: Array) -> float:
    """How much of the residual's sum of squares a spline of node v alone could explain, on at most SCREEN_ROWS rows."""
    stride = -(-residual.shape[1] // SCREEN_ROWS)
    z = np.concatenate([v @ q for q in design.basis])[None, ::stride]
    low, width = safe_range(z.min(axis=1), z.max(axis=1))
    B = bspline_basis((z - low) / width, uniform_knots(1, design.grid, design.k), design.k)[0]
    gram, right = B @ B.T, B @ residual[:, ::stride].T
    gram.flat[:: len(gram) + 1] += SCREEN_RIDGE * B.shape[1]
    return float(np.sum(right * np.linalg.solve(gram, right)))


@dataclass(frozen=True)
class Plan:
    """How a cell is raced: starts of either kind, and for each round its iterations and how many starts it leaves."""

    fresh: int
    nested: int
    rounds: tuple[tuple[int, int], ...] = ((3, 3), (3, 1))


@dataclass(frozen=True)
class Runner(Generic[State]):
    """A start on its way: the minimum so far and the curve that led there."""

    minimum: Minimum[State]
    curve: tuple[float, ...]

    def at(self, state: State) -> Runner[State]:
        """The same run with another state at its end."""
        return replace(self, minimum=replace(self.minimum, state=state))


def race(
    problem: Problem[State],
    starts: Iterable[State | None],
    plan: Plan,
    options: LoopOptions,
    loss: Callable[[State], float],
) -> Runner[State] | None:
    """The winner of the race, run to the end; None where no start was finite.

    options.max_iterations: of one start, from its first to its last. loss: what the curve records of a state.
    """
    runners = [Runner(Minimum(s, Outcome.ITERATION_LIMIT, None, 0, ()), (loss(s),)) for s in starts if s is not None]
    spent = 0
    for iterations, kept in plan.rounds:
        iterations = min(iterations, options.max_iterations - spent)
        runners = [advance(problem, r, replace(options, max_iterations=iterations), loss) for r in runners]
        runners = sorted(runners, key=lambda r: r.minimum.state.total_rss)[:kept]
        spent += iterations
    if not runners:
        return None
    winner = advance(problem, runners[0], replace(options, max_iterations=options.max_iterations - spent), loss)
    if options.interrupted():
        return replace(winner, minimum=replace(winner.minimum, outcome=Outcome.INTERRUPTED))
    return winner


def advance(
    problem: Problem[State], runner: Runner[State], options: LoopOptions, loss: Callable[[State], float]
) -> Runner[State]:
    """A runner some iterations on; one that has settled or cannot move stays where it is."""
    before, curve = runner.minimum, list(runner.curve)
    if options.max_iterations <= 0 or options.interrupted():
        return runner
    minimum = minimise(
        problem, before.state, options,
        damping=before.damping, iteration=before.iteration, watch=lambda s: curve.append(loss(s)),
    )  # fmt: skip
    return Runner(minimum, tuple(curve))


def no_worse_than_parent(problem: CellProblem, state: CellState, parent: CellState) -> CellState:
    """The state, or one whose RSS is at most the parent's but for rounding.

    More nodes can always do as well; only the penalty or bad luck leaves them worse. So the penalty is lowered until they
    do; failing that, the parent itself is taken, its new nodes idle.
    """
    relaxed = state
    while relaxed.total_rss > parent.total_rss and relaxed.level > LEAST_RELAXATION * state.level:
        relaxed = problem.relevelled(relaxed, RELAXATION * relaxed.level)
    if relaxed.total_rss <= parent.total_rss:
        return relaxed
    idle = problem.neuron_num - len(parent.V)
    knots = np.concatenate([parent.knots.knots, uniform_knots(idle, problem.design.grid, problem.design.k)])
    V = np.concatenate([parent.V, np.zeros((idle, problem.design.rank))])
    padded = problem.state(V, parent.level, HiddenKnots(knots, problem.design.k))
    return padded if padded is not None and padded.total_rss < state.total_rss else state
