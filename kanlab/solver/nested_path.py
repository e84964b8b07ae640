"""The nested path: networks of one (grid, k, depth) by rising neuron_num, each started from the smaller ones.

They share their first layer. Each starts from the one below, which a new node joins, and beside that from the one of the same
nodes on the path of one hidden layer less, into which a layer that does nothing yet is put; so RSS rises neither along a path
nor with depth. A network fitted alone climbs the same path with short runs on the way.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.bspline import INPUT_MARGIN, OUTPUT_MARGIN, held_range
from kanlab.kan.layers import KanLayer
from kanlab.kan.network import FitStatus, FittedKan, KanSpec
from kanlab.solver import kernels_numba
from kanlab.solver.effective_dof import effective_dof
from kanlab.solver.first_layer import FirstLayer, first_layer
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, Outcome
from kanlab.solver.likelihood_of import likelihood_of
from kanlab.solver.network_state import hidden_ranges, in_log_odds, layers_of
from kanlab.solver.node_growth import grown_starts, idle_start
from kanlab.solver.options import LmOptions
from kanlab.solver.problem import Problem
from kanlab.solver.scaling import ScaledRows
from kanlab.solver.stack import State
from kanlab.solver.starts import Plan, Runner, advance, exchange, fresh_start, inserted, no_worse_than, race, shaken
from kanlab.solver.threads import blas
from kanlab.stats.likelihood import MULTICLASS, REGRESSION, TaskName

RSS_FLOOR = 1e-20  # of the total sum of squares: below it a fit is exact

# The first networks of a path are cheap and decide what the later ones inherit, so most starts are spent on them, unless
# the first layer is wide.
NARROW = 40  # rank of the first layer
FIRST, FIRST_WIDE = Plan(8, 0, ((4, 2), (10, 1))), Plan(3, 0, ((4, 1),))
SECOND, SECOND_WIDE = Plan(6, 3, ((8, 4), (12, 1))), Plan(1, 2, ((5, 1),))
HIGHER = Plan(fresh=0, nested=1, rounds=())
PASSED = Plan(fresh=0, nested=2, rounds=((6, 1),))  # on the way to a network that is fitted alone
PASSED_ITERATIONS = 15
# beside the smaller networks themselves, which Plan.nested then counts, where there is more than one hidden layer
DEEP_FEW = Plan(4, 0, ((12, 2), (12, 1)), shaken=(0.3, 0.3, 1.0, 1.0))
DEEP_MANY = Plan(1, 0, ((8, 1),), shaken=(0.3,))
FEW_NODES = 3
RACE_ROWS = 8192
AGAIN = 1  # of the random numbers of starts on all rows


class NestedPath:
    """The networks of one (grid, k, depth), beside the path of one hidden layer less.

    Starts are raced on at most RACE_ROWS rows; where there are more, the winner is then polished on all of them, and where a
    smaller network is better there, that one is grown on all. Seconds and time limit of a fit include the shallower fits it
    starts from, which are those of their own paths to the last bit.
    """

    def __init__(
        self, rows: ScaledRows, grid: int, k: int, depth: int, options: LmOptions, seed: int, task: TaskName
    ) -> None:
        self._rows, self._options, self._seed, self._task = rows, options, seed, task
        self._grid, self._k, self._depth = grid, k, depth
        self._products = 0  # multiplication nodes, which are two rows each of `neuron_num` in a Problem
        self._blas = blas()
        self._below = NestedPath(rows, grid, k, depth - 1, options, seed, task) if depth > 1 else None
        self._raced: State | None = None  # the last network, on the rows starts are raced on
        self._finished: State | None = None  # the last one handed out, on all rows

    @cached_property
    def _design(self) -> FirstLayer:
        """The first layer on all rows."""
        return self._below._design if self._below else first_layer(self._rows.x, self._grid, self._k)

    @cached_property
    def _track(self) -> tuple[FirstLayer, Array, Array | None]:
        """Design, targets and weights of the rows starts are raced on."""
        n, weights = self._rows.y.shape[1], self._rows.weights
        if n <= RACE_ROWS:
            return self._design, self._rows.y, weights
        chosen = np.sort(np.random.default_rng([self._seed, n]).choice(n, RACE_ROWS, replace=False))
        basis = (self._design.at_rows(chosen).T.copy(),)
        return (
            replace(self._design, basis=basis),
            np.ascontiguousarray(self._rows.y[:, chosen]),
            None if weights is None else weights[chosen],
        )

    def fit(self, neuron_num: int) -> FittedKan:
        """The fit of the next network wanted; those between it and the last one get short runs."""
        began, limit = time.monotonic(), self._options.time_limit
        expired = (lambda: False) if limit is None else (lambda: time.monotonic() > began + limit)
        with self._blas.limit(limits=1):
            runner, starts = self._climb(neuron_num, expired)
            return self._fitted(neuron_num, runner, starts, time.monotonic() - began)

    def _climb(self, neuron_num: int, expired: Callable[[], bool]) -> tuple[Runner | None, int]:
        """The fit of a network on all rows, and how many starts it had."""
        if self._below is not None:
            self._below._climb(neuron_num, expired)
        else:
            reached = len(self._raced.weights[0]) if self._raced is not None else 0
            for h in range(reached + 1, neuron_num):
                if not expired():
                    self._race(h, self._plan(1, 0) if h == 1 else PASSED, PASSED_ITERATIONS, expired)
        plan = self._plan(neuron_num, len(self._parents(neuron_num, on_all=False).present))
        runner = self._race(neuron_num, plan, self._options.max_iterations, expired)
        return None if runner is None else self._finish(neuron_num, runner, expired), plan.starts

    def _plan(self, neuron_num: int, parents: int) -> Plan:
        """How a network is raced; parents: how many smaller ones there are to start from."""
        wanted = self._options.starts
        if self._depth > 1:
            plan = DEEP_FEW if neuron_num <= FEW_NODES else DEEP_MANY
            if wanted is None:
                return replace(plan, nested=parents)
            more = max(0, wanted - parents)
            exchanges = more // 3 if neuron_num > 1 else 0
            moved = (more - exchanges) // 2
            return Plan(
                more - exchanges - moved, min(parents, wanted), plan.rounds, exchanges, (DEEP_FEW.shaken * more)[:moved]
            )
        narrow = self._design.rank <= NARROW
        first = {1: FIRST, 2: SECOND} if narrow else {1: FIRST_WIDE, 2: SECOND_WIDE}
        plan = first.get(neuron_num, HIGHER)
        if wanted is None:
            return plan
        if neuron_num == 1:
            return Plan(wanted, 0, plan.rounds)
        if neuron_num == 2:
            third = wanted // 3
            return Plan(wanted - 2 * third, third, plan.rounds, exchanges=third)
        return Plan(0, 1, (), exchanges=wanted - 1)

    def _parents(self, neuron_num: int, on_all: bool) -> Parents:
        """The smaller networks one starts from, on the rows of the race or on all."""
        shallow = None if self._below is None else self._below._finished if on_all else self._below._raced
        if shallow is not None and len(shallow.weights[0]) != neuron_num:
            shallow = None
        return Parents(shallow, self._finished if on_all else self._raced)

    def _race(self, neuron_num: int, plan: Plan, max_iterations: int, expired: Callable[[], bool]) -> Runner | None:
        """Race a network's starts; the winner becomes the parent of the next one."""
        problem, parents = self._problem(*self._track, neuron_num), self._parents(neuron_num, on_all=False)
        rng = self._generator(neuron_num)
        loop = self._loop(problem, max_iterations, expired)
        runner = race(problem, parents.starts(problem, plan, rng), plan, loop, self._loss)
        if runner is None:
            return None
        for _ in range(plan.exchanges):
            runner = exchange(problem, runner, loop, self._loss, rng)
        runner = runner.at(parents.no_worse(problem, runner.minimum.state))
        self._raced = runner.minimum.state
        return runner

    def _generator(self, neuron_num: int, *again: int) -> np.random.Generator:
        """Of the starts of a network. again: a number for others of the same one."""
        of_kind = [self._depth] if self._depth > 1 else [1, self._products] if self._products or again else []
        return np.random.default_rng([self._seed, self._grid, self._k, neuron_num, *of_kind, *again])

    def _finish(self, neuron_num: int, runner: Runner, expired: Callable[[], bool]) -> Runner | None:
        """The winner on all rows."""
        n, raced, on_track = self._rows.y.shape[1], runner.minimum.state, self._track[1].shape[1]
        if n == on_track:
            self._finished = raced
            return runner
        problem, parents = self._problem(*self._all, neuron_num), self._parents(neuron_num, on_all=True)
        state = problem.state(raced.weights, raced.level * n / on_track, raced.knots)
        if state is None:
            return None
        started = Runner(Minimum(state, Outcome.INTERRUPTED, None, 0, ()), (self._loss(state),))
        loop = self._loop(problem, self._options.max_iterations, expired)
        finished = advance(problem, started, loop, self._loss)
        if finished.minimum.state.misfit > parents.misfit:  # what is best on the rows of the race need not be on all
            several = len(parents.present) > 1
            plan = Plan(fresh=0, nested=len(parents.present), rounds=((3, 1),) if several else ())
            starts = parents.starts(problem, plan, self._generator(neuron_num, AGAIN))
            grown = race(problem, starts, plan, loop, self._loss)
            finished = min([finished, *([grown] if grown else [])], key=lambda runner: runner.minimum.state.misfit)
            finished = finished.at(parents.no_worse(problem, finished.minimum.state))
        found = self._finished = finished.minimum.state
        track = self._problem(*self._track, neuron_num)
        self._raced = track.state(found.weights, raced.level, found.knots) or raced
        return finished

    @property
    def _all(self) -> tuple[FirstLayer, Array, Array | None]:
        """Design, targets and weights of all rows."""
        return self._design, self._rows.y, self._rows.weights

    def _problem(self, design: FirstLayer, Y: Array, weights: Array | None, neuron_num: int) -> Problem:
        kernels = kernels_numba.kernels(self._options.kernels, spent=kernels_numba.seconds_fitting())
        return Problem(
            design,
            Y,
            neuron_num,
            self._options.smoothing,
            kernels,
            depth=self._depth,
            likelihood=likelihood_of(self._task, self._rows.y_offset, self._rows.y_scale, weights),
            multiplication=self._products,
        )

    def _loop(self, problem: Problem, max_iterations: int, expired: Callable[[], bool]) -> LoopOptions:
        return LoopOptions(
            max_iterations=max_iterations,
            tolerance=self._options.tolerance,
            floor=RSS_FLOOR * problem.total,
            interrupted=expired,
        )

    def _loss(self, state: State) -> float:
        """RSS in units of the data over all targets, or the deviance."""
        return float(np.sum(rss_in_units(state.last.rss, self._rows))) if self._task == REGRESSION else state.misfit

    def _fitted(self, neuron_num: int, runner: Runner | None, starts: int, seconds: float) -> FittedKan:
        rows, design = self._rows, self._design
        m = len(rows.y) - (self._task == MULTICLASS)
        spec = KanSpec((len(rows.x), *[neuron_num] * self._depth, m), self._grid, self._k, self._products)
        edf = penalty = None
        if runner is None:
            status, curve, iterations, deviance = FitStatus.DIVERGED, np.zeros(0), 0, np.inf
            layers, ranges = _empty_layers(spec, design)
            outputs, rss = np.zeros((m, 1)), rss_of_mean(rows)
        else:
            state, curve, iterations = runner.minimum.state, np.array(runner.curve), runner.minimum.iteration
            status, deviance = STATUS[runner.minimum.outcome], state.misfit
            layers = layers_of(design, state, self._products)
            ranges = hidden_ranges(design, state, self._products)
            penalty = state.level * self._options.smoothing if self._products else None
            outputs, rss = state.last.outputs, state.last.rss
            edf = effective_dof(self._problem(*self._all, neuron_num), state)
            if self._task == MULTICLASS:
                layers, outputs = in_log_odds(layers, outputs)
        order, (first, *others) = np.argsort(rows.columns), layers
        first = KanLayer(first.knots[order], first.coef[order], first.scale_base[order])
        by_target = rss_in_units(rss, rows) if self._task == REGRESSION else rss  # of others in units of y already
        return FittedKan(
            spec=spec,
            layers=(first, *others),
            ranges=(held_range(rows.x.min(axis=1), rows.x.max(axis=1), INPUT_MARGIN)[order], *ranges),
            output_range=held_range(outputs.min(axis=1), outputs.max(axis=1), OUTPUT_MARGIN),
            x_offset=rows.x_offset,
            x_scale=rows.x_scale,
            y_offset=rows.y_offset[:m],
            y_scale=rows.y_scale[:m],
            rss_train=float(by_target.sum()),
            rss_by_target=by_target,
            n_train=rows.x.shape[1],
            status=status,
            loss_curve=curve,
            iterations=iterations,
            starts=starts,
            seconds=seconds,
            rank=design.rank,
            task=self._task,
            deviance_train=None if self._task == REGRESSION else deviance,
            edf=edf,
            penalty=penalty,
        )


def rss_in_units(rss: Array, rows: ScaledRows) -> Array:
    """RSS (m,) in units of the data and of its weights, of that on the scale of a fit, where weights average 1."""
    scale = 1.0 if rows.weights is None else float(rows.weights.mean())
    return np.asarray(rss * rows.y_scale**2 * scale)


def rss_of_mean(rows: ScaledRows) -> Array:
    """RSS (m,) of the offset on the scale of a fit."""
    w = 1.0 if rows.weights is None else rows.weights / rows.weights.mean()
    return np.asarray(np.sum(w * rows.y**2, axis=1))


@dataclass(frozen=True, eq=False)
class Parents:
    """The smaller networks one starts from: with a hidden layer less, and with fewer nodes."""

    shallow: State | None
    narrow: State | None

    @property
    def present(self) -> list[State]:
        return [s for s in (self.shallow, self.narrow) if s is not None]

    @property
    def misfit(self) -> float:
        """That of the best of them."""
        return min((s.misfit for s in self.present), default=np.inf)

    def starts(self, problem: Problem, plan: Plan, rng: np.random.Generator) -> list[State | None]:
        """What a plan starts from; nested starts for which there is no smaller network are fresh ones."""
        deeper = inserted(problem, self.shallow) if self.shallow is not None else None
        starts: list[State | None] = [] if deeper is None else [deeper]
        if self.narrow is not None:
            starts += grown_starts(problem, self.narrow, plan.nested - len(starts), rng)
        starts += [shaken(problem, deeper, share, rng) for share in plan.shaken if deeper is not None]
        fresh = plan.fresh if self.present else plan.fresh + plan.nested
        return [*starts, *(fresh_start(problem, rng, i) for i in range(fresh))]

    def no_worse(self, problem: Problem, state: State) -> State:
        """The state, or one with at most the misfit of each of them."""

        def as_they_are() -> list[State | None]:
            deeper = inserted(problem, self.shallow) if self.shallow is not None else None
            return [deeper, idle_start(problem, self.narrow) if self.narrow is not None else None]

        return no_worse_than(problem, state, self.misfit, as_they_are)


def _empty_layers(spec: KanSpec, design: FirstLayer) -> tuple[tuple[KanLayer, ...], tuple[Array, ...]]:
    """Edges that say nothing, and ranges of hidden nodes."""
    size, layers = spec.grid + spec.k, []
    for n_in, n_out in pairwise(spec.layer_widths):
        knots = np.tile(np.linspace(-1.0, 1.0, size + spec.k + 1), (n_in, 1))
        layers.append(KanLayer(knots, np.zeros((n_in, n_out, size)), np.zeros((n_in, n_out))))
    layers[0] = KanLayer(design.knots, layers[0].coef, layers[0].scale_base)
    return tuple(layers), tuple(np.tile([-1.0, 1.0], (n, 1)) for n in spec.layer_widths[1:-1])


STATUS = {
    Outcome.CONVERGED: FitStatus.CONVERGED,
    Outcome.STALLED: FitStatus.STALLED,
    Outcome.ITERATION_LIMIT: FitStatus.ITERATION_LIMIT,
    Outcome.INTERRUPTED: FitStatus.TIME_LIMIT,
}
