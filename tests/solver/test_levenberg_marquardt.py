"""The loop on problems with known minima, against SciPy's solver on the same residuals, and its parts by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from kanlab.solver.levenberg_marquardt import (
    DualEquations,
    LoopOptions,
    NormalEquations,
    Outcome,
    ResidualProblem,
    damping_factor,
    minimise,
)

TIGHT = LoopOptions(max_iterations=500, tolerance=1e-14, floor=1e-28)


def rosenbrock(x):
    return np.array([10.0 * (x[1] - x[0] ** 2), 1.0 - x[0]])


def rosenbrock_slopes(x):
    return np.array([[-20.0 * x[0], 10.0], [-1.0, 0.0]])


def powell(x):
    a, b, c, d = x
    return np.array([a + 10 * b, np.sqrt(5) * (c - d), (b - 2 * c) ** 2, np.sqrt(10) * (a - d) ** 2])


def powell_slopes(x):
    a, b, c, d = x
    e, f = 2 * (b - 2 * c), 2 * np.sqrt(10) * (a - d)
    return np.array([[1, 10, 0, 0], [0, 0, np.sqrt(5), -np.sqrt(5)], [0, e, -2 * e, 0], [f, 0, 0, -f]])


T = np.linspace(0.0, 4.0, 40)
DECAY = 2.5 * np.exp(-1.3 * T) + 0.5 + 0.05 * np.sin(37.0 * T)


def decay(x):
    return x[0] * np.exp(-x[1] * T) + x[2] - DECAY


def decay_slopes(x):
    e = np.exp(-x[1] * T)
    return np.stack([e, -x[0] * T * e, np.ones_like(T)], axis=1)


PROBLEMS = {
    "rosenbrock": (rosenbrock, rosenbrock_slopes, [-1.2, 1.0]),
    "powell": (powell, powell_slopes, [3.0, -1.0, 0.0, 1.0]),
    "decay": (decay, decay_slopes, [1.0, 1.0, 0.0]),
}


def solve(residual, jacobian, x0, options=TIGHT):
    problem = ResidualProblem(residual, jacobian)
    return minimise(problem, problem.point(np.array(x0)), options)


@pytest.mark.parametrize("name", PROBLEMS)
def test_reaches_the_minimum_scipy_reaches(name):
    residual, jacobian, x0 = PROBLEMS[name]
    found = solve(residual, jacobian, x0)
    reference = least_squares(residual, x0, jacobian, xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert found.outcome in (Outcome.CONVERGED, Outcome.STALLED)
    assert found.state.objective <= 2 * reference.cost * (1 + 1e-9) + 1e-15


def test_known_minima():
    np.testing.assert_allclose(solve(rosenbrock, rosenbrock_slopes, [-1.2, 1.0]).state.x, [1.0, 1.0], atol=1e-8)
    np.testing.assert_allclose(solve(powell, powell_slopes, [3.0, -1.0, 0.0, 1.0]).state.x, 0.0, atol=1e-2)


def test_a_linear_problem_takes_a_few_steps():
    rng = np.random.default_rng(0)
    A, b = rng.normal(size=(30, 4)), rng.normal(size=30)
    found = solve(lambda x: A @ x - b, lambda x: A, np.zeros(4))
    np.testing.assert_allclose(found.state.x, np.linalg.lstsq(A, b)[0], atol=1e-7)
    assert found.iteration < 15


@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(2, 12), st.floats(1e-4, 1e2))
@settings(max_examples=60, deadline=None)
def test_primal_and_dual_steps_agree(seed, n, p, damping):
    rng = np.random.default_rng(seed)
    J, r = rng.normal(size=(n, p)), rng.normal(size=n)
    primal = NormalEquations(J.T @ J, J.T @ r).step(damping)
    dual = DualEquations(J, r).step(damping)
    np.testing.assert_allclose(primal[0], dual[0], rtol=1e-10, atol=1e-10)
    assert primal[1] == pytest.approx(dual[1], rel=1e-10)


def test_the_promised_decrease_is_that_of_the_quadratic_model():
    rng = np.random.default_rng(1)
    J, r = rng.normal(size=(9, 3)), rng.normal(size=9)
    step, promised = NormalEquations(J.T @ J, J.T @ r).step(0.7)
    assert promised == pytest.approx(r @ r - np.sum((r - J @ step) ** 2))


def test_a_step_follows_the_second_derivative():
    """Of (10 (y - x^2), 1 - x) along (u, v) the second derivative is (-20 u^2, 0)."""
    problem, x, damping = ResidualProblem(rosenbrock, rosenbrock_slopes), np.array([0.3, -0.5]), 5.0
    linear = problem.linearise(problem.point(x))
    J, r = -rosenbrock_slopes(x), rosenbrock(x)
    straight = np.linalg.solve(J.T @ J + damping * np.eye(2), J.T @ r)
    acceleration = np.linalg.solve(J.T @ J + damping * np.eye(2), J.T @ np.array([-10.0 * straight[0] ** 2, 0.0]))
    assert np.linalg.norm(acceleration) < np.linalg.norm(straight) / 2
    step, promised = linear.step(damping)
    np.testing.assert_allclose(step, straight + acceleration, rtol=1e-9)
    assert promised == pytest.approx(straight @ J.T @ r + damping * straight @ straight)


@given(st.integers(0, 2**32 - 1), st.floats(1e-6, 1e3))
@settings(max_examples=60, deadline=None)
def test_the_acceleration_is_at_most_half_its_step(seed, size):
    rng = np.random.default_rng(seed)
    J, r, curve = rng.normal(size=(9, 4)), rng.normal(size=9), size * rng.normal(size=4)
    straight, _ = NormalEquations(J.T @ J, J.T @ r).step(0.1)
    accelerated, _ = NormalEquations(J.T @ J, J.T @ r, curvature_along=lambda step: curve).step(0.1)
    assert np.linalg.norm(accelerated - straight) <= (0.5 + 1e-9) * np.linalg.norm(straight)


def test_accelerated_steps_follow_a_valley_faster():
    class Straight(ResidualProblem):
        def _curvature_along(self, state, J, step):
            return None

    options, start = LoopOptions(max_iterations=500, tolerance=0.0, floor=1e-20), np.array([-1.2, 1.0])
    accelerated, straight = ResidualProblem(rosenbrock, rosenbrock_slopes), Straight(rosenbrock, rosenbrock_slopes)
    assert (
        minimise(accelerated, accelerated.point(start), options).iteration
        < minimise(straight, straight.point(start), options).iteration
    )


def test_fewer_residuals_than_unknowns_are_met_exactly():
    found = solve(lambda x: np.array([x @ x - 4.0]), lambda x: 2 * x[None], [1.0, 2.0, 3.0])
    assert found.state.x @ found.state.x == pytest.approx(4.0)


@pytest.mark.parametrize(("gain", "factor"), [(1.0, 0.03), (0.5, 1.0), (0.0, 2.0), (0.75, 0.875), (9.0, 0.03)])
def test_damping_rule(gain, factor):
    assert damping_factor(gain) == pytest.approx(factor)


def test_a_singular_system_gives_no_step():
    assert NormalEquations(np.zeros((2, 2)), np.ones(2)).step(0.0) is None
    assert NormalEquations(np.full((2, 2), np.nan), np.ones(2)).step(1.0) is None


def test_ends_at_the_iteration_limit_and_goes_on_from_there():
    problem = ResidualProblem(rosenbrock, rosenbrock_slopes)
    start = problem.point(np.array([-1.2, 1.0]))
    whole = minimise(problem, start, LoopOptions(max_iterations=9, tolerance=0.0))
    first = minimise(problem, start, LoopOptions(max_iterations=5, tolerance=0.0))
    assert (first.outcome, first.iteration) == (Outcome.ITERATION_LIMIT, 5)
    second = minimise(
        problem, first.state, LoopOptions(max_iterations=4, tolerance=0.0), damping=first.damping, iteration=5
    )
    assert second.iteration == 9
    np.testing.assert_array_equal(whole.state.x, second.state.x)
    assert whole.path == first.path + second.path[1:]


def test_ends_when_interrupted_and_watches_every_step():
    problem, seen = ResidualProblem(rosenbrock, rosenbrock_slopes), []
    options = LoopOptions(interrupted=lambda: len(seen) == 3)
    found = minimise(problem, problem.point(np.array([-1.2, 1.0])), options, watch=seen.append)
    assert found.outcome is Outcome.INTERRUPTED
    assert [s.objective for s in seen] == list(found.path[1:])


def test_stalls_where_nothing_helps():
    found = solve(lambda x: np.array([1.0 + 0 * x[0]]), lambda x: np.zeros((1, 1)), [0.5])
    assert found.outcome is Outcome.STALLED
    assert found.iteration == 0


def test_a_state_below_the_floor_is_the_answer():
    found = solve(lambda x: x, lambda x: np.eye(2), [0.0, 0.0])
    assert (found.outcome, found.iteration) == (Outcome.CONVERGED, 0)


def test_steps_back_from_where_the_residual_is_not_finite():
    def residual(x):
        with np.errstate(invalid="ignore"):
            return np.log(x)

    found = solve(residual, lambda x: np.diag(1.0 / x), [9.0])
    assert found.state.x[0] == pytest.approx(1.0)


def test_the_path_never_rises():
    path = solve(decay, decay_slopes, [1.0, 1.0, 0.0]).path
    assert (np.diff(path) <= 0).all()
