"""A network of any depth as a minimisation problem: derivatives, what is written down for one hidden layer, blocks of rows,
knots, descent, and the starts that come from smaller networks.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import lapack

from kanlab.kan.bspline import HiddenKnots, uniform_knots
from kanlab.kan.layers import jacobian
from kanlab.kan.parameter_count import n_params
from kanlab.solver import problem as problem_module
from kanlab.solver import stack as stack_module
from kanlab.solver.first_layer import first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.network_state import layers_of
from kanlab.solver.node_growth import exchanged, grown_starts, idle_start
from kanlab.solver.problem import Problem
from kanlab.solver.starts import fresh_start, inserted
from tests.helpers.cells import jacobian_written_down

seeds = st.integers(0, 2**32 - 1)


def random_cell(seed, depth, h=2, grid=3, k=3, m=1, n=60, smoothing=1000.0):
    """A problem and a state at random coefficients."""
    rng = np.random.default_rng(seed)
    layer = first_layer(rng.uniform(-1, 1, (2, n)), grid, k)
    problem = Problem(layer, rng.normal(size=(m, n)), h, smoothing, NUMPY, depth=depth)
    V = rng.normal(size=(h, layer.rank))
    W = [rng.normal(size=(h * (grid + k + 1), h)).T for _ in range(depth - 1)]
    knots = [HiddenKnots(uniform_knots(h, grid, k), k) for _ in range(depth)]
    return problem, problem.state([V, *W], 0.3 * problem.total, knots), rng


@given(seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(2, 3))
@settings(max_examples=25)
def test_derivatives_are_difference_quotients(seed, depth, h, m, grid, k):
    problem, state, rng = random_cell(seed, depth, h, grid, k, m)
    linear, rows, e = problem.linearise(state), slice(0, 60), 1e-6
    stack = problem.stack
    view, extremes = stack.view(state, rows, depth), stack.extreme_tangents(state)
    J = np.stack([stack.tangents(state, view, o, extremes).copy() for o in range(m)])
    u = rng.normal(size=J.shape[1])
    ahead, behind = (problem.move(state, s * e * u) for s in (1, -1))
    for a, z in zip(ahead.nodes, state.nodes, strict=True):  # elsewhere the objective has a kink
        if not np.array_equal(a.extremes, z.extremes):
            return
    outputs = [state.last.D.T @ problem.last_design(s, rows).copy() for s in (ahead, behind)]
    slopes = np.einsum("opn,p->on", J, u)
    np.testing.assert_allclose(
        (outputs[0] - outputs[1]) / (2 * e), slopes, atol=1e-4 * np.abs(J).max() * np.abs(u).sum()
    )
    of_objective = (ahead.objective - behind.objective) / (2 * e)
    gradient = linear.gradient
    assert of_objective == pytest.approx(-2 * gradient @ u, abs=1e-4 * np.abs(gradient) @ np.abs(u))


def test_one_hidden_layer_is_what_is_written_down():
    problem, state, _ = random_cell(3, 1, h=3, smoothing=0.0)
    x = np.random.default_rng(3).uniform(-1, 1, (2, 60))
    J, P = jacobian_written_down(problem, state, x), problem.last_design(state, slice(0, 60)).copy()
    view = problem.stack.view(state, slice(0, 60), 1)
    found = problem.stack.tangents(state, view, 0, problem.stack.extreme_tangents(state))
    np.testing.assert_allclose(found, J, atol=1e-8 * np.abs(J).max())
    linear = problem.linearise(state)
    np.testing.assert_allclose(linear.gradient, J @ state.last.residual[0], atol=1e-8 * np.abs(linear.gradient).max())
    free = np.eye(60) - P.T @ np.linalg.solve(P @ P.T + 1e-11 * 60 * np.eye(len(P)), P)
    np.testing.assert_allclose(linear.hessian, J @ free @ J.T, atol=1e-5 * np.abs(linear.hessian).max())


@pytest.mark.parametrize(("depth", "h", "m"), [(2, 1, 1), (2, 2, 1), (2, 2, 2), (3, 2, 1)])
def test_the_curvature_along_a_step_is_the_second_difference_of_the_residual(monkeypatch, depth, h, m):
    monkeypatch.setattr(problem_module, "NEARLY_EXACT", np.inf)
    problem, state, rng = random_cell(8, depth, h=h, m=m, smoothing=0.0)
    rows, e, stack = slice(0, 60), 1e-4, problem.stack
    size, P = stack.ends(state)[-1], problem.last_design(state, rows).copy()
    view, extremes = stack.view(state, rows, depth), stack.extreme_tangents(state)
    J = np.stack([stack.tangents(state, view, o, extremes).copy() for o in range(m)])
    step = 0.1 * rng.normal(size=size)
    found = problem.linearise(state).curvature_along(e * step) / e**2

    def solve(right):
        return lapack.dpotrs(state.last.factor, right, lower=1)[0]

    dD = -solve(P @ np.einsum("ops,p->os", J, step).T)

    def residual(t):
        moved = problem.state(stack.moved(state, t * step), state.level, state.knots)
        assert all((a.extremes == z.extremes).all() for a, z in zip(moved.nodes, state.nodes, strict=True))
        return problem.Y - (state.last.D + t * dD).T @ problem.last_design(moved, rows)

    second = (residual(e) - 2 * residual(0.0) + residual(-e)) / e**2
    free = second - solve(P @ second.T).T @ P
    expected = np.einsum("ops,os->p", J, free) / 2
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_the_reverse_mode_is_the_jacobian_times_the_values():
    for depth in (1, 2, 3):
        problem, state, rng = random_cell(6, depth, h=3, m=2)
        stack, values = problem.stack, rng.normal(size=(2, 60))
        view, extremes = stack.view(state, slice(0, 60), depth), stack.extreme_tangents(state)
        expected = sum(stack.tangents(state, view, o, extremes) @ values[o] for o in range(2))
        np.testing.assert_allclose(
            stack.pulled_back(state, view, values), expected, atol=1e-10 * np.abs(expected).max()
        )


def test_blocks_of_rows_change_nothing_but_rounding(monkeypatch):
    problem, state, _ = random_cell(1, 3, n=70)
    whole = problem.linearise(state)
    monkeypatch.setattr(stack_module, "BLOCK_ROWS", 20)
    blocks = tuple(problem.design.basis[0][:, i : i + 20].copy() for i in range(0, 70, 20))
    cut = Problem(replace(problem.design, basis=blocks), problem.Y, 2, 1000.0, NUMPY, depth=3)
    again = cut.state(state.weights, state.level, state.knots)
    parts = cut.linearise(again)
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
    np.testing.assert_allclose(end.last.residual, problem.Y - end.last.D.T @ design_of_end, atol=1e-12)


@pytest.mark.parametrize("depth", [2, 3])
def test_an_inserted_layer_does_nothing(depth):
    problem, state, _ = random_cell(7, depth - 1, h=3)
    deeper = Problem(problem.design, problem.Y, 3, 1000.0, NUMPY, depth=depth)
    same = inserted(deeper, state)
    np.testing.assert_allclose(same.nodes[-1].Z, state.nodes[-1].Z, atol=1e-12)
    np.testing.assert_allclose(same.last.residual, state.last.residual, atol=1e-8)


def test_idle_lanes_do_nothing_and_new_ones_help():
    problem, state, rng = random_cell(9, 2, h=2)
    wider = problem.with_nodes(4)
    idle, (new,) = idle_start(wider, state), grown_starts(wider, state, 1, rng)
    np.testing.assert_allclose(idle.last.residual, state.last.residual, atol=1e-6)
    np.testing.assert_allclose(new.nodes[1].Z[:2], state.nodes[1].Z, atol=1e-12)
    assert new.misfit < idle.misfit


@pytest.mark.parametrize("depth", [2, 3])
def test_an_exchange_replaces_one_node_of_the_last_hidden_layer(depth):
    problem, state, rng = random_cell(11, depth, h=3, smoothing=0.0)
    state = minimise(problem, state, LoopOptions(max_iterations=6)).state
    other = exchanged(problem, state, rng)
    for before, after in zip(state.nodes[:-1], other.nodes[:-1], strict=True):
        np.testing.assert_array_equal(after.Z, before.Z)
    old, new = state.nodes[-1].Z, other.nodes[-1].Z
    kept = [j for j in range(3) if (np.abs(new - old[j]).max(axis=1) < 1e-6 * np.ptp(old[j])).any()]
    assert len(kept) == 2
    P = problem.last_design(state, slice(0, 60)).reshape(3, -1, 60)[kept].reshape(-1, 60)
    without = problem.Y[0] - np.linalg.lstsq(P.T, problem.Y[0], rcond=1e-10)[0] @ P
    assert other.misfit < without @ without


def test_fresh_starts_differ():
    problem, _, _ = random_cell(2, 3)
    rng = np.random.default_rng(0)
    assert len({fresh_start(problem, rng, i).objective for i in range(3)}) == 3


@pytest.mark.parametrize(("depth", "h", "grid", "k"), [(2, 2, 2, 2), (2, 3, 3, 3), (3, 2, 2, 3)])
def test_the_rank_of_the_jacobian_is_the_count(depth, h, grid, k):
    """With the knots held, as the count has it."""
    problem, state, _ = random_cell(4, depth, h, grid, k, n=900)
    x = np.random.default_rng(4).uniform(-1, 1, (2, 900))
    J = jacobian(layers_of(problem.design, state), x)[0]
    J = J / np.maximum(np.linalg.norm(J, axis=1, keepdims=True), 1e-300)
    singular, K = np.linalg.svd(J, compute_uv=False), n_params((2, *[h] * depth, 1), grid, k)
    assert singular[K - 1] > 1e2 * singular[K:].max(
        initial=0
    )  # a composition is badly conditioned, but the gap is there
    assert singular[K:].max(initial=0) < 1e-14
