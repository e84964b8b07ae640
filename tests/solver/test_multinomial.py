"""More than two classes: gradient, last layer, curvature, two classes as the Bernoulli fit, separable data, the engine."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import logsumexp, softmax

from kanlab.errors import FitError
from kanlab.kan.network import FitStatus, FittedKan
from kanlab.kan.parameter_count import n_params
from kanlab.solver import likelihoods
from kanlab.solver.coupled_rows import CoupledRows
from kanlab.solver.first_layer import first_layer
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.kernels import NUMPY
from kanlab.solver.likelihoods import PULL, Bernoulli
from kanlab.solver.multinomial import Multinomial, OfClasses, contrasts, curvature_roots, probabilities, to_log_odds
from kanlab.solver.node_growth import exchanged
from kanlab.solver.problem import Problem
from kanlab.solver.stack import State
from kanlab.solver.starts import fresh_start
from kanlab.stats.likelihood import MULTINOMIAL, one_hot
from tests.helpers.cells import blocks_change_rounding_alone, gradient_is_the_difference_quotient

OPTIONS = LmOptions(kernels="numpy")


def curved(n: int = 200, seed: int = 0, d: int = 2, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Classes by number, whose logits bend in the first input and rise in the second."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d))
    logits = np.column_stack([2 * np.sin(3 * X[:, 0] + c) + c * X[:, 1] for c in range(classes)])
    return X, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1).astype(float)


def cell(
    seed: int, n: int = 80, d: int = 2, h: int = 2, grid: int = 3, k: int = 3, smoothing: float = 1000.0,
    classes: int = 3, depth: int = 1,
) -> tuple[Problem, State]:  # fmt: skip
    X, y = curved(n, seed, d, classes)
    Y = np.ascontiguousarray(one_hot(y, classes).T)
    design = first_layer(X.T, grid, k)
    problem = Problem(design, Y, h, smoothing, NUMPY, depth=depth, likelihood=Multinomial)
    state = fresh_start(problem, np.random.default_rng(seed))
    assert state is not None
    return problem, state


@given(st.integers(0, 2**32 - 1), st.integers(3, 5), st.integers(1, 3), st.integers(2, 3),
       st.sampled_from([0.0, 10.0, 1000.0]))  # fmt: skip
@settings(max_examples=25)
def test_gradient_is_the_difference_quotient_of_the_objective(
    seed: int, classes: int, h: int, k: int, smoothing: float
) -> None:
    with (
        pytest.MonkeyPatch.context() as exact
    ):  # without a penalty it takes Newton's last step for the envelope theorem
        exact.setattr(likelihoods, "SETTLED", 1e-13)
        exact.setattr(likelihoods, "CHORD", 0.0)
        problem, state = cell(seed, h=h, k=k, smoothing=smoothing, classes=classes)
        gradient_is_the_difference_quotient(problem, state, seed, atol=1e-3)


@pytest.mark.parametrize("depth", [2, 3])
def test_the_gradient_of_deeper_cells(depth: int) -> None:
    problem, state = cell(depth, depth=depth)
    linear = problem.linearise(state)
    (step, _), e = linear.step(1.0), 1e-6
    gradient = linear.gradient
    ahead, behind = problem.move(state, e * step), problem.move(state, -e * step)
    assert ahead is not None
    assert behind is not None
    assert -2 * (gradient @ step) == pytest.approx((ahead.objective - behind.objective) / (2 * e), rel=1e-4)


def test_the_last_layer_is_the_minimum_of_what_is_written_down() -> None:
    problem, state = cell(1, h=1, grid=2, k=2)
    P, y = problem.last_design(state, slice(0, 80)).copy(), problem.Y.argmax(axis=0)
    penalty, C = state.level * problem.last_penalty + 1e-11 * 80 * np.eye(len(P)), contrasts(3)
    prior = 2 * C @ np.log(np.bincount(y, minlength=3) + 0.5)

    def objective(D: np.ndarray) -> float:
        theta = D.reshape(-1, 2).T @ P
        z = C.T @ theta
        deviance = 2 * np.sum(logsumexp(z, axis=0) - z[y, np.arange(80)])
        pull = PULL * np.sum((theta - prior[:, None]) ** 2) / 80
        return float(deviance + pull + np.sum(D.reshape(-1, 2) * (penalty @ D.reshape(-1, 2))))

    best = minimize(objective, np.zeros(2 * len(P)), method="BFGS", options={"gtol": 1e-7, "maxiter": 5000})
    D = state.last.D.ravel()
    assert objective(D) <= best.fun + 1e-6
    assert objective(D) == pytest.approx(state.last.objective, rel=1e-10)
    p = softmax(C.T @ state.last.outputs, axis=0)
    assert state.misfit == pytest.approx(-2 * np.sum(np.log(p[y, np.arange(80)])))
    assert state.last.rss == pytest.approx(np.sum((problem.Y - p) ** 2, axis=1))


@pytest.mark.parametrize(("classes", "depth"), [(3, 1), (6, 1), (4, 2)])
def test_sums_class_by_class_are_those_of_roots_of_the_curvature(classes: int, depth: int) -> None:
    problem, state = cell(classes, classes=classes, depth=depth)
    stack, block, m = problem.stack, slice(0, 80), classes - 1
    view, extremes, size = stack.view(state, block, depth), stack.extreme_tangents(state), stack.ends(state)[-1]
    P, likelihood = problem.last_design(state, block).copy(), problem.likelihood
    assert isinstance(likelihood, Multinomial)
    found = CoupledRows(size, m, stack.width)
    found.add(stack, state, view, P, extremes, likelihood, block)
    both = np.zeros((size + m * len(P),) * 2)
    for root in curvature_roots(state.last.outputs, likelihood.pull):
        by_last = (root[:, None] * P).reshape(m * len(P), -1)
        J = np.concatenate([stack.mixed_tangents(state, view, root, extremes), by_last])
        both += J @ J.T
    np.testing.assert_allclose(found.hessian, both[:size, :size], atol=1e-12 * both.max())
    np.testing.assert_allclose(found.cross, both[:size, size:], atol=1e-12 * both.max())
    information = likelihood.information(lambda rows: P, [block], state.last.outputs)
    np.testing.assert_allclose(information, both[size:, size:], atol=1e-12 * both.max())


@given(st.integers(0, 2**32 - 1), st.integers(3, 8), st.integers(5, 40))
@settings(max_examples=20)
def test_few_rows_of_many_classes_are_solved_for_class_by_class(seed: int, classes: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    Y = np.eye(classes)[np.arange(n) % classes].T.copy()
    P, eta, penalty = rng.normal(size=(9, n)), 3.0 * rng.normal(size=(classes - 1, n)), np.diag(rng.uniform(0.01, 1, 9))
    of = Multinomial(Y, 1)
    factor = of.factor(lambda rows: P, [slice(0, n)], eta, penalty)
    found = OfClasses.of(P, probabilities(eta), of.pull, penalty, lambda: np.asarray(factor))
    assert factor is not None
    assert found is not None
    right, crossed = rng.normal(size=(9, classes - 1)), rng.normal(size=(4, 9 * (classes - 1)))
    np.testing.assert_allclose(found.solve(right), of.step(factor, right), rtol=1e-7, atol=1e-9)
    A = np.tril(factor) @ np.tril(factor).T
    reduction = crossed @ np.linalg.solve(A, crossed.T)
    np.testing.assert_allclose(found.reduction(crossed, np.empty((4, 4))), reduction, rtol=1e-7, atol=1e-9)
    chosen = of.system(lambda rows: P, [slice(0, n)], eta, penalty)
    assert isinstance(chosen, OfClasses) == (n < 9 * (classes - 1))


def test_the_curvature_is_that_of_the_coupled_rows() -> None:
    """H is J W J' with the last layer eliminated, J and W by difference quotients of the logits."""
    problem, state = cell(3, n=60, h=1)
    problem.inner_weight = 0.0  # the curvature of the data and the last layer alone
    P = problem.last_design(state, slice(0, 60)).copy()
    penalty = state.level * problem.last_penalty
    factor = problem.likelihood.factor(lambda rows: P[:, rows], [slice(0, 60)], state.last.outputs, penalty)  # type: ignore[attr-defined]
    state = replace(state, last=replace(state.last, made=factor))  # of this very point, not of one nearby
    hessian = problem.linearise(state).hessian.copy()
    size, C = len(hessian), contrasts(3)
    J, e = np.empty((2, size, 60)), 1e-6
    for i in range(size):
        step = np.zeros(size)
        step[i] = e
        designs = []
        for sign in (1.0, -1.0):
            moved = problem.move(state, sign * step)
            assert moved is not None
            designs.append(problem.last_design(moved, slice(0, 60)).copy())
        J[:, i] = state.last.D.T @ (designs[0] - designs[1]) / (2 * e)
    p = softmax(C.T @ state.last.outputs, axis=0)
    W = [C @ (np.diag(q) - np.outer(q, q)) @ C.T + PULL / 60 * np.eye(2) for q in p.T]
    whole = np.array([np.concatenate([J[:, :, i].T, np.kron(np.eye(2), P[:, i : i + 1])]) for i in range(60)])
    H = sum(A @ w @ A.T for A, w in zip(whole, W, strict=True))
    a, X, D = H[:size, :size], H[:size, size:], H[size:, size:] + np.kron(np.eye(2), penalty)
    expected = a - X @ np.linalg.solve(D, X.T)
    np.testing.assert_allclose(hessian, expected, atol=1e-5 * np.abs(expected).max())


def test_the_roots_are_those_of_the_second_derivative() -> None:
    theta = np.random.default_rng(0).normal(size=(3, 7)) * 3
    R, C = curvature_roots(theta, 0.01), contrasts(4)
    for i, p in enumerate(probabilities(theta).T):
        expected = C @ (np.diag(p) - np.outer(p, p)) @ C.T + 0.01 * np.eye(3)
        np.testing.assert_allclose(R[:, :, i].T @ R[:, :, i], expected, atol=1e-12)


def test_log_odds_against_the_first_class() -> None:
    theta = np.random.default_rng(1).normal(size=(4, 6))
    p = probabilities(theta)
    np.testing.assert_allclose(to_log_odds(5) @ theta, np.log(p[1:] / p[0]), atol=1e-12)
    np.testing.assert_allclose(MULTINOMIAL.mean((to_log_odds(5) @ theta).T), p.T, atol=1e-12)


def test_blocks_of_rows_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks_change_rounding_alone(*cell(7, n=100, h=3), monkeypatch, rel=1e-7, atol=1e-4)


def test_two_classes_are_the_bernoulli_fit() -> None:
    X, y = curved(120, classes=2)
    design, rng = first_layer(X.T, 3, 3), np.random.default_rng(0)
    one = Problem(design, y[None], 2, 1000.0, NUMPY, likelihood=Bernoulli)
    two = Problem(design, np.ascontiguousarray(one_hot(y, 2).T), 2, 1000.0, NUMPY, likelihood=Multinomial)
    V = 5.0 * rng.normal(size=(2, design.rank))
    a, b = (p.state([V], p.likelihood.level(0.0)) for p in (one, two))
    assert a is not None
    assert b is not None
    assert b.objective == pytest.approx(a.objective, rel=1e-9)
    np.testing.assert_allclose(b.last.outputs, a.last.outputs, atol=1e-4)
    H, G = one.linearise(a).hessian.copy(), two.linearise(b).hessian.copy()
    np.testing.assert_allclose(G, H, atol=1e-3 * np.abs(H).max())


def test_an_exchange_of_nodes_is_possible() -> None:
    problem, state = cell(2, h=3)
    assert exchanged(problem, state, np.random.default_rng(0)) is not None


# ---- the engine


def test_the_deviance_never_rises_and_is_that_of_the_predictions() -> None:
    X, y = curved(150)
    Y = one_hot(y, 3)
    models = list(fit_path(X, Y, 3, 3, range(1, 4), task="multiclass", options=OPTIONS))
    deviances = [m.deviance_train or np.inf for m in models]
    assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(deviances)), deviances
    for m in models:
        p = m.predict(X)
        assert p.shape == (150, 3)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        np.testing.assert_array_equal(m.predict_proba(X), p)
        assert MULTINOMIAL.misfit(p, y) == pytest.approx(m.deviance_train, rel=1e-8)
        assert np.sum((Y - p) ** 2) == pytest.approx(m.rss_train, rel=1e-8)
        assert m.n_params == n_params((2, m.spec.layer_widths[1], 2), 3, 3)


def test_the_names_of_the_classes_change_nothing_but_rounding() -> None:
    X, y = curved(120)
    order = np.array([2, 0, 1])
    one = fit_cell(X, one_hot(y, 3), 1, 3, 3, task="multiclass", options=OPTIONS)
    two = fit_cell(X, one_hot(order[y.astype(int)], 3), 1, 3, 3, task="multiclass", options=OPTIONS)
    assert two.deviance_train == pytest.approx(one.deviance_train, rel=0.02)


def test_it_learns_what_planes_cannot() -> None:
    from sklearn.linear_model import LogisticRegression

    X, y = curved(600)
    X_out, y_out = curved(2000, seed=1)
    network = fit_cell(X, one_hot(y, 3), 3, 4, 3, task="multiclass", options=OPTIONS)
    plain = LogisticRegression(C=np.inf).fit(X, y)
    ours, theirs = (MULTINOMIAL.misfit(p, y_out) / 4000 for p in (network.predict(X_out), plain.predict_proba(X_out)))
    assert ours < theirs - 0.1


def test_separable_classes_and_a_class_without_rows_have_finite_log_odds() -> None:
    x = np.linspace(-1, 1, 60)[:, None]
    Y = one_hot(np.digitize(x[:, 0], [-0.3, 0.3]), 4)  # the last class has no row
    model = fit_cell(x, Y, 1, 3, 3, task="multiclass", options=OPTIONS)
    assert model.status is not FitStatus.DIVERGED
    assert model.deviance_train is not None
    assert 0.0 < model.deviance_train < 0.2 * 120 * np.log(3)
    p = model.predict(x)
    assert (p.argmax(axis=1) == Y.argmax(axis=1)).all()
    assert 0.0 < p[:, 3].max() < 0.05


def test_many_classes() -> None:
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(300, 2)), np.arange(300) % 30
    X += 3.0 * np.random.default_rng(1).normal(size=(30, 2))[y]
    model = fit_cell(X, one_hot(y, 30), 2, 2, 2, task="multiclass", options=OPTIONS)
    assert model.spec.layer_widths == (2, 2, 29)
    assert model.deviance_train is not None
    assert model.deviance_train < 0.8 * 600 * np.log(30)


def test_misuse_is_refused() -> None:
    X, y = curved(40)
    for bad in (one_hot(y, 3) + 1, one_hot(y, 3) * 0, np.column_stack([y > 0, y < 1])):
        with pytest.raises(FitError, match="0 and 1"):
            fit_cell(X, bad, 1, 2, 2, task="multiclass")
    with pytest.raises(FitError, match="no probabilities"):
        fit_cell(X, X[:, 0], 1, 2, 2, options=OPTIONS).predict_proba(X)


def test_a_network_of_classes_as_arrays() -> None:
    X, y = curved(60)
    model = fit_cell(X, one_hot(y, 3), 1, 2, 2, task="multiclass", options=OPTIONS)
    again = FittedKan.from_arrays(model.arrays())
    assert (again.task, again.deviance_train) == ("multiclass", model.deviance_train)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
