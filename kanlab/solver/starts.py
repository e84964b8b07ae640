"""Where fits start from, the race between starts, and the exchange of nodes after it.

The objective has many local minima. A cell is therefore tried from several starts, each run for a few iterations; the
better ones go on and the best runs to the end. The best starts by far are nested: the fit with one node less, and a new
node grown on its residual (`kanlab.solver.node_growth`). The winner may then exchange its weakest node for a new one,
and keeps it where that ends lower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from kanlab.kan.bspline import HiddenKnots, uniform_knots
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, Outcome, Problem, minimise
from kanlab.solver.node_growth import exchanged, noise_nodes, project, random_nodes, spread
from kanlab.solver.problem import CellProblem, CellState

Array = NDArray[np.float64]

FRESH_LEVEL = 0.1  # running RSS a fresh start assumes, of the total sum of squares
ADDITIVE_NOISE = (1e-3, 0.1, 0.5)  # in an additive fit, of its norm: one fresh start after the other
RELAXATION, LEAST_RELAXATION = (
    0.1,
    1e-6,
)  # of the penalty, where it keeps a cell from doing as well as the one below
EXCHANGE_TRIAL, HOPELESS = 8, 2.0  # iterations after which an exchange whose RSS is so many times the incumbent's ends


class Fitted(Protocol):
    """What a race reads of a state, of a cell of any depth."""

    @property
    def objective(self) -> float: ...

    @property
    def misfit(self) -> float: ...


State = TypeVar("State", bound=Fitted)


def fresh_start(problem: CellProblem, rng: np.random.Generator, number: int = 0) -> CellState | None:
    """The best additive fit of a target as the first node, more or less jittered by `number`, random nodes besides."""
    design = problem.design
    V = random_nodes(design, problem.neuron_num, rng)
    v = project(design, problem.signal[rng.integers(len(problem.Y))])
    share = ADDITIVE_NOISE[number % len(ADDITIVE_NOISE)]
    jitter = share * np.linalg.norm(v) * noise_nodes(design, problem.Y.shape[1], 1, rng)[0]
    V[0] = spread(design, (v + jitter)[None])[0]
    return problem.state(V, problem.level_of(FRESH_LEVEL * problem.total))


@dataclass(frozen=True)
class Plan:
    """How a cell is raced: starts of either kind, for each round its iterations and how many starts it leaves, and how
    often the winner then tries to exchange a node.
    """

    fresh: int
    nested: int
    rounds: tuple[tuple[int, int], ...] = ((3, 3), (3, 1))
    exchanges: int = 0

    @property
    def starts(self) -> int:
        """All it tries."""
        return self.fresh + self.nested + self.exchanges


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


def _at_start(state: State, loss: Callable[[State], float]) -> Runner[State]:
    return Runner(Minimum(state, Outcome.ITERATION_LIMIT, None, 0, ()), (loss(state),))


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


def exchange(
    problem: CellProblem,
    winner: Runner[CellState],
    options: LoopOptions,
    loss: Callable[[CellState], float],
    rng: np.random.Generator,
) -> Runner[CellState]:
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


def no_worse_than_parent(problem: CellProblem, state: CellState, parent: CellState) -> CellState:
    """The state, or one whose misfit is at most the parent's but for rounding.

    More nodes can always do as well; only the penalty or bad luck leaves them worse. So the penalty is lowered until they
    do; failing that, the parent itself is taken, its new nodes idle.
    """
    relaxed = state
    while relaxed.misfit > parent.misfit and relaxed.level > LEAST_RELAXATION * state.level:
        relaxed = problem.relevelled(relaxed, RELAXATION * relaxed.level)
    if relaxed.misfit <= parent.misfit:
        return relaxed
    idle = problem.neuron_num - len(parent.V)
    knots = np.concatenate([parent.knots.knots, uniform_knots(idle, problem.design.grid, problem.design.k)])
    V = np.concatenate([parent.V, np.zeros((idle, problem.design.rank))])
    padded = problem.state(V, parent.level, HiddenKnots(knots, problem.design.k))
    return padded if padded is not None and padded.misfit < state.misfit else state
