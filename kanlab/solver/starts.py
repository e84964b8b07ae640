r"""Where fits start from, the race between starts, and the exchange of nodes after it.

The objective has many local minima. A network is therefore tried from several starts, each run for a few iterations; the
better ones go on and the best runs to the end. The best starts by far are nested, smaller networks that are part of it: the
fit with one node less, and a new node grown on its residual (kanlab.solver.node_growth); the fit with one hidden layer less,
and a layer that does nothing yet, so that the deeper network can only do better. The winner may then exchange a node for a
new one, and keeps it where that ends lower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.bspline import HiddenKnots, uniform_knots
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, Outcome, minimise
from kanlab.solver.node_growth import exchanged, lanes, noise_nodes, project, random_nodes, ranges, spread
from kanlab.solver.problem import Problem
from kanlab.solver.stack import State

FRESH_LEVEL = 0.1  # running RSS a fresh start assumes, of the total sum of squares
ADDITIVE_NOISE = (1e-3, 0.1, 0.5)  # in an additive fit, of its norm: one fresh start after the other
MIXING = 0.3  # of a fresh layer's random edges beside its identity, both in units of the nodes' range
RELAXATION, MIN_RELAXATION = 0.1, 1e-6  # of the penalty, where it keeps a network from doing as well as a smaller one
EXCHANGE_TRIAL, HOPELESS = 8, 2.0  # iterations after which an exchange whose RSS is so many times the incumbent's ends


def fresh_start(problem: Problem, rng: np.random.Generator, number: int = 0) -> State | None:
    """The best additive fit of a target as the first node, more or less jittered by `number`, random nodes besides, in
    every further layer mixed with one another at random.
    """
    design, h, signal = problem.design, problem.neuron_num, problem.likelihood.signal
    V = random_nodes(design, h, rng)
    v = project(design, signal[rng.integers(len(signal))])
    share = ADDITIVE_NOISE[number % len(ADDITIVE_NOISE)]
    jitter = share * np.linalg.norm(v) * noise_nodes(design, problem.Y.shape[1], 1, rng)[0]
    V[0] = spread(design, (v + jitter)[None])[0]
    weights, wide = [V], np.full(h, 2.0)
    for layer in range(1, problem.depth):
        lane = lanes(problem, *ranges(design, V)) if layer == 1 else lanes(problem, -wide / 2.0, wide)
        weights.append(lane + MIXING * _random_edges(problem, wide, rng))
    even = HiddenKnots(uniform_knots(h, design.grid, design.k), design.k)
    level = problem.likelihood.level(FRESH_LEVEL * problem.total)
    return problem.state(weights, level, [even] * (problem.depth - 1))


def inserted(problem: Problem, parent: State) -> State | None:
    """A parent of the same nodes and one layer less, and a last hidden layer that does nothing yet."""
    design, last = problem.design, parent.nodes[-1]
    even = HiddenKnots(uniform_knots(problem.neuron_num, design.grid, design.k), design.k)
    weights = (*parent.weights, lanes(problem, last.low, last.width))
    return problem.state(weights, parent.level, (*parent.knots[:-1], even, parent.knots[-1]))


def shaken(problem: Problem, start: State, share: float, rng: np.random.Generator) -> State | None:
    """A start whose last hidden layer receives random edges besides, of `share` of the nodes' range."""
    *weights, last = start.weights
    last = last + share * _random_edges(problem, start.nodes[-1].width, rng)
    return problem.state([*weights, last], start.level, start.knots)


def _random_edges(problem: Problem, width: Array, rng: np.random.Generator) -> Array:
    """Weights (h, p) of roughly linear edges from each node to each, into nodes of ranges width (h,)."""
    h, size = problem.neuron_num, problem.design.grid + problem.design.k
    steep = rng.uniform(-1.0, 1.0, (h, 1, h)) * np.linspace(-1.0, 1.0, size)[:, None]
    edges = width / 2.0 * (steep + rng.normal(size=(h, size, h)))
    return np.concatenate([edges, np.zeros((h, 1, h))], axis=1).reshape(-1, h).T


def no_worse_than(
    problem: Problem, state: State, misfit: float, fallbacks: Callable[[], Sequence[State | None]]
) -> State:
    """The state, or one whose misfit is at most that of a smaller network, `misfit`, but for rounding.

    A larger network can always do as well; only the penalty or bad luck leaves it worse. So the penalty is lowered until it
    does; failing that, the best of the fallbacks is taken, the smaller networks themselves.
    """
    relaxed = state
    while relaxed.misfit > misfit and relaxed.level > MIN_RELAXATION * state.level:
        relaxed = problem.relevelled(relaxed, RELAXATION * relaxed.level)
    if relaxed.misfit <= misfit:
        return relaxed
    return min([state, *(s for s in fallbacks() if s is not None)], key=lambda s: s.misfit)


@dataclass(frozen=True)
class Plan:
    """How a network is raced: starts of each kind, for each round its iterations and how many starts it leaves, and how
    often the winner then tries to exchange a node.

    shaken: shares of the nodes' ranges by which the one with a layer less is shaken.
    """

    fresh: int
    nested: int
    rounds: tuple[tuple[int, int], ...] = ((3, 3), (3, 1))
    exchanges: int = 0
    shaken: tuple[float, ...] = ()

    @property
    def starts(self) -> int:
        """All it tries."""
        return self.fresh + self.nested + len(self.shaken) + self.exchanges


@dataclass(frozen=True)
class Runner:
    """A start on its way: the minimum so far and the curve that led there."""

    minimum: Minimum[State]
    curve: tuple[float, ...]

    def at(self, state: State) -> Runner:
        """The same run with another state at its end."""
        return replace(self, minimum=replace(self.minimum, state=state))


def race(
    problem: Problem,
    starts: Iterable[State | None],
    plan: Plan,
    options: LoopOptions,
    loss: Callable[[State], float],
) -> Runner | None:
    """The winner of the race, run to the end; None where no start was finite.

    options.max_iterations: of one start, from its first to its last. loss: what the curve records of a state.
    """
    runners = [_at_start(s, loss) for s in starts if s is not None]
    spent = 0
    for iterations, kept in plan.rounds:
        iterations = min(iterations, options.max_iterations - spent)
        runners = [advance(problem, r, replace(options, max_iterations=iterations), loss) for r in runners]
        runners = sorted(runners, key=lambda r: r.minimum.state.misfit)[:kept]
        spent += iterations
    if not runners:
        return None
    winner = advance(problem, runners[0], replace(options, max_iterations=options.max_iterations - spent), loss)
    if options.interrupted():
        return replace(winner, minimum=replace(winner.minimum, outcome=Outcome.INTERRUPTED))
    return winner


def _at_start(state: State, loss: Callable[[State], float]) -> Runner:
    return Runner(Minimum(state, Outcome.ITERATION_LIMIT, None, 0, ()), (loss(state),))


def advance(problem: Problem, runner: Runner, options: LoopOptions, loss: Callable[[State], float]) -> Runner:
    """A runner some iterations on; one that has settled or cannot move stays where it is."""
    before, curve = runner.minimum, list(runner.curve)
    if options.max_iterations <= 0 or options.interrupted():
        return runner
    minimum = minimise(
        problem, before.state, options,
        damping=before.damping, iteration=before.iteration, watch=lambda s: curve.append(loss(s)),
    )  # fmt: skip
    return Runner(minimum, tuple(curve))


def exchange(
    problem: Problem,
    winner: Runner,
    options: LoopOptions,
    loss: Callable[[State], float],
    rng: np.random.Generator,
) -> Runner:
    """The winner, or what comes of it with one node exchanged, whichever ends lower."""
    incumbent = winner.minimum.state
    if options.interrupted() or incumbent.objective <= options.floor:
        return winner
    start = exchanged(problem, incumbent, rng)
    if start is None:
        return winner
    trial = min(EXCHANGE_TRIAL, options.max_iterations)
    other = advance(problem, _at_start(start, loss), replace(options, max_iterations=trial), loss)
    if other.minimum.state.misfit > HOPELESS * incumbent.misfit:
        return winner
    other = advance(problem, other, replace(options, max_iterations=options.max_iterations - trial), loss)
    return other if other.minimum.state.misfit < incumbent.misfit else winner
