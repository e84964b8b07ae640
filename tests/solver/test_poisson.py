"""Fits to counts: gradient, last layer, curvature, limits, effective dof, and the engine around them."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from kanlab.errors import FitError
from kanlab.kan.bspline import HiddenKnots, uniform_knots
from kanlab.kan.network import FittedKan
from kanlab.solver.first_layer import first_layer
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.kernels import NUMPY
from kanlab.solver.leave_one_out import predictions_left_out
from kanlab.solver.likelihoods import PULL
from kanlab.solver.poisson import Poisson
from kanlab.solver.problem import Problem
from kanlab.solver.refit import continued
from kanlab.solver.scaling import scaled_rows
from kanlab.solver.smoother import effective_dof, linearised
from kanlab.solver.stack import State
from kanlab.stats.likelihood import POISSON, log_mean_scaling
from tests.helpers.cells import blocks_change_rounding_alone, gradient_is_the_difference_quotient
from tests.helpers.counts import table

OPTIONS = LmOptions(kernels="numpy")


def rows(n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    found = table(n, seed)
    return found[["a", "b"]].to_numpy(), found["events"].to_numpy(dtype=float)


def cell(
    seed: int, n: int = 80, h: int = 2, grid: int = 3, k: int = 3, smoothing: float = 1000.0, depth: int = 1
) -> tuple[Problem, State]:
    """A problem and a state of it, far from any minimum."""
    X, y = rows(n, seed)
    likelihood = Poisson.of(*log_mean_scaling(y))
    problem = Problem(first_layer(X.T, grid, k), y[None], h, smoothing, NUMPY, likelihood=likelihood, depth=depth)
    rng = np.random.default_rng(seed)
    weights = [5.0 * rng.normal(size=(h, problem.design.rank))]
    weights += [rng.normal(size=(h, problem.stack.width)) for _ in range(depth - 1)]
    even = HiddenKnots(uniform_knots(h, grid, k), k)
    state = problem.state(weights, problem.likelihood.level(0.0), [even] * (depth - 1))
    assert state is not None
    return problem, state


@given(
    st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 4), st.integers(2, 3),
    st.sampled_from([0.0, 10.0, 1000.0]), st.integers(1, 2),
)  # fmt: skip
@settings(max_examples=15, deadline=None)
def test_gradient_is_the_difference_quotient_of_the_objective(
    seed: int, h: int, grid: int, k: int, smoothing: float, depth: int
) -> None:
    problem, state = cell(seed, h=h, grid=grid, k=k, smoothing=smoothing, depth=depth)
    gradient_is_the_difference_quotient(problem, state, seed, atol=1e-5)


def test_the_last_layer_is_the_minimum_of_what_is_written_down() -> None:
    problem, state = cell(1)
    P, y = problem.last_design(state, slice(0, 80)).copy(), problem.Y[0]
    penalty = state.level * problem.last_penalty + 1e-11 * 80 * np.eye(len(P))
    offset, scale = log_mean_scaling(y)

    def objective(D: np.ndarray) -> float:
        z = D @ P
        deviance = POISSON.misfit(np.exp(offset + scale * z), y)
        return float(deviance + PULL * np.mean(z**2) + D @ penalty @ D)

    best = minimize(objective, np.zeros(len(P)), method="BFGS", options={"gtol": 1e-7, "maxiter": 5000})
    D = state.last.D[:, 0]
    assert objective(D) <= best.fun + 1e-7
    assert objective(D) == pytest.approx(state.last.objective, rel=1e-10)
    mean = np.exp(offset + scale * (D @ P))
    assert state.misfit == pytest.approx(POISSON.misfit(mean, y))
    assert state.last.rss[0] == pytest.approx(np.sum((y - mean) ** 2))


def test_blocks_of_rows_change_rounding_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    problem, state = cell(4, h=3)
    blocks_change_rounding_alone(problem, state, monkeypatch, rel=1e-8, atol=1e-6)


def test_the_fit_of_a_line_is_poisson_regression() -> None:
    """Without a penalty a first node that is a line is as good as the GLM at least, and not much better."""
    X, y = rows(400, 2)
    X = X[:, 1:]  # whose log mean is linear in it
    glm = sm.GLM(y, sm.add_constant(X), family=sm.families.Poisson()).fit()
    fitted = fit_cell(X, y, 1, 1, 1, options=OPTIONS, task="counts")
    assert fitted.deviance_train == pytest.approx(POISSON.misfit(fitted.predict(X), y))
    assert 0.97 * glm.deviance < (fitted.deviance_train or 0.0) < 1.01 * glm.deviance


def test_a_path_never_rises_and_never_predicts_below_0() -> None:
    X, y = rows()
    found = list(fit_path(X, y, 3, 3, (1, 2, 3), options=OPTIONS, task="counts"))
    deviances = [f.deviance_train for f in found]
    assert deviances == sorted(deviances, reverse=True)  # type: ignore[type-var]
    anywhere = np.random.default_rng(0).uniform(-9, 9, (500, 2))
    for f in found:
        assert (f.predict(anywhere) > 0).all()
        assert f.rss_train == pytest.approx(np.sum((y - f.predict(X)) ** 2))
        again = FittedKan.from_arrays(f.arrays())
        np.testing.assert_array_equal(again.predict(X), f.predict(X))
        with pytest.raises(FitError, match="no probabilities"):
            f.predict_proba(X)


def test_the_order_of_rows_and_columns_changes_nothing() -> None:
    X, y = rows(120, 3)
    one = fit_cell(X, y, 2, 3, 2, options=OPTIONS, task="counts")
    other = fit_cell(X[::-1, ::-1], y[::-1], 2, 3, 2, options=OPTIONS, task="counts")
    np.testing.assert_allclose(one.predict(X), other.predict(X[:, ::-1]), rtol=1e-10)
    assert scaled_rows(X, y, "counts").y_offset == pytest.approx(np.log((y.sum() + 0.5) / len(y)))


@pytest.mark.parametrize(
    "y", [np.zeros(40), np.full(40, 7.0), np.eye(1, 40)[0] * 1e6], ids=["zeros", "sevens", "one huge"]
)
def test_degenerate_counts_have_a_finite_fit(y: np.ndarray) -> None:
    X = rows(40)[0]
    fitted = fit_cell(X, y, 2, 3, 3, options=OPTIONS, task="counts")
    mean = fitted.predict(X)
    assert np.isfinite(mean).all()
    assert (mean > 0).all()
    assert np.isfinite(fitted.deviance_train or np.nan)


def test_a_region_without_counts_is_predicted_near_0() -> None:
    x = np.linspace(-1, 1, 200)
    y = np.where(x < 0, 0, np.random.default_rng(0).poisson(4, 200)).astype(float)
    fitted = fit_cell(x[:, None], y, 1, 6, 3, options=OPTIONS, task="counts")
    low, high = fitted.predict([[-0.6], [0.6]])
    assert 0 < low < 0.1
    assert high == pytest.approx(4, rel=0.25)


def test_the_smoothness_asked_for_does_not_depend_on_the_size_of_the_counts() -> None:
    """A hundred times the exposure: the same shape is found, more precisely, and noise is not followed."""
    rng = np.random.default_rng(5)
    x = np.linspace(-1, 1, 150)
    shape = np.exp(0.5 * np.sin(3 * x))
    for size in (3.0, 300.0):
        y = rng.poisson(size * shape).astype(float)
        fitted = fit_cell(x[:, None], y, 1, 8, 3, options=OPTIONS, task="counts")
        error = np.sqrt(np.mean((fitted.predict(x[:, None]) / size / shape - 1) ** 2))
        assert error < 2.5 / np.sqrt(size * 150 / 8)


def test_effective_dof_is_the_trace_of_the_weighted_hat_matrix() -> None:
    X, y = rows(120, 3)
    fitted = fit_cell(X, y, 2, 3, 3, options=OPTIONS, task="counts")
    J, R, *_ = linearised(fitted, X, y)
    J = J[:, 0]
    weights = float(fitted.y_scale[0]) ** 2 * fitted.predict(X)
    stacked = np.concatenate([np.sqrt(weights)[:, None] * J, R, np.sqrt(PULL / len(y)) * J])
    stacked /= np.linalg.norm(stacked, axis=0)
    U, s, _ = np.linalg.svd(stacked, full_matrices=False)
    # directions so short that rounding may hide them can count or not; all others are settled
    least, most = (np.sum(U[: len(y), s > cut * s[0]] ** 2) for cut in (1e-8, 1e-13))
    assert least * (1 - 1e-6) <= effective_dof(fitted, X, y) <= most * (1 + 1e-6)
    assert 2 < least < fitted.n_params


def test_rows_left_out_are_predicted_as_by_refits_without_them() -> None:
    X, y = rows(80, 7)
    fitted = continued(fit_cell(X, y, 1, 3, 3, options=OPTIONS, task="counts"), X, y, 1000.0)
    closed = predictions_left_out(fitted, X, y, 1000.0)
    chosen, again = range(0, 80, 9), []
    for row in chosen:
        others = np.arange(80) != row
        again.append(continued(fitted, X[others], y[others], 1000.0).predict(X[row : row + 1])[0])
    moved = np.abs(np.log(again) - np.log(fitted.predict(X[list(chosen)])))
    assert np.median(np.abs(np.log(closed[list(chosen)]) - np.log(again))) < 0.3 * np.median(moved)
    assert POISSON.misfit(closed, y) > (fitted.deviance_train or 0.0)


def test_a_row_that_decides_its_own_prediction_is_fitted_again() -> None:
    x = np.append(np.linspace(-1, 0, 60), 3.0)[:, None]
    y = np.append(np.random.default_rng(0).poisson(3.0, 60), 400).astype(float)
    fitted = fit_cell(x, y, 1, 4, 3, options=OPTIONS, task="counts")
    left_out = predictions_left_out(fitted, x, y, 1000.0)
    assert fitted.predict(x)[-1] == pytest.approx(400, rel=0.1)
    assert left_out[-1] < 100


def test_misuse_is_refused() -> None:
    X, y = rows(40)
    for bad in (y - 1, y + 0.5, np.column_stack([y, y])):
        with pytest.raises(FitError, match="whole numbers"):
            fit_cell(X, bad, 1, 2, 2, task="counts")
