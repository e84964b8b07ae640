"""Networks of three and more classes under constraints: the shapes hold between and beyond the knots."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.kan.network import FittedKan
from kanlab.kan.shape_check import against_others, violations
from kanlab.kan.shapes import Shape
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.multinomial import Multinomial
from kanlab.solver.shaped_problem import ShapedProblem
from kanlab.solver.shaped_smoother import as_state, shaped_smoother

POINTS, CLASSES = 10_000, 4
FEW = LmOptions(starts=2, max_iterations=8)


def table(n: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 3))
    z = np.column_stack([np.zeros(n), np.sin(3 * X[:, 0]), 2 * X[:, 1] ** 2, 3 * X[:, 0] * X[:, 2]])
    return X, np.eye(CLASSES)[(z + rng.gumbel(size=z.shape)).argmax(axis=1)], rng


def log_odds(network: FittedKan, rows: np.ndarray, of_class: int | None) -> np.ndarray:
    p = np.log(network.predict(rows))
    return against_others(p[:, 1:] - p[:, :1], of_class)


def along(network: FittedKan, column: int, others: np.ndarray, of_class: int | None, beyond: float = 2.5) -> np.ndarray:
    rows = np.repeat(others[None], POINTS, axis=0)
    rows[:, column] = np.linspace(-beyond, beyond, POINTS)
    return log_odds(network, rows, of_class)


@pytest.mark.parametrize("of_class", range(CLASSES))
def test_a_monotone_effect_is_so_for_the_class_against_each_other(of_class: int) -> None:
    X, Y, rng = table()
    shape = Shape(up=(0,), down=(2,), of_class=of_class)
    network = fit_cell(X, Y, 2, 3, 3, options=FEW, task="multiclass", shape=shape)
    for others in rng.uniform(-1.5, 1.5, (3, 3)):
        for column, way in ((0, 1), (2, -1)):
            assert (way * np.diff(along(network, column, others, of_class), axis=0)).min() >= -1e-10
            rows = np.repeat(others[None], POINTS, axis=0)
            rows[:, column] = np.linspace(-2.5, 2.5, POINTS)
            assert (way * np.diff(network.predict(rows)[:, of_class])).min() >= -1e-12
    assert FittedKan.from_arrays(network.arrays()).shape == shape


def test_convex_and_concave_effects_bend_the_log_odds_of_the_class() -> None:
    X, Y, rng = table()
    shape = Shape(convex=(1,), concave=(0,), of_class=2)
    network = fit_cell(X, Y, 2, 3, 3, 2, options=FEW, task="multiclass", shape=shape)
    for others in rng.uniform(-1, 1, (3, 3)):
        assert np.diff(along(network, 1, others, 2, 1.3), 2, axis=0).min() >= -1e-9
        assert np.diff(along(network, 0, others, 2, 1.3), 2, axis=0).max() <= 1e-9


@pytest.mark.parametrize("depth", [1, 2])
def test_features_that_may_not_interact_add_up_in_the_log_odds_of_all_classes(depth: int) -> None:
    X, Y, rng = table()
    shape = Shape(apart=((0, 1), (1, 2)))
    network = fit_cell(X, Y, 2, 3, 3, depth, options=FEW, task="multiclass", shape=shape)
    rows, steps = rng.uniform(-1.2, 1.2, (POINTS, 3)), rng.uniform(-1, 1, (POINTS, 3))

    def mixed(first: int, second: int) -> float:
        moved = [rows.copy() for _ in range(4)]
        for at, (a, b) in zip(moved, ((0, 0), (1, 0), (0, 1), (1, 1)), strict=True):
            at[:, first] += a * steps[:, first]
            at[:, second] += b * steps[:, second]
        none, one, other, both = (log_odds(network, at, None) for at in moved)
        return float(np.abs(both - one - other + none).max())

    assert max(mixed(0, 1), mixed(1, 2)) < 1e-9
    assert mixed(0, 2) > 1e-4  # which may


def test_a_linear_effect_has_a_slope_for_every_class_whatever_the_others_are() -> None:
    X, Y, rng = table()
    shape = Shape(linear=(0, 1), up=(1,), of_class=3)
    network = fit_cell(X, Y, 1, 3, 3, options=FEW, task="multiclass", shape=shape)
    for column in (0, 1):
        slopes = np.array(
            [np.diff(along(network, column, others, 3, 0.9), axis=0) for others in rng.uniform(-0.9, 0.9, (3, 3))]
        )
        np.testing.assert_allclose(slopes, np.broadcast_to(slopes.mean(axis=(0, 1)), slopes.shape), atol=1e-10)
    assert slopes.min() >= -1e-12  # of the second one, which rises
    assert network.spec.layer_widths == (3, 3, 3)  # a node, a line for each, and the log-odds of three classes
    edge = 3 + 3 - 1
    assert network.n_params == (1 + edge) + 3 * (edge + 1) + 3 * 2


def test_jacobian_and_gradient_are_those_of_difference_quotients() -> None:
    X, Y, rng = table(40)
    shape = Shape(up=(0,), convex=(0,), apart=((0, 1),), linear=(2,), of_class=1)
    for depth in (1, 2):
        problem = ShapedProblem(X.T, Y.T, shape, 3, 3, 2, depth, 100.0, Multinomial)
        state = problem.state(np.abs(rng.normal(size=problem.p)), 2.0)
        step, by = rng.normal(size=problem.p), 1e-6
        more, less = (problem.state(state.theta + s * by * step, 2.0, solve=False) for s in (1, -1))
        J, _, _ = problem.jacobian(state)
        expected = (more.last.outputs - less.last.outputs) / (2 * by)
        np.testing.assert_allclose(np.einsum("p,opn->on", step, J), expected, rtol=1e-5, atol=1e-6)
        slope = (more.objective - less.objective) / (2 * by)
        assert slope == pytest.approx(-2 * problem.linearise(state).gradient @ step, rel=1e-5)


def test_a_fit_is_restored_from_its_network_and_its_degrees_of_freedom_are_those_of_the_search() -> None:
    X, Y, _ = table()
    network = fit_cell(X, Y, 2, 2, 3, options=FEW, task="multiclass", shape=Shape(up=(0,), of_class=2))
    problem, state, free = as_state(network, X, Y)
    assert state.misfit == pytest.approx(network.deviance_train, rel=1e-9)
    left_out = shaped_smoother(network, X, Y).left_out(1e-3)
    assert left_out.shape == (len(X), CLASSES - 1)
    assert np.isfinite(left_out).all()
    assert not free[problem.held].all()  # some are at their bound
    assert 1.0 < network.edf < network.n_params


def test_a_truth_that_rises_is_found_better_with_the_demand() -> None:
    errors = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (150, 2))
        z = np.column_stack([np.zeros(150), np.sin(3 * X[:, 1]), 3 * X[:, 0]])
        truth = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
        Y = np.eye(3)[(z + rng.gumbel(size=z.shape)).argmax(axis=1)]
        fits = [fit_cell(X, Y, 2, 3, 3, task="multiclass", shape=s) for s in (Shape(), Shape(up=(0,), of_class=2))]
        errors.append([np.mean(np.sum(truth * np.log(truth / f.predict(X)), axis=1)) for f in fits])
    free, monotone = np.mean(errors, axis=0)
    assert monotone < free


def test_violations_of_a_class_are_found_where_they_are() -> None:
    X = np.random.default_rng(0).uniform(-1, 1, (40, 2))

    def predict(x: np.ndarray) -> np.ndarray:  # log-odds of classes 1 and 2 against 0
        return against_others(np.column_stack([x[:, 0], 2 * x[:, 0] + x[:, 1] ** 2]), 2)

    assert violations(predict, X, Shape(up=(0,), convex=(1,), of_class=2)) == ()
    assert violations(lambda x: against_others(predict(x), None), X, Shape(up=(1,), of_class=2)) == (1,)
