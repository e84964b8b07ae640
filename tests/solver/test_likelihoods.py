"""The cell of two classes: gradient, second layer, curvature, limits, separable data, and the engine around it."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit

from kanlab.errors import FitError
from kanlab.kan.network import FitStatus, FittedKan
from kanlab.solver import likelihoods
from kanlab.solver.first_layer import first_layer
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.kernels import NUMPY
from kanlab.solver.likelihoods import PULL, Bernoulli, prior_log_odds
from kanlab.solver.problem import Problem
from kanlab.solver.smoother import effective_dof
from kanlab.solver.starts import fresh_start
from tests.helpers.cells import (
    blocks_change_rounding_alone,
    gradient_is_the_difference_quotient,
    jacobian_written_down,
)

OPTIONS = LmOptions(kernels="numpy")


def curved(n=200, seed=0, d=2):
    """Two classes whose log-odds bend in the first input and rise in the second."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d))
    return X, (rng.random(n) < expit(2 * np.sin(3 * X[:, 0]) + 2 * X[:, 1])).astype(float)


def cell(seed, n=80, d=2, h=2, grid=3, k=3, smoothing=1000.0):
    """A problem and a state of it, far from any minimum."""
    rng = np.random.default_rng(seed)
    X, y = curved(n, seed, d)
    problem = Problem(first_layer(X.T, grid, k), y[None], h, smoothing, NUMPY, likelihood=Bernoulli)
    V = 5.0 * rng.normal(size=(h, problem.design.rank))
    return problem, problem.state([V], problem.likelihood.level(0.0))


@given(
    st.integers(0, 2**32 - 1), st.integers(2, 3), st.integers(1, 3), st.integers(1, 4), st.integers(2, 3),
    st.sampled_from([0.0, 10.0, 1000.0]),
)  # fmt: skip
@settings(max_examples=30)
def test_gradient_is_the_difference_quotient_of_the_objective(seed, d, h, grid, k, smoothing):
    problem, state = cell(seed, d=d, h=h, grid=grid, k=k, smoothing=smoothing)
    gradient_is_the_difference_quotient(problem, state, seed, atol=1e-5)


def test_the_second_layer_is_the_minimum_of_what_is_written_down():
    problem, state = cell(1)
    P, y = problem.last_design(state, slice(0, 80)).copy(), problem.Y[0]
    penalty = state.level * problem.last_penalty + 1e-11 * 80 * np.eye(len(P))

    def objective(D):
        eta = D @ P
        pull = PULL * np.mean((eta - prior_log_odds(y)) ** 2)
        return 2 * np.sum(np.logaddexp(0, eta) - y * eta) + pull + D @ penalty @ D

    best = minimize(objective, np.zeros(len(P)), method="BFGS", options={"gtol": 1e-7, "maxiter": 5000})
    D = state.last.D[:, 0]
    assert objective(D) <= best.fun + 1e-7
    assert objective(D) == pytest.approx(state.last.objective, rel=1e-12)
    np.testing.assert_allclose(state.last.outputs[0], D @ P, atol=1e-9)
    p = expit(D @ P)
    assert state.misfit == pytest.approx(-2 * np.sum(y * np.log(p) + (1 - y) * np.log1p(-p)))
    assert state.last.rss[0] == pytest.approx(np.sum((y - p) ** 2))


def test_the_curvature_is_that_of_the_reweighted_rows():
    problem, state = cell(3, smoothing=0.0)
    hessian = problem.linearise(state).hessian.copy()
    h, r = state.weights[0].shape
    P = problem.last_design(state, slice(0, 80)).copy()
    J, e = np.empty((h * r, 80)), 1e-6
    for i in range(h * r):  # of the log-odds, with the second layer held
        step = np.zeros(h * r)
        step[i] = e
        ahead = problem.last_design(problem.move(state, step), slice(0, 80)).copy()
        behind = problem.last_design(problem.move(state, -step), slice(0, 80)).copy()
        J[i] = (state.last.D.T @ (ahead - behind) / (2 * e))[0]
    p = expit(state.last.outputs[0])
    root = np.sqrt(p * (1 - p) + PULL / 80)
    J, P = J * root, P * root
    residual_of = np.eye(80) - P.T @ np.linalg.solve(P @ P.T + 1e-11 * 80 * np.eye(len(P)), P)
    expected = J @ residual_of @ J.T
    # the factor is that of the point before the last Newton step, which is short
    np.testing.assert_allclose(hessian, expected, atol=1e-3 * np.abs(expected).max())


def test_what_the_second_layer_decides_is_what_its_predictions_move_with_y():
    """sum dp_i / dy_i, by moving y a little, is tr (P W P' + penalty)^-1 P p(1-p) P' with W = p (1 - p) + PULL / n."""
    problem, state = cell(5, h=1)
    P, p = problem.last_design(state, slice(0, 80)).copy(), expit(state.last.outputs[0])
    penalty = state.level * problem.last_penalty + 1e-11 * 80 * np.eye(len(P))
    information = (P * (p * (1 - p))) @ P.T
    exact = np.trace(np.linalg.solve(information + PULL / 80 * P @ P.T + penalty, information))
    moved, e = 0.0, 1e-4
    for i in range(80):
        ends = []
        for sign in (1.0, -1.0):
            Y = problem.Y + sign * e * (np.arange(80) == i)
            other = Problem(problem.design, Y, 1, 1000.0, NUMPY, likelihood=Bernoulli)
            other.likelihood.prior = problem.likelihood.prior
            ends.append(expit(other.state(state.weights, state.level, state.knots).last.outputs[0, i]))
        moved += (ends[0] - ends[1]) / (2 * e)
    assert moved == pytest.approx(exact, rel=1e-4)


def test_a_start_nearby_changes_nothing_but_rounding():
    problem, state = cell(4)
    cold = problem.state(state.weights, state.level, state.knots)
    for D in (state.last.D, state.last.D + 3.0, 1e300 * state.last.D):
        near = replace(state, last=replace(state.last, D=D))
        warm = problem.state(state.weights, state.level, state.knots, near)
        assert warm.objective == pytest.approx(cold.objective, rel=1e-9)


def test_blocks_of_rows_change_nothing_but_rounding(monkeypatch):
    blocks_change_rounding_alone(*cell(7, n=100, h=3), monkeypatch, rel=1e-9, atol=1e-7)


# ---- more hidden layers


@pytest.mark.parametrize("smoothing", [0.0, 1000.0])
@pytest.mark.parametrize("depth", [2, 3])
def test_the_gradient_of_deeper_cells(depth, smoothing):
    X, y = curved(90, depth)
    problem = Problem(first_layer(X.T, 3, 3), y[None], 2, smoothing, NUMPY, depth=depth, likelihood=Bernoulli)
    state = fresh_start(problem, np.random.default_rng(depth))
    linear = problem.linearise(state)
    (step, _), e = linear.step(1.0), 1e-6
    gradient = linear.gradient
    ahead, behind = problem.move(state, e * step), problem.move(state, -e * step)
    quotient = (ahead.objective - behind.objective) / (2 * e)
    assert -2 * (gradient @ step) == pytest.approx(quotient, rel=1e-5)


def test_the_gradient_of_one_hidden_layer_is_what_is_written_down():
    problem, state = cell(2, smoothing=0.0)
    J = jacobian_written_down(problem, state, curved(80, 2)[0].T)
    eta = state.last.outputs[0]
    e = problem.Y[0] - expit(eta) - PULL / 80 * (eta - prior_log_odds(problem.Y))
    gradient = problem.linearise(state).gradient
    np.testing.assert_allclose(gradient, J @ e, atol=1e-6 * np.abs(gradient).max())


def test_the_deviance_rises_neither_with_depth_nor_with_neuron_num():
    X, y = curved(120)
    found = [
        [m.deviance_train for m in fit_path(X, y, 3, 2, (1, 2), depth, task="classification", options=OPTIONS)]
        for depth in (1, 2)
    ]
    assert found[1][0] <= found[0][0] * (1 + 1e-9)
    assert found[1][1] <= min(found[0][1], found[1][0]) * (1 + 1e-9)
    deep = fit_cell(X, y, 1, 3, 2, 2, task="classification", options=OPTIONS)
    p = deep.predict(X)
    assert -2 * np.sum(y * np.log(p) + (1 - y) * np.log1p(-p)) == pytest.approx(deep.deviance_train, rel=1e-8)
    assert 2 < effective_dof(deep, X, y) < deep.n_params


# ---- limits


def test_a_plane_is_found_as_logistic_regression_finds_it():
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (800, 3))
    y = (rng.random(800) < expit(X @ [2.0, -1.0, 0.0] + 0.5)).astype(float)
    model = fit_cell(X, y, 1, 2, 2, task="classification", options=replace(OPTIONS, smoothing=1e5))
    glm = sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit()
    assert glm.deviance - 8 < model.deviance_train < glm.deviance + 1
    assert np.sqrt(np.mean((model.predict(X) - glm.predict()) ** 2)) < 0.03


def test_at_even_odds_the_effective_dof_are_those_of_the_working_response(monkeypatch):
    """Where p is nearly 1/2 a row carries a quarter, so that the smoother is the one of eta + 4 e (McCullagh & Nelder 2.5)."""
    monkeypatch.setattr(likelihoods, "LOG_ODDS_VARIANCE", 1.0)
    rng = np.random.default_rng(0)
    X, y = rng.uniform(-1, 1, (400, 2)), (np.arange(400) % 2).astype(float)
    model = fit_cell(X, y, 2, 3, 3, task="classification", options=replace(OPTIONS, smoothing=1e5))
    p = model.predict(X)
    assert np.quantile(np.abs(p - 0.5), 0.95) < 0.1
    e = y - p - PULL / 400 * (logit(p) - prior_log_odds(y))
    of_response = effective_dof(replace(model, task="regression"), X, logit(p) + 4 * e)
    assert effective_dof(model, X, y) == pytest.approx(of_response, rel=0.03)


def test_effective_dof_fall_with_smoothing():
    """On average over seeds, for each fit ends in a minimum of its own."""
    X, y = curved(300)

    def dof(smoothing):
        options = replace(OPTIONS, smoothing=smoothing)
        fits = [fit_cell(X, y, 2, 4, 3, task="classification", options=options, seed=s) for s in range(4)]
        return np.mean([effective_dof(f, X, y) for f in fits])

    found = [dof(s) for s in (10.0, 1000.0, 100_000.0)]
    count = fit_cell(X, y, 2, 4, 3, task="classification", options=OPTIONS).n_params
    assert count > found[0] > found[1] > found[2] > 2.0


# ---- data that a likelihood cannot bear alone


@pytest.mark.parametrize("smoothing", [0.0, 1000.0])
def test_classes_that_are_apart_give_finite_log_odds_and_a_status(smoothing):
    rng = np.random.default_rng(0)
    y = (np.arange(60) % 2).astype(float)
    X = rng.normal(size=(60, 2)) + 10.0 * y[:, None]
    for model in fit_path(X, y, 3, 3, (1, 2, 3), task="classification", options=replace(OPTIONS, smoothing=smoothing)):
        assert model.status in (FitStatus.CONVERGED, FitStatus.STALLED, FitStatus.ITERATION_LIMIT)
        p = model.predict(X)
        assert ((p >= 0.5) == (y == 1.0)).all()
        assert 0.0 < model.deviance_train < 5.0
        assert np.abs(logit(p)).max() < 30.0


def test_effective_dof_where_probabilities_are_rounded_to_1():
    """Their log-odds are finite, those of the rounded probability are not."""
    X, y = curved(60)
    model = fit_cell(X, y, 2, 3, 3, task="classification", options=OPTIONS)
    last = model.layers[-1]
    model = replace(
        model, layers=(model.layers[0], replace(last, coef=last.coef + 40.0)), output_range=np.array([[-1e3, 1e3]])
    )
    assert (model.predict(X) == 1.0).any()
    assert 0.0 <= effective_dof(model, X, y) < 60.0


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_one_class_alone_is_predicted_nearly_for_sure(value):
    """As in a fold of a cross-validation that lacks the other."""
    X, _ = curved(50)
    model = fit_cell(X, np.full(50, value), 2, 3, 2, task="classification", options=OPTIONS)
    assert model.status is not FitStatus.DIVERGED
    assert np.abs(model.predict(X) - value).max() < 0.05
    assert np.isfinite(model.deviance_train)


def test_constant_and_repeated_inputs_do_no_harm():
    X, y = curved(80)
    wide = np.column_stack([X, np.ones(80), X[:, 0], (X[:, 1] > 0).astype(float)])
    model = fit_cell(wide, y, 2, 3, 3, task="classification", options=OPTIONS)
    assert np.isfinite(model.predict(wide)).all()
    assert model.deviance_train < 80 * 2 * np.log(2)


def test_misuse_is_refused():
    X, y = curved(40)
    for bad in (y + 1, 2 * y, np.column_stack([y, y]), y + 0.5):
        with pytest.raises(FitError, match="0 and 1"):
            fit_cell(X, bad, 1, 2, 2, task="classification")
    with pytest.raises(FitError, match="regression or classification"):
        fit_cell(X, y, 1, 2, 2, task="ranking")


# ---- the engine


def test_the_deviance_never_rises_with_neuron_num_and_is_that_of_the_predictions():
    X, y = curved(150)
    for grid, k in [(2, 1), (4, 3)]:
        models = list(fit_path(X, y, grid, k, range(1, 5), task="classification", options=OPTIONS))
        deviances = [m.deviance_train for m in models]
        assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(deviances)), deviances
        for m in models:
            p = m.predict(X)
            assert -2 * np.sum(y * np.log(p) + (1 - y) * np.log1p(-p)) == pytest.approx(m.deviance_train, rel=1e-8)
            assert np.sum((y - p) ** 2) == pytest.approx(m.rss_train, rel=1e-8)
            assert len(m.loss_curve) == m.iterations + 1


def test_it_learns_what_a_plane_cannot():
    X, y = curved(600)
    X_out, y_out = curved(2000, seed=1)
    p = fit_cell(X, y, 2, 4, 3, task="classification", options=OPTIONS).predict(X_out)
    truth = expit(2 * np.sin(3 * X_out[:, 0]) + 2 * X_out[:, 1])
    glm = sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit()
    assert np.mean((p - truth) ** 2) < np.mean((glm.predict(sm.add_constant(X_out)) - truth) ** 2) / 2
    assert np.abs(p.mean() - y_out.mean()) < 0.05


def test_the_same_seed_and_another_order_of_rows_give_the_same_network():
    X, y = curved(90)
    one, two = (fit_cell(X, y, 2, 3, 3, task="classification", options=OPTIONS, seed=4) for _ in range(2))
    assert one.deviance_train == two.deviance_train
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    rows = np.random.default_rng(5).permutation(90)
    other = fit_cell(X[rows], y[rows], 2, 3, 3, task="classification", options=OPTIONS, seed=4)
    assert other.deviance_train == one.deviance_train


def test_many_rows_are_raced_on_some_and_finished_on_all():
    X, y = curved(9000)
    model = fit_cell(X, y, 1, 3, 2, task="classification", options=replace(OPTIONS, starts=1))
    p = model.predict(X)
    assert model.deviance_train == pytest.approx(-2 * np.sum(np.log(np.where(y == 1, p, 1 - p))), rel=1e-8)
    assert model.deviance_train < sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit().deviance


def test_a_network_of_classes_as_arrays():
    X, y = curved(60)
    model = fit_cell(X, y, 1, 2, 2, task="classification", options=OPTIONS)
    again = FittedKan.from_arrays(model.arrays())
    assert (again.task, again.deviance_train) == ("classification", model.deviance_train)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
