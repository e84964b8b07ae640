"""New nodes: what they explain, which old one is missed least, and what an exchange makes of a cell."""

import numpy as np
import pytest

from kanlab.kan.bspline import HiddenKnots
from kanlab.solver.first_layer import first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.node_growth import candidates, exchanged, grown_starts
from kanlab.solver.problem import Problem
from kanlab.solver.starts import Plan, exchange, fresh_start, race


def problem_of(h, m=1, n=150, smoothing=0.0):
    rng = np.random.default_rng(4)
    x = rng.uniform(-1, 1, (2, n))
    Y = np.stack([np.sin(3 * x[0]) * x[1] + i * x[0] + 0.05 * rng.normal(size=n) for i in range(m)])
    return Problem(first_layer(x, 4, 3), (Y - Y.mean(axis=1, keepdims=True)) / Y.std(), h, smoothing, NUMPY)


def fitted(problem, iterations=12):
    state = fresh_start(problem, np.random.default_rng(1))
    return minimise(problem, state, LoopOptions(max_iterations=iterations)).state


@pytest.mark.parametrize("m", [1, 2])
def test_a_grown_node_explains_more_than_a_random_one(m):
    parent = fitted(problem_of(1, m))
    problem, rng = problem_of(2, m), np.random.default_rng(0)
    starts = grown_starts(problem, parent, 2, rng)
    assert len(starts) == 2
    knots = HiddenKnots(np.concatenate([parent.knots[0].knots] * 2), 3)
    noise = [np.concatenate([parent.weights[0], rng.normal(size=parent.weights[0].shape)]) for _ in range(20)]
    random = np.median([problem.state([V], parent.misfit, [knots]).misfit for V in noise])
    for start in starts:
        np.testing.assert_array_equal(start.weights[0][:1], parent.weights[0])
        assert start.misfit < min(random, parent.misfit)


def test_more_than_one_node_may_be_missing():
    (start,) = grown_starts(problem_of(4), fitted(problem_of(1)), 1, np.random.default_rng(0))
    assert start.weights[0].shape[0] == 4


def test_an_exact_parent_leaves_nothing_to_explain_and_nothing_breaks():
    problem = problem_of(2)
    problem.Y[:] = 0.0
    parent = problem.with_nodes(1).state([np.ones((1, problem.design.rank))], 1.0)
    assert all(np.isfinite(s.misfit) for s in grown_starts(problem, parent, 2, np.random.default_rng(0)))
    assert np.isfinite(candidates(problem.design, parent.last.residual, np.random.default_rng(0), NUMPY)).all()


def test_nodes_are_exchanged_the_likelier_the_less_their_loss_costs():
    problem = problem_of(3)
    state = fitted(problem)
    others = problem.with_nodes(2)

    def without(j):
        kept = np.arange(3) != j
        return others.state([state.weights[0][kept]], state.level, [HiddenKnots(state.knots[0].knots[kept], 3)]).misfit

    order = np.argsort([without(j) for j in range(3)])
    taken = np.zeros(3)
    for seed in range(60):
        left = exchanged(problem, state, np.random.default_rng(seed)).weights[0][:2]
        (gone,) = [j for j in range(3) if not any((state.weights[0][j] == v).all() for v in left)]
        taken[gone] += 1
    shares = taken[order] / 60  # expected: a half, a quarter, and what is left
    assert shares[0] > 0.35
    assert shares[0] > shares[2] > 0.0


def test_an_exchange_is_kept_only_where_it_ends_lower():
    problem, options = problem_of(3), LoopOptions(max_iterations=10)
    runner = race(
        problem, [fresh_start(problem, np.random.default_rng(2))], Plan(1, 0, ()), options, lambda s: s.misfit
    )
    before, found = runner.minimum.state.misfit, []
    for seed in range(4):
        other = exchange(problem, runner, options, lambda s: s.misfit, np.random.default_rng(seed))
        assert other is runner or other.minimum.state.misfit < before
        assert len(other.curve) == other.minimum.iteration + 1
        found.append(other.minimum.state.misfit)
    assert min(found) < before
