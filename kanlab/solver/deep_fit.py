"""The engine `lm` beyond one hidden layer: fits [d, neuron_num, ..., neuron_num, m] networks, each from the one with a layer
less.

A cell of depth L is raced from four kinds of start (kanlab.solver.deep_starts): the fit of depth L - 1 of the same
(neuron_num, grid, k) with a layer put in that does nothing yet; the same, shaken; where cells are fitted by rising
neuron_num, the one below at the same depth with a node more; and random ones. It keeps at least the RSS of either
parent, so RSS rises neither with depth nor with neuron_num. The fits of lower depth are those kanlab.solver.fit and
this module make of the same cells, to the last bit.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from kanlab.kan.bspline import HIDDEN_MARGIN, INPUT_MARGIN, OUTPUT_MARGIN, held_range
from kanlab.kan.network import FitStatus, FittedKan, KanLayer, KanSpec
from kanlab.solver import kernels_numba
from kanlab.solver.bernoulli_problem import DeepLogisticCell
from kanlab.solver.deep_problem import DeepProblem, DeepState
from kanlab.solver.deep_starts import fresh, inserted, no_worse_than, shaken, widened
from kanlab.solver.first_layer import FirstLayer
from kanlab.solver.fit import RSS_FLOOR, STATUS, Ladder, LmOptions
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, Outcome
from kanlab.solver.problem import CellState
from kanlab.solver.scaling import ScaledRows
from kanlab.solver.starts import Plan, Runner, advance, race
from kanlab.stats.likelihood import CLASSIFICATION, TaskName

Array = NDArray[np.float64]

FEW_NODES = 3  # up to which starts are many: these fits are cheap, and those of more nodes inherit what they find


@dataclass(frozen=True)
class DeepPlan:
    """Starts beside the smaller networks themselves, and rounds as in a `Plan`.

    shaken: shares of the nodes' ranges by which the one with a layer less is shaken.  fresh: how many random ones.
    """

    shaken: tuple[float, ...]
    fresh: int
    rounds: tuple[tuple[int, int], ...]


FEW, MANY = DeepPlan((0.3, 0.3, 1.0, 1.0), 4, ((12, 2), (12, 1))), DeepPlan((0.3,), 1, ((8, 1),))


class DeepLadder:
    """The cells of one (grid, k, depth) by rising neuron_num, beside the ladder of one layer less.

    Starts are raced on the rows of that ladder; where there are more, the winner is then polished on all of them.
    options: `starts`, where set, counts those of every depth, nested ones first; `time_limit` and the seconds of a fit
    include the shallower fits it starts from.
    """

    def __init__(
        self, rows: ScaledRows, grid: int, k: int, depth: int, options: LmOptions, seed: int, task: TaskName
    ) -> None:
        self._rows, self._options, self._seed, self._task = rows, options, seed, task
        self._cell = DeepLogisticCell if task == CLASSIFICATION else DeepProblem
        self._grid, self._k, self._depth, self._began = grid, k, depth, time.monotonic()
        self._blas = ThreadpoolController().select(user_api="blas")
        self._below: Ladder | DeepLadder
        if depth == 2:
            self._below = Ladder(rows, grid, k, options, seed, task)
        else:
            self._below = DeepLadder(rows, grid, k, depth - 1, options, seed, task)
        self._raced: DeepState | None = None  # the rung below on the rows starts are raced on, and on all rows
        self._finished: DeepState | None = None

    @property
    def design(self) -> FirstLayer:
        """The first layer on all rows, once something is fitted."""
        return self._below.design

    @property
    def track(self) -> tuple[FirstLayer, Array]:
        """Design and targets of the rows starts are raced on."""
        return self._below.track

    @property
    def reached(self) -> tuple[DeepState | None, DeepState | None]:
        """The last fit, on the rows starts are raced on and on all rows; None where it diverged."""
        return self._raced, self._finished

    def climb(self, neuron_num: int) -> FittedKan:
        """The fit of the next rung wanted."""
        began, limit = time.monotonic(), self._options.time_limit
        expired = (lambda: False) if limit is None else (lambda: time.monotonic() > began + limit)
        self._below.climb(neuron_num)
        with self._blas.limit(limits=1):
            runner, starts = self._race(neuron_num, expired)
            if runner is not None:
                runner = self._finish(neuron_num, runner, expired)
            return self._fitted(neuron_num, runner, starts, time.monotonic() - began)

    def _parents(self, neuron_num: int, on_all: bool) -> _Parents:
        """The smaller networks a cell starts from, on the rows of the race or on all."""
        shallow, narrow = self._below.reached[on_all], (self._raced, self._finished)[on_all]
        return _Parents(shallow if shallow is not None and len(shallow.V) == neuron_num else None, narrow)

    def _race(self, neuron_num: int, expired: Callable[[], bool]) -> tuple[Runner[DeepState] | None, int]:
        """The winner of a cell's starts, and how many there were."""
        problem, parents = self._problem(*self.track, neuron_num), self._parents(neuron_num, on_all=False)
        rng = np.random.default_rng([self._seed, self._grid, self._k, neuron_num, self._depth])
        nested, wanted = parents.starts(problem, rng), self._options.starts
        plan = _planned(neuron_num, len(nested), wanted)
        moved = [shaken(problem, nested[0], share, rng) for share in plan.shaken if parents.shallow is not None]
        starts = [*nested, *moved, *(fresh(problem, rng, i) for i in range(plan.fresh))][:wanted]
        race_plan = Plan(plan.fresh, len(starts) - plan.fresh, plan.rounds)
        runner = race(problem, starts, race_plan, self._loop(problem, expired), self._loss)
        return (None if runner is None else runner.at(parents.no_worse(problem, runner.minimum.state))), len(starts)

    def _finish(
        self, neuron_num: int, runner: Runner[DeepState], expired: Callable[[], bool]
    ) -> Runner[DeepState] | None:
        """The winner on all rows; it becomes a parent of the next rung."""
        n, raced, on_track = self._rows.y.shape[1], runner.minimum.state, self.track[1].shape[1]
        if n == on_track:
            self._raced = self._finished = raced
            return runner
        parents = self._parents(neuron_num, on_all=True)
        problem = self._problem(self.design, self._rows.y, neuron_num)
        state = problem.state(raced.V, raced.W, raced.level * n / on_track, raced.knots)
        if state is None:
            return None
        started = Runner(Minimum(state, Outcome.INTERRUPTED, None, 0, ()), (self._loss(state),))
        finished = advance(problem, started, self._loop(problem, expired), self._loss)
        finished = finished.at(parents.no_worse(problem, finished.minimum.state))
        self._finished = found = finished.minimum.state
        track = self._problem(*self.track, neuron_num)
        self._raced = track.state(found.V, found.W, raced.level, found.knots) or raced
        return finished

    def _problem(self, design: FirstLayer, Y: Array, neuron_num: int) -> DeepProblem:
        kernels = kernels_numba.kernels(self._options.kernels, spent=time.monotonic() - self._began)
        return self._cell(design, Y, neuron_num, self._depth, self._options.smoothing, kernels)

    def _loop(self, problem: DeepProblem, expired: Callable[[], bool]) -> LoopOptions:
        return LoopOptions(
            max_iterations=self._options.max_iterations,
            tolerance=self._options.tolerance,
            floor=RSS_FLOOR * problem.total,
            interrupted=expired,
        )

    def _loss(self, state: DeepState) -> float:
        """RSS in units of the data over all targets, or the deviance."""
        return state.misfit if self._task == CLASSIFICATION else float(np.sum(state.rss * self._rows.y_scale**2))

    def _fitted(self, neuron_num: int, runner: Runner[DeepState] | None, starts: int, seconds: float) -> FittedKan:
        rows = self._rows
        d, m = len(rows.x), len(rows.y)
        spec = KanSpec((d, *[neuron_num] * self._depth, m), self._grid, self._k)
        first_range = held_range(rows.x.min(axis=1), rows.x.max(axis=1), INPUT_MARGIN)
        if runner is None:
            status, curve, iterations, rss = FitStatus.DIVERGED, np.zeros(0), 0, np.sum(rows.y**2, axis=1)
            layers, ranges = _empty_layers(spec, self.design)
            outputs, deviance = np.zeros((m, 1)), np.inf
        else:
            state, curve, iterations = runner.minimum.state, np.array(runner.curve), runner.minimum.iteration
            status, rss, deviance = STATUS[runner.minimum.outcome], state.rss, state.misfit
            outputs = state.outputs(rows.y)
            coef, base = self.design.edges(state.V)
            layers = [KanLayer(self.design.knots, coef, base)]
            for nodes, edges in zip(state.nodes, (*state.W, state.D), strict=True):
                by_node = edges.reshape(neuron_num, -1, edges.shape[1])
                knots = nodes.low[:, None] + nodes.width[:, None] * nodes.knots.knots
                layers.append(KanLayer(knots, by_node[:, :-1].transpose(0, 2, 1).copy(), by_node[:, -1].copy()))
            ranges = [held_range(nodes.Z.min(axis=1), nodes.Z.max(axis=1), HIDDEN_MARGIN) for nodes in state.nodes]
        order = np.argsort(rows.columns)
        first = layers[0]
        layers[0] = KanLayer(first.knots[order], first.coef[order], first.scale_base[order])
        by_target = rss * rows.y_scale**2
        return FittedKan(
            spec=spec,
            layers=tuple(layers),
            ranges=(first_range[order], *ranges),
            output_range=held_range(outputs.min(axis=1), outputs.max(axis=1), OUTPUT_MARGIN),
            x_offset=rows.x_offset,
            x_scale=rows.x_scale,
            y_offset=rows.y_offset,
            y_scale=rows.y_scale,
            rss_train=float(by_target.sum()),
            rss_by_target=by_target,
            n_train=rows.x.shape[1],
            status=status,
            loss_curve=curve,
            iterations=iterations,
            starts=starts,
            seconds=seconds,
            rank=self.design.rank,
            task=self._task,
            deviance_train=deviance if self._task == CLASSIFICATION else None,
        )


def _planned(neuron_num: int, nested: int, wanted: int | None) -> DeepPlan:
    """What is started from beside the smaller networks; wanted: starts in all."""
    plan = FEW if neuron_num <= FEW_NODES else MANY
    if wanted is None:
        return plan
    more = max(0, wanted - nested)
    return replace(plan, shaken=(FEW.shaken * more)[: more // 2], fresh=more - more // 2)


@dataclass(frozen=True, eq=False)
class _Parents:
    """The smaller networks of a cell: with a layer less, and with fewer nodes."""

    shallow: CellState | DeepState | None
    narrow: DeepState | None

    def starts(self, problem: DeepProblem, rng: np.random.Generator | None) -> list[DeepState]:
        """The cell as a continuation of each; without rng new nodes are idle, and it predicts as they do."""
        found = [inserted(problem, self.shallow) if self.shallow is not None else None]
        found += [widened(problem, self.narrow, rng) if self.narrow is not None else None]
        return [s for s in found if s is not None]

    def no_worse(self, problem: DeepProblem, state: DeepState) -> DeepState:
        """The state, or one with at most the misfit of each of them."""
        least = min((s.misfit for s in (self.shallow, self.narrow) if s is not None), default=np.inf)
        return state if state.misfit <= least else no_worse_than(problem, state, least, self.starts(problem, None))


def _empty_layers(spec: KanSpec, design: FirstLayer) -> tuple[list[KanLayer], list[Array]]:
    """Edges that say nothing, and ranges of hidden nodes."""
    size, layers = spec.grid + spec.k, []
    for n_in, n_out in pairwise(spec.layer_widths):
        knots = np.tile(np.linspace(-1.0, 1.0, size + spec.k + 1), (n_in, 1))
        layers.append(KanLayer(knots, np.zeros((n_in, n_out, size)), np.zeros((n_in, n_out))))
    layers[0] = KanLayer(design.knots, layers[0].coef, layers[0].scale_base)
    return layers, [np.tile([-1.0, 1.0], (n, 1)) for n in spec.layer_widths[1:-1]]
