"""A network of one hidden layer as a minimisation problem: gradient, curvature, last layer, blocks of rows."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.solver import problem as problem_module
from kanlab.solver.first_layer import design_matrix, first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.problem import Problem
from tests.helpers.cells import blocks_change_rounding_alone, gradient_is_the_difference_quotient

seeds = st.integers(0, 2**32 - 1)


def cell(seed, n=60, d=2, h=2, m=1, grid=3, k=3, smoothing=1000.0):
    """A problem and a state of it, at knots that are nobody's choice."""
    rng = np.random.default_rng(seed)
    x, Y = rng.uniform(-1, 1, (d, n)), rng.normal(size=(m, n))
    problem = Problem(first_layer(x, grid, k), Y - Y.mean(axis=1, keepdims=True), h, smoothing, NUMPY)
    return problem, problem.state([5.0 * rng.normal(size=(h, problem.design.rank))], 0.3 * n)


@given(
    seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(2, 3),
    st.sampled_from([0.0, 10.0, 1000.0]),
)  # fmt: skip
@settings(max_examples=40)
def test_gradient_is_the_difference_quotient_of_the_objective(seed, d, h, m, grid, k, smoothing):
    problem, state = cell(seed, d=d, h=h, m=m, grid=grid, k=k, smoothing=smoothing)
    gradient_is_the_difference_quotient(problem, state, seed, atol=1e-6)


def test_curvature_is_that_of_the_projected_jacobian():
    problem, state = cell(3, m=2, smoothing=0.0)
    linear = problem.linearise(state)
    h, r = state.weights[0].shape
    P = problem.last_design(state, slice(0, 60)).copy()
    # Kaufman: the columns of d model / d V with D held, minus what the second layer can follow
    J, e = np.empty((2, h * r, 60)), 1e-6
    for i in range(h * r):
        step = np.zeros(h * r)
        step[i] = e
        ahead = problem.last_design(problem.move(state, step), slice(0, 60)).copy()
        behind = problem.last_design(problem.move(state, -step), slice(0, 60)).copy()
        J[:, i] = state.last.D.T @ (ahead - behind) / (2 * e)
    residual_of = np.eye(60) - P.T @ np.linalg.solve(P @ P.T + 1e-11 * 60 * np.eye(len(P)), P)
    expected = sum(j @ residual_of @ j.T for j in J)
    np.testing.assert_allclose(linear.hessian, expected, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize(("h", "m"), [(1, 1), (2, 1), (2, 2)])
def test_the_curve_along_a_step_is_the_second_difference_of_the_residual(monkeypatch, h, m):
    monkeypatch.setattr(problem_module, "NEARLY_EXACT", np.inf)
    problem, state = cell(5, h=h, m=m, smoothing=0.0)
    linear, rows = problem.linearise(state), slice(0, 60)
    size, e = state.weights[0].size, 1e-4
    step = np.random.default_rng(0).normal(size=size)
    found = linear.curvature_along(e * step) / e**2
    P = problem.last_design(state, rows).copy()

    def design_at(V):
        moved = problem.state([V], state.level, state.knots)
        assert (moved.nodes[0].extremes == state.nodes[0].extremes).all()
        return problem.last_design(moved, rows).copy()

    J = np.empty((m, size, 60))  # of the model, the second layer held
    for i in range(size):
        unit = np.zeros(size)
        unit[i] = 1e-6
        ahead, behind = (design_at(state.weights[0] + s * unit.reshape(state.weights[0].shape)) for s in (1, -1))
        J[:, i] = state.last.D.T @ (ahead - behind) / 2e-6
    solve = np.linalg.inv(P @ P.T + 1e-11 * 60 * np.eye(len(P)))
    dD = -solve @ P @ np.einsum("pis,i->ps", J, step).T

    def residual(t):
        return problem.Y - (state.last.D + t * dD).T @ design_at(
            state.weights[0] + t * step.reshape(state.weights[0].shape)
        )

    second = (residual(e) - 2 * residual(0.0) + residual(-e)) / e**2
    free = second - second @ P.T @ solve @ P
    expected = np.einsum("pis,ps->i", J, free) / 2
    np.testing.assert_allclose(found, expected, atol=0.02 * np.abs(expected).max())


def test_a_far_fit_of_several_nodes_follows_no_curve():
    problem, state = cell(5)
    assert problem.linearise(state).curvature_along(np.ones(state.weights[0].size)) is None


def test_second_layer_is_the_penalised_least_squares_solution():
    problem, state = cell(1, m=2)
    P = problem.last_design(state, slice(0, 60))
    system = P @ P.T + state.level * problem.last_penalty + 1e-11 * 60 * np.eye(len(P))
    np.testing.assert_allclose(system @ state.last.D, P @ problem.Y.T, atol=1e-8)
    np.testing.assert_allclose(state.last.residual, problem.Y - state.last.D.T @ P, atol=1e-12)
    np.testing.assert_allclose(state.last.rss, np.sum(state.last.residual**2, axis=1))


def test_smoothing_zero_leaves_the_objective_the_rss():
    _, state = cell(2, smoothing=0.0)
    assert state.objective == pytest.approx(state.misfit, rel=1e-6)


def test_first_layer_is_orthonormal_and_spans_the_design():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (3, 90))
    layer = first_layer(x, 4, 3)
    Q, A = layer.basis[0], design_matrix(x, layer.knots, 3)
    assert layer.rank == 3 * 8 - 2
    np.testing.assert_allclose(Q @ Q.T, np.eye(layer.rank), atol=1e-9)
    np.testing.assert_allclose(layer.to_coef.T @ A, Q, atol=1e-9)
    np.testing.assert_allclose(A, (A @ Q.T) @ Q, atol=1e-5)
    v = rng.normal(size=(2, layer.rank))
    coef, base = layer.edges(v)
    assert (coef.shape, base.shape) == ((3, 2, 7), (3, 2))


def test_first_layer_drops_what_adds_nothing():
    x = np.random.default_rng(0).uniform(-1, 1, (1, 80))
    alone = first_layer(x, 3, 3).rank
    assert first_layer(np.concatenate([x, x]), 3, 3).rank == alone
    assert first_layer(np.concatenate([x, np.zeros((1, 80))]), 3, 3).rank == alone
    assert first_layer(np.sign(x), 3, 3).rank == 2


def test_refresh_never_raises_the_objective_at_its_own_level():
    problem, state = cell(5)
    for iteration in (2, 4):
        fresh = problem.refresh(state, iteration)
        assert fresh.objective <= problem.relevelled(state, fresh.level).objective


def test_blocks_of_rows_change_nothing_but_rounding(monkeypatch):
    blocks_change_rounding_alone(*cell(7, n=100, h=3, m=2), monkeypatch, rel=1e-10, atol=1e-8)


def test_a_state_that_is_not_finite_is_none():
    problem, state = cell(0)
    assert problem.move(state, np.full(state.weights[0].size, np.inf)) is None
    assert problem.state([np.full_like(state.weights[0], np.nan)], 1.0) is None
