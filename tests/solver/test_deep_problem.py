"""A cell of any depth as a least-squares problem: derivatives, agreement with one hidden layer, blocks of rows, descent."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.kan.bspline import HiddenKnots, uniform_knots
from kanlab.kan.network import KanLayer, jacobian
from kanlab.kan.parameter_count import n_params
from kanlab.solver import deep_problem
from kanlab.solver.deep_problem import DeepProblem
from kanlab.solver.deep_starts import fresh, inserted, widened
from kanlab.solver.first_layer import first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.problem import CellProblem

seeds = st.integers(0, 2**32 - 1)


def random_cell(seed, depth, h=2, grid=3, k=3, m=1, n=60, smoothing=1000.0):
    """A problem and a state at random coefficients."""
    rng = np.random.default_rng(seed)
    layer = first_layer(rng.uniform(-1, 1, (2, n)), grid, k)
    problem = DeepProblem(layer, rng.normal(size=(m, n)), h, depth, smoothing, NUMPY)
    V = rng.normal(size=(h, layer.rank))
    W = [rng.normal(size=(h * (grid + k + 1), h)) for _ in range(depth - 1)]
    knots = [HiddenKnots(uniform_knots(h, grid, k), k) for _ in range(depth)]
    return problem, problem.state(V, W, 0.3 * problem.total, knots), rng


def raw_step(linear, u):
    """A step in (v, u) as one in (V, W)."""

    class Told:
        curvature = 1.0

        def step(self, damping):
            return u, 0.0

    return deep_problem.DeepEquations(Told(), linear.neuron_num, linear.to_coef).step(0.0)[0]


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(2, 3))
@settings(max_examples=25)
def test_derivatives_are_difference_quotients(seed, depth, h, m, grid, k):
    problem, state, rng = random_cell(seed, depth, h, grid, k, m)
    linear, rows, e = problem.linearise(state), slice(0, 60), 1e-6
    to_coef = problem.coordinates(state)
    J = problem.tangents(state, rows, to_coef, problem.extreme_tangents(state, to_coef))
    u = rng.normal(size=J.shape[1])
    step = raw_step(linear, u)
    ahead, behind = (problem.move(state, s * e * step) for s in (1, -1))
    for a, z in zip(ahead.nodes, state.nodes, strict=True):  # elsewhere the objective has a kink
        if not np.array_equal(a.extremes, z.extremes):
            return
    outputs = [state.D.T @ problem.last_design(s, rows).copy() for s in (ahead, behind)]
    slopes = np.einsum("opn,p->on", J, u)
    np.testing.assert_allclose(
        (outputs[0] - outputs[1]) / (2 * e), slopes, atol=1e-4 * np.abs(J).max() * np.abs(u).sum()
    )
    of_objective = (ahead.objective - behind.objective) / (2 * e)
    gradient = linear.equations.gradient
    assert of_objective == pytest.approx(-2 * gradient @ u, abs=1e-4 * np.abs(gradient) @ np.abs(u))


@pytest.mark.parametrize("m", [1, 2])
def test_one_hidden_layer_is_the_problem_of_kanlab_projection(m):
    problem, state, _ = random_cell(3, 1, h=3, m=m)
    cell = CellProblem(problem.design, problem.Y, 3, 1000.0, NUMPY)
    same = cell.state(state.V, state.level, state.knots[0])
    one, other = cell.linearise(same), problem.linearise(state).equations
    assert state.objective == pytest.approx(same.objective, rel=1e-12)
    np.testing.assert_allclose(other.gradient, one.gradient, atol=1e-10 * np.abs(one.gradient).max())
    np.testing.assert_allclose(other.hessian, one.hessian, atol=1e-10 * np.abs(one.hessian).max())


def test_blocks_of_rows_change_nothing_but_rounding(monkeypatch):
    problem, state, _ = random_cell(1, 3, n=70)
    whole = problem.linearise(state).equations
    monkeypatch.setattr(deep_problem, "BLOCK_ROWS", 20)
    blocks = tuple(problem.design.basis[0][:, i : i + 20].copy() for i in range(0, 70, 20))
    cut = DeepProblem(replace(problem.design, basis=blocks), problem.Y, 2, 3, 1000.0, NUMPY)
    again = cut.state(state.V, state.W, state.level, state.knots)
    parts = cut.linearise(again).equations
    assert again.objective == pytest.approx(state.objective, rel=1e-10)
    for damping in (whole.curvature, 1e-3 * whole.curvature):  # in whatever coordinates
        promises = [equations.step(damping)[1] for equations in (parts, whole)]
        assert promises[0] == pytest.approx(promises[1], rel=1e-6)


@given(seeds, st.integers(2, 3))
@settings(max_examples=5)
def test_the_search_descends_and_keeps_the_rows_it_is_of(seed, depth):
    problem, state, _ = random_cell(seed, depth)
    levels = []
    found = minimise(
        problem, state, LoopOptions(max_iterations=8), watch=lambda s: levels.append((s.level, s.objective))
    )
    for (level, objective), (lower, next_objective) in pairwise(levels):
        assert lower < level or next_objective <= objective
    end = found.state
    design_of_end = problem.last_design(end, slice(0, 60))
    np.testing.assert_allclose(end.residual, problem.Y - end.D.T @ design_of_end, atol=1e-12)


@pytest.mark.parametrize("depth", [2, 3])
def test_an_inserted_layer_does_nothing(depth):
    problem, state, _ = random_cell(7, depth - 1, h=3)
    deeper = DeepProblem(problem.design, problem.Y, 3, depth, 1000.0, NUMPY)
    same = inserted(deeper, state)
    np.testing.assert_allclose(same.nodes[-1].Z, state.nodes[-1].Z, atol=1e-12)
    np.testing.assert_allclose(same.residual, state.residual, atol=1e-8)


def test_idle_lanes_do_nothing_and_new_ones_help():
    problem, state, rng = random_cell(9, 2, h=2)
    wider = DeepProblem(problem.design, problem.Y, 4, 2, 1000.0, NUMPY)
    idle, new = widened(wider, state, None), widened(wider, state, rng)
    np.testing.assert_allclose(idle.residual, state.residual, atol=1e-6)
    np.testing.assert_allclose(new.nodes[1].Z[:2], state.nodes[1].Z, atol=1e-12)
    assert new.misfit < idle.misfit


def test_fresh_starts_differ():
    problem, _, _ = random_cell(2, 3)
    rng = np.random.default_rng(0)
    assert len({fresh(problem, rng, i).objective for i in range(3)}) == 3


@pytest.mark.parametrize(("depth", "h", "grid", "k"), [(2, 2, 2, 2), (2, 3, 3, 3), (3, 2, 2, 3)])
def test_the_rank_of_the_jacobian_is_the_count(depth, h, grid, k):
    """With the knots held, as the count has it."""
    problem, state, _ = random_cell(4, depth, h, grid, k, n=900)
    coef, base = problem.design.edges(state.V)
    layers = [KanLayer(problem.design.knots, coef, base)]
    for nodes, edges in zip(state.nodes, (*state.W, state.D), strict=True):
        by_node = edges.reshape(h, grid + k + 1, -1)
        knots = nodes.low[:, None] + nodes.width[:, None] * nodes.knots.knots
        layers.append(KanLayer(knots, by_node[:, :-1].transpose(0, 2, 1), by_node[:, -1]))
    x = np.random.default_rng(4).uniform(-1, 1, (2, 900))
    J = jacobian(tuple(layers), x)[0]
    J = J / np.maximum(np.linalg.norm(J, axis=1, keepdims=True), 1e-300)
    singular, K = np.linalg.svd(J, compute_uv=False), n_params((2, *[h] * depth, 1), grid, k)
    assert singular[K - 1] > 1e2 * singular[K:].max(
        initial=0
    )  # a composition is badly conditioned, but the gap is there
    assert singular[K:].max(initial=0) < 1e-14
