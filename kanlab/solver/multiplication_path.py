r"""The nested path of networks one of whose nodes multiplies (kanlab.solver.products).

One of neuron_num nodes starts from two smaller ones: from that with a sum less, in which a sum is grown on the residual
as on any path; and from the plain network of its sums, in which a product is. It keeps at least the RSS of both.

A new product a b has to explain the residual e. Of additive functions a = Q'v, b = Q'w of norm 1 it goes most along e
where

    sum_i e_i a_i b_i = v'M w,    M = Q diag(e) Q',    a = f + g,  b = f - g,    v'M w = f'M f - g'M g

is largest: f and g are the eigenvectors of M of the highest and the lowest eigenvalue, times the roots of these. Smooth ones
are wanted, so it is M v = lambda (1 + t roughness) v, for a few t. The best of these and of random factors are fitted to the
residual as a network of one multiplication node, a few iterations each, as single nodes are (kanlab.solver.node_growth).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy.linalg import eigh

from kanlab.arrays import Array
from kanlab.kan.bspline import HiddenKnots, uniform_knots
from kanlab.kan.network import FittedKan
from kanlab.solver.first_layer import FirstLayer
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.nested_path import PASSED_ITERATIONS, NestedPath, Parents
from kanlab.solver.node_growth import grown_starts, idle_start, project, random_nodes, spread
from kanlab.solver.options import LmOptions
from kanlab.solver.problem import Problem
from kanlab.solver.scaling import ScaledRows
from kanlab.solver.stack import State
from kanlab.solver.starts import FRESH_LEVEL, Plan, Runner, no_worse_than
from kanlab.stats.likelihood import TaskName

SMOOTHER = (1e-3, 1.0, 1e3)  # t, in units of the mean roughness of a direction
RANDOM = 8  # pairs of random factors looked at
FITTED = 4  # pairs fitted to the residual
PAIR_FIT = LoopOptions(max_iterations=8)
FIRST = Plan(4, 0, ((6, 2), (8, 1)))  # one product alone
SMALL, LARGE = Plan(2, 3, ((6, 3), (8, 1))), Plan(0, 2, ((6, 1),))
FEW_ROWS = 5  # of the hidden layer, up to which starts are many


class MultiplicationPath(NestedPath):
    """The networks of one (grid, k) with a multiplication node, beside the plain path.

    Inside, a network is told by the rows of its hidden layer, h = neuron_num + 1.
    """

    def __init__(self, rows: ScaledRows, grid: int, k: int, options: LmOptions, seed: int, task: TaskName) -> None:
        super().__init__(rows, grid, k, 1, options, seed, task)
        self._products = 1
        self._plain = NestedPath(rows, grid, k, 1, options, seed, task)

    @cached_property
    def _design(self) -> FirstLayer:
        return self._plain._design

    def fit(self, neuron_num: int) -> FittedKan:
        """The fit of the next network wanted, of neuron_num nodes of which one multiplies."""
        return super().fit(neuron_num + 1)

    def _climb(self, h: int, expired: Callable[[], bool]) -> tuple[Runner | None, int]:
        reached = len(self._raced.weights[0]) if self._raced is not None else 1
        for passed in range(reached + 1, h):
            if not expired():
                self._plain_up_to(passed - 2, expired)
                self._race(passed, self._plan(passed, 0), PASSED_ITERATIONS, expired)
        self._plain_up_to(h - 2, expired)
        plan = self._plan(h, len(self._parents(h, on_all=False).present))
        runner = self._race(h, plan, self._options.max_iterations, expired)
        return None if runner is None else self._finish(h, runner, expired), plan.starts

    def _plain_up_to(self, h: int, expired: Callable[[], bool]) -> None:
        if h > 0 and not expired():
            self._plain._climb(h, expired)

    def _plan(self, neuron_num: int, parents: int) -> Plan:
        plan = FIRST if neuron_num == 2 else SMALL if neuron_num <= FEW_ROWS else LARGE
        wanted = self._options.starts
        if wanted is None:
            return plan
        nested = min(wanted, plan.nested)
        return replace(plan, fresh=wanted - nested, nested=nested)

    def _parents(self, neuron_num: int, on_all: bool) -> _Smaller:
        def of(path: NestedPath, rows: int) -> State | None:
            state = path._finished if on_all else path._raced
            return state if state is not None and len(state.weights[0]) == rows else None

        return _Smaller(of(self._plain, neuron_num - 2), of(self, neuron_num - 1))


@dataclass(frozen=True, eq=False)
class _Smaller(Parents):
    """The smaller networks one starts from: `shallow`, the plain one, and `narrow`, with a sum less."""

    def starts(self, problem: Problem, plan: Plan, rng: np.random.Generator) -> list[State | None]:
        starts: list[State | None] = []
        if self.narrow is not None and plan.nested:
            starts += grown_starts(problem, self.narrow, 1, rng)
        if self.shallow is not None and plan.nested > len(starts):
            level = problem.likelihood.level(self.shallow.misfit)
            pairs = fitted_pairs(problem, self.shallow.last.residual, level, plan.nested - len(starts), rng)
            starts += [with_pair(problem, self.shallow, pair, level) for pair in pairs]
        fresh = plan.fresh + plan.nested - len(starts)
        level = problem.likelihood.level(FRESH_LEVEL * problem.total)
        for pair in fitted_pairs(problem, problem.likelihood.signal, level, fresh, rng):
            starts.append(problem.state((_fresh(problem, pair, rng),), level))
        return starts

    def no_worse(self, problem: Problem, state: State) -> State:
        misfit = min((s.misfit for s in self.present), default=np.inf)

        def as_they_are() -> list[State | None]:
            idle = np.zeros((2, problem.design.rank))
            wider = None if self.shallow is None else with_pair(problem, self.shallow, idle, self.shallow.level)
            return [wider, None if self.narrow is None else idle_start(problem, self.narrow)]

        return no_worse_than(problem, state, misfit, as_they_are)


def _fresh(problem: Problem, pair: Array, rng: np.random.Generator) -> Array:
    """Nodes (h, r): the pair, random ones, and the first sum along a target."""
    V = random_nodes(problem.design, problem.neuron_num, rng)
    V[:2] = pair
    if len(V) > 2:
        signal = problem.likelihood.signal
        V[2] = spread(problem.design, project(problem.design, signal[rng.integers(len(signal))])[None])[0]
    return V


def with_pair(problem: Problem, parent: State, pair: Array, level: float) -> State | None:
    """A plain parent, and before its nodes the product of the factors `pair` (2, r)."""
    design = problem.design
    knots = np.concatenate([uniform_knots(2, design.grid, design.k), parent.knots[0].knots])
    return problem.state((np.concatenate([pair, parent.weights[0]]),), level, [HiddenKnots(knots, design.k)])


def fitted_pairs(problem: Problem, residual: Array, level: float, count: int, rng: np.random.Generator) -> list[Array]:
    """Factors (2, r) of products fitted to a residual (m, n), the best first, at most so many."""
    if count < 1:
        return []
    scale = float(np.sqrt(np.mean(residual**2))) or 1.0
    alone = Problem(problem.design, residual / scale, 2, problem.smoothing, problem.kernels, multiplication=1)
    pairs = candidate_pairs(problem.design, residual, rng)[: max(FITTED, count)]
    states = [alone.state((pair,), level) for pair in pairs]
    found = sorted((minimise(alone, s, PAIR_FIT).state for s in states if s is not None), key=lambda s: s.misfit)
    return [s.weights[0] for s in found[:count]]


def candidate_pairs(design: FirstLayer, residual: Array, rng: np.random.Generator) -> list[Array]:
    """Pairs of factors (2, r) that might explain a residual (m, n), those first whose product explains most of it alone."""
    along = residual[int(np.argmax(np.einsum("on,on->o", residual, residual)))]
    ends = np.cumsum([q.shape[1] for q in design.basis])[:-1]
    M = sum((q * e) @ q.T for q, e in zip(design.basis, np.split(along, ends), strict=True))
    usual, pairs = max(float(design.roughness.trace()) / design.rank, np.finfo(float).tiny), list[Array]()
    for t in SMOOTHER:
        values, V = eigh(M, np.eye(design.rank) + t / usual * design.roughness)
        for high, low in ((-1, 0), (-2, 0), (-1, 1))[: max(1, design.rank - 1)]:
            f, g = (V[:, i] * np.sqrt(abs(values[i])) for i in (high, low))
            pairs.append(spread(design, np.stack([f + g, f - g])))
    one = project(design, np.ones(residual.shape[1]))
    for _ in range(RANDOM):
        pairs.append(random_nodes(design, 2, rng) + rng.uniform(-1.0, 1.0, (2, 1)) * one)

    def explained(pair: Array) -> float:
        product = np.concatenate([(pair[0] @ q) * (pair[1] @ q) for q in design.basis])
        product -= product.mean()
        return float(np.sum((residual @ product) ** 2) / (product @ product or 1.0))

    return sorted(pairs, key=explained, reverse=True)
