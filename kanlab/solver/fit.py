"""The engine `lm`: fits [d, neuron_num, m] networks by variable projection and Levenberg-Marquardt; deeper ones, whose fits
begin with these, are `kanlab.solver.deep_fit`'s.

`fit_cell` fits one cell. `fit_path` fits the cells of one (grid, k) by rising neuron_num, which share their first layer,
and of which each starts from the one below. A cell fitted alone climbs the same ladder with short runs on the lower rungs.

The fit itself: `kanlab.solver.scaling` -> `kanlab.solver.first_layer` (first layer) -> `kanlab.solver.starts` (where to
begin, who goes on) -> `kanlab.solver.levenberg_marquardt` (the loop) on `kanlab.solver.problem` (the cell as a
least-squares problem) or, for two classes, `kanlab.solver.bernoulli_problem`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import ThreadpoolController

from kanlab.errors import FitError
from kanlab.kan.bspline import HIDDEN_MARGIN, INPUT_MARGIN, OUTPUT_MARGIN, held_range
from kanlab.kan.network import FitStatus, FittedKan, KanLayer, KanSpec
from kanlab.solver import kernels_numba
from kanlab.solver.bernoulli_problem import LogisticCell
from kanlab.solver.first_layer import FirstLayer, first_layer
from kanlab.solver.levenberg_marquardt import LoopOptions, Minimum, Outcome
from kanlab.solver.node_growth import grown_starts
from kanlab.solver.problem import CellProblem, CellState
from kanlab.solver.scaling import ScaledRows, scaled_rows
from kanlab.solver.starts import Plan, Runner, advance, exchange, fresh_start, no_worse_than_parent, race
from kanlab.stats.likelihood import CLASSIFICATION, LIKELIHOODS, REGRESSION, TaskName

Array = NDArray[np.float64]

HIGHEST_K = 3
RSS_FLOOR = 1e-20  # of the total sum of squares: below it a fit is exact

# Early rungs are cheap and decide what the later ones inherit, so most starts are spent on them, unless the first layer is
# wide.
NARROW = 40  # rank of the first layer
FIRST_RUNG, FIRST_RUNG_WIDE = Plan(8, 0, ((4, 2), (10, 1))), Plan(3, 0, ((4, 1),))
SECOND_RUNG, SECOND_RUNG_WIDE = Plan(6, 3, ((8, 4), (12, 1))), Plan(1, 2, ((5, 1),))
HIGHER_RUNG = Plan(fresh=0, nested=1, rounds=())
LOWER_RUNG = Plan(fresh=0, nested=2, rounds=((6, 1),))  # on the way to a cell that stands alone
LOWER_RUNG_ITERATIONS = 15
RACE_ROWS = 8192


@dataclass(frozen=True)
class LmOptions:
    """Settings of a fit.

    smoothing: strength of the roughness penalty, proportional to the running RSS; 0 for none.
    starts: starts of a cell, of which the best counts; more find lower minima. None leaves it to the engine: 8 for
    neuron_num 1, 9 for 2 (3 each where the first layer is wide), then 1 that grows out of the cell below; 9 or 10 with
    more hidden layers, 3 or 4 from neuron_num 4 on (kanlab.solver.deep_fit). From neuron_num 3 on one grows out of the
    cell below, and the others asked for exchange a node of the best so far; for neuron_num 2 a third of them do.
    max_iterations, tolerance: the fit ends after so many iterations of the start that won, or once five of them together
    lower the objective by less than this share.  time_limit: seconds a fit.
    kernels: "numpy", "compiled" (needs numba), or "auto", compiled as soon as they are ready; all give the same numbers.
    """

    smoothing: float = 1000.0
    starts: int | None = None
    max_iterations: int = 24
    tolerance: float = 3e-3
    time_limit: float | None = None
    kernels: Literal["auto", "numpy", "compiled"] = "auto"

    def __post_init__(self) -> None:
        if not (np.isfinite(self.smoothing) and self.smoothing >= 0.0):
            raise FitError(f"smoothing must be a finite number of at least 0, not {self.smoothing}.")
        if self.starts is not None and self.starts < 1:
            raise FitError(f"starts must be at least 1, not {self.starts}.")
        if self.max_iterations < 1 or not self.tolerance >= 0.0:
            raise FitError("max_iterations must be at least 1 and tolerance at least 0.")
        if self.time_limit is not None and not self.time_limit > 0.0:
            raise FitError(f"time_limit is in seconds and must be above 0, not {self.time_limit}.")
        if self.kernels not in ("auto", "numpy", "compiled"):
            raise FitError(f'kernels must be "auto", "numpy" or "compiled", not {self.kernels!r}.')


def fit_path(
    X: ArrayLike,
    Y: ArrayLike,
    grid: int,
    k: int,
    neuron_nums: Sequence[int],
    depth: int = 1,
    *,
    options: LmOptions = LmOptions(),
    seed: int = 0,
    task: TaskName = REGRESSION,
) -> Iterator[FittedKan]:
    """Fit the cells (neuron_num, grid, k) of `depth` hidden layers for ascending neuron_nums, one after the other.

    X (n, d), Y (n,) or (n, m), in units of the data. RSS never rises from one cell to the next, nor with depth.
    task: "classification" for Y (n,) of zeros and ones, of which the networks predict the probability of 1; there it is
    the deviance that never rises.
    Raises FitError on misuse, before the first fit; a numerical failure is a status.
    """
    nums = [int(h) for h in neuron_nums]
    if any(b <= a for a, b in pairwise(nums)):
        raise FitError(f"neuron_nums must ascend, not {nums}.")
    if seed < 0:
        raise FitError(f"seed must be at least 0, not {seed}.")
    _check_cell(nums[0] if nums else 1, grid, k, depth)
    if task not in LIKELIHOODS:
        raise FitError(f"The task of a fit is regression or classification, not {task!r}.")
    rows = scaled_rows(X, Y, classes=task == CLASSIFICATION)
    if depth > 1:
        from kanlab.solver.deep_fit import DeepLadder

        deep = DeepLadder(rows, grid, k, depth, options, seed, task)
        return (deep.climb(h) for h in nums)
    ladder = Ladder(rows, grid, k, options, seed, task)
    return (ladder.climb(h) for h in nums)


def fit_cell(
    X: ArrayLike,
    Y: ArrayLike,
    neuron_num: int,
    grid: int,
    k: int,
    depth: int = 1,
    *,
    options: LmOptions = LmOptions(),
    seed: int = 0,
    task: TaskName = REGRESSION,
) -> FittedKan:
    """Fit one cell by itself. Arguments and errors as for `fit_path`."""
    return next(fit_path(X, Y, grid, k, [neuron_num], depth, options=options, seed=seed, task=task))


def _check_cell(neuron_num: int, grid: int, k: int, depth: int) -> None:
    KanSpec((1, neuron_num, 1), grid, k)
    if depth < 1:
        raise FitError(f"depth is a number of hidden layers and must be at least 1, not {depth}.")
    if k > HIGHEST_K:
        raise FitError(f"k is the order of the splines and must be at most {HIGHEST_K}, not {k}.")


class Ladder:
    """The cells of one (grid, k) by rising neuron_num, each started from the one below.

    Starts are raced on at most RACE_ROWS rows; where there are more, the winner is then polished on all of them.
    """

    def __init__(self, rows: ScaledRows, grid: int, k: int, options: LmOptions, seed: int, task: TaskName) -> None:
        self._rows, self._options, self._seed, self._task = rows, options, seed, task
        self._cell = LogisticCell if task == CLASSIFICATION else CellProblem
        self._grid, self._k, self._began = grid, k, time.monotonic()
        # one BLAS thread: the matrices are too small for more, and the last bits would depend on how many there are
        self._blas = ThreadpoolController().select(user_api="blas")
        self._design: FirstLayer | None = None
        self._track: tuple[FirstLayer, Array] | None = None  # design and targets of the rows starts are raced on
        self._parent: CellState | None = None  # the rung below on those rows
        self._finished: CellState | None = None  # the last cell handed out, on all rows

    @property
    def design(self) -> FirstLayer:
        """The first layer on all rows, once something is fitted."""
        assert self._design is not None
        return self._design

    @property
    def track(self) -> tuple[FirstLayer, Array]:
        """Design and targets of the rows starts are raced on."""
        assert self._track is not None
        return self._track

    @property
    def reached(self) -> tuple[CellState | None, CellState | None]:
        """The last fit, on the rows starts are raced on and on all rows; None where it diverged."""
        return self._parent, self._finished or self._parent

    def climb(self, neuron_num: int) -> FittedKan:
        """The fit of the next rung wanted; rungs between get short runs."""
        with self._blas.limit(limits=1):
            return self._climb(neuron_num)

    def _climb(self, neuron_num: int) -> FittedKan:
        began = time.monotonic()
        limit = self._options.time_limit
        expired = (lambda: False) if limit is None else (lambda: time.monotonic() > began + limit)
        if self._design is None:
            self._design = first_layer(self._rows.x, self._grid, self._k)
            self._track = self._race_track(self._design)
        below = len(self._parent.V) if self._parent is not None else 0
        for h in range(below + 1, neuron_num):
            if not expired():
                self._race(h, self._plan(1) if h == 1 else LOWER_RUNG, LOWER_RUNG_ITERATIONS, expired)
        plan = self._plan(neuron_num)
        runner = self._race(neuron_num, plan, self._options.max_iterations, expired)
        if runner is not None:
            runner = self._finish(neuron_num, runner, expired)
        return self._fitted(neuron_num, runner, plan.starts, time.monotonic() - began)

    def _race_track(self, design: FirstLayer) -> tuple[FirstLayer, Array]:
        n = self._rows.y.shape[1]
        if n <= RACE_ROWS:
            return design, self._rows.y
        chosen = np.sort(np.random.default_rng([self._seed, n]).choice(n, RACE_ROWS, replace=False))
        return replace(design, basis=(design.at_rows(chosen).T.copy(),)), np.ascontiguousarray(self._rows.y[:, chosen])

    def _plan(self, neuron_num: int) -> Plan:
        assert self._design is not None
        narrow = self._design.rank <= NARROW
        low = {1: FIRST_RUNG, 2: SECOND_RUNG} if narrow else {1: FIRST_RUNG_WIDE, 2: SECOND_RUNG_WIDE}
        plan, wanted = low.get(neuron_num, HIGHER_RUNG), self._options.starts
        if wanted is None:
            return plan
        if neuron_num == 1:
            return Plan(wanted, 0, plan.rounds)
        if neuron_num == 2:
            third = wanted // 3
            return Plan(wanted - 2 * third, third, plan.rounds, exchanges=third)
        return Plan(0, 1, (), exchanges=wanted - 1)

    def _race(
        self, neuron_num: int, plan: Plan, max_iterations: int, expired: Callable[[], bool]
    ) -> Runner[CellState] | None:
        """Race a cell's starts; the winner becomes the parent of the next rung."""
        assert self._track is not None
        design, Y = self._track
        problem = self._problem(design, Y, neuron_num)
        rng = np.random.default_rng([self._seed, self._grid, self._k, neuron_num])
        starts: list[CellState | None] = []
        if self._parent is not None:
            starts += grown_starts(problem, self._parent, plan.nested, rng)
        fresh = plan.fresh if self._parent is not None else plan.fresh + plan.nested
        starts += [fresh_start(problem, rng, i) for i in range(fresh)]
        loop = self._loop(problem, max_iterations, expired)
        runner = race(problem, starts, plan, loop, self._loss)
        if runner is not None:
            for _ in range(plan.exchanges):
                runner = exchange(problem, runner, loop, self._loss, rng)
            if self._parent is not None:
                runner = runner.at(no_worse_than_parent(problem, runner.minimum.state, self._parent))
            self._parent = runner.minimum.state
        return runner

    def _finish(
        self, neuron_num: int, runner: Runner[CellState], expired: Callable[[], bool]
    ) -> Runner[CellState] | None:
        """The winner on all rows."""
        assert self._design is not None
        assert self._track is not None
        n = self._rows.y.shape[1]
        if n <= RACE_ROWS:
            return runner
        problem = self._problem(self._design, self._rows.y, neuron_num)
        raced = runner.minimum.state
        state = problem.state(raced.V, raced.level * n / RACE_ROWS, raced.knots)
        if state is None:
            return None
        started = Runner(Minimum(state, Outcome.INTERRUPTED, None, 0, ()), (self._loss(state),))
        finished = advance(problem, started, self._loop(problem, self._options.max_iterations, expired), self._loss)
        if self._finished is not None:
            finished = finished.at(no_worse_than_parent(problem, finished.minimum.state, self._finished))
        self._finished = finished.minimum.state
        track = self._problem(*self._track, neuron_num)
        self._parent = track.state(self._finished.V, raced.level, self._finished.knots) or raced
        return finished

    def _problem(self, design: FirstLayer, Y: Array, neuron_num: int) -> CellProblem:
        kernels = kernels_numba.kernels(self._options.kernels, spent=time.monotonic() - self._began)
        return self._cell(design, Y, neuron_num, self._options.smoothing, kernels)

    def _loop(self, problem: CellProblem, max_iterations: int, expired: Callable[[], bool]) -> LoopOptions:
        return LoopOptions(
            max_iterations=max_iterations,
            tolerance=self._options.tolerance,
            floor=RSS_FLOOR * problem.total,
            interrupted=expired,
        )

    def _loss(self, state: CellState) -> float:
        """RSS in units of the data over all targets, or the deviance."""
        return state.misfit if self._task == CLASSIFICATION else float(np.sum(state.rss * self._rows.y_scale**2))

    def _fitted(self, neuron_num: int, runner: Runner[CellState] | None, starts: int, seconds: float) -> FittedKan:
        rows, design = self._rows, self._design
        assert design is not None
        d, m = len(rows.x), len(rows.y)
        spec = KanSpec((d, neuron_num, m), self._grid, self._k)
        size = self._grid + self._k
        if runner is None:
            status, curve, iterations = FitStatus.DIVERGED, np.zeros(0), 0
            V, D = np.zeros((neuron_num, design.rank)), np.zeros((neuron_num, size + 1, m))
            hidden = np.tile(np.linspace(-1.0, 1.0, size + self._k + 1), (neuron_num, 1))
            held = np.tile([-1.0, 1.0], (neuron_num, 1))
            outputs, rss, deviance = np.zeros((m, 1)), np.sum(rows.y**2, axis=1), np.inf
        else:
            state, curve, iterations = runner.minimum.state, np.array(runner.curve), runner.minimum.iteration
            status = STATUS[runner.minimum.outcome]
            V, D = state.V, state.D.reshape(neuron_num, size + 1, m)
            hidden = state.low[:, None] + state.width[:, None] * state.knots.knots
            held = held_range(state.Z.min(axis=1), state.Z.max(axis=1), HIDDEN_MARGIN)
            outputs, rss, deviance = state.outputs(rows.y), state.rss, state.misfit
        coef, base = design.edges(V)
        order = np.argsort(rows.columns)
        first = KanLayer(design.knots[order], coef[order], base[order])
        second = KanLayer(hidden, D[:, :-1].transpose(0, 2, 1).copy(), D[:, -1].copy())
        by_target = rss * rows.y_scale**2
        return FittedKan(
            spec=spec,
            layers=(first, second),
            ranges=(held_range(rows.x.min(axis=1), rows.x.max(axis=1), INPUT_MARGIN)[order], held),
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
            rank=design.rank,
            task=self._task,
            deviance_train=deviance if self._task == CLASSIFICATION else None,
        )


STATUS = {
    Outcome.CONVERGED: FitStatus.CONVERGED,
    Outcome.STALLED: FitStatus.STALLED,
    Outcome.ITERATION_LIMIT: FitStatus.ITERATION_LIMIT,
    Outcome.INTERRUPTED: FitStatus.TIME_LIMIT,
}
