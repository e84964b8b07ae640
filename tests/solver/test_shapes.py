"""Networks under constraints: the shapes hold everywhere, and nothing is lost where the truth has them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.isotonic import IsotonicRegression

from kanlab.errors import FitError
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import n_params
from kanlab.kan.shapes import Shape
from kanlab.solver.bounded_step import bounded_step
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.likelihoods import Squares
from kanlab.solver.shape_basis import edge_basis
from kanlab.solver.shaped_problem import ShapedProblem
from kanlab.solver.smoother import linear_smoother

POINTS = 10_000
FEW = LmOptions(starts=3)


def along(network: FittedKan, column: int, others: np.ndarray, beyond: float = 2.5) -> np.ndarray:
    """Predictions on a grid of one input, from far below to far above its training rows, all others held."""
    rows = np.repeat(others[None], POINTS, axis=0)
    rows[:, column] = np.linspace(-beyond, beyond, POINTS)
    return network.predict(rows)


def table(n=70, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 - np.abs(X[:, 2]) * X[:, 3 % d] + 0.3 * rng.normal(size=n)
    return X, y, rng


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 2])
def test_monotone_convex_and_linear_effects_are_so_between_and_beyond_the_knots(k, depth):
    X, y, rng = table()
    shape = Shape(up=(0,), down=(3,), convex=(1,), concave=(2,))
    (network,) = fit_path(X, y, 3, k, [2], depth, shape=shape, options=FEW)
    for others in rng.uniform(-1.5, 1.5, (4, 4)):
        assert np.diff(along(network, 0, others)).min() >= -1e-10
        assert np.diff(along(network, 3, others)).max() <= 1e-10
        assert np.diff(along(network, 1, others), 2).min() >= -1e-10
        assert np.diff(along(network, 2, others), 2).max() <= 1e-10


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 3), st.integers(1, 6), st.integers(1, 4), st.sampled_from([1, 1, 2]))
def test_random_problems_keep_random_demands(seed, k, grid, neuron_num, depth):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(12, 60))
    X = np.column_stack([rng.normal(size=(n, 2)), rng.integers(0, 3, n)]) * 10.0 ** rng.uniform(-3, 3)
    y = rng.normal(size=n) + rng.normal() * X[:, 0] / np.abs(X[:, 0]).max()
    ways = rng.integers(-1, 2, 3)
    bends = rng.integers(-1, 2)
    shape = Shape(
        up=tuple(np.flatnonzero(ways == 1).tolist()), down=tuple(np.flatnonzero(ways == -1).tolist()),
        convex=(0,) if bends == 1 else (), concave=(0,) if bends == -1 else (),
    )  # fmt: skip
    if not shape:
        return
    network = fit_cell(X, y, neuron_num, grid, k, depth, options=LmOptions(starts=2, max_iterations=6), shape=shape)
    scale = max(float(np.ptp(y)), 1.0) * (100.0 if shape.bends else 1.0)
    for column in range(3):
        rows = np.repeat(rng.normal(size=(1, 3)) * np.abs(X).max(axis=0), 2000, axis=0)
        rows[:, column] = np.linspace(2 * X[:, column].min() - 1e-9, 2 * X[:, column].max() + 1e-9, 2000)
        values = network.predict(rows) / scale
        assert (np.diff(values) * shape.direction(column)).min() >= -1e-9
        assert (np.diff(values, 2) * shape.curvature(column)).min() >= -1e-9


def test_a_monotone_truth_is_found_as_well_as_without_the_demand():
    errors = []
    for seed in range(2):
        rng = np.random.default_rng(seed)
        X = rng.uniform(-1, 1, (80, 2))
        truth = np.exp(X[:, 0]) + np.tanh(3 * X[:, 1])
        y = truth + 0.3 * rng.normal(size=80)
        fits = [fit_cell(X, y, 2, 4, 3, shape=shape) for shape in (Shape(), Shape(up=(0, 1)))]
        errors.append([np.sqrt(np.mean((f.predict(X) - truth) ** 2)) for f in fits])
    free, monotone = np.mean(errors, axis=0)
    assert monotone <= 1.05 * free


def test_where_the_truth_runs_the_other_way_the_best_is_a_constant():
    X = np.linspace(-1, 1, 60)[:, None]
    y = -2.0 * X[:, 0] + 0.01 * np.random.default_rng(0).normal(size=60)
    network = fit_cell(X, y, 1, 4, 3, shape=Shape(up=(0,)))
    np.testing.assert_allclose(network.predict(X), y.mean(), atol=1e-6)
    assert network.rss_train == pytest.approx(np.sum((y - y.mean()) ** 2), rel=1e-6)


def test_one_feature_on_fine_linear_splines_is_isotonic_regression():
    rng = np.random.default_rng(1)
    x = np.linspace(0, 1, 40)
    y = np.sin(6 * x) + 0.2 * rng.normal(size=40)
    isotonic = IsotonicRegression().fit(x, y).predict(x)
    options = LmOptions(smoothing=0.0, starts=6, max_iterations=60, tolerance=1e-9)
    network = fit_cell(x[:, None], y, 1, 39, 1, options=options, shape=Shape(up=(0,)))
    best = np.sum((y - isotonic) ** 2)  # no monotone function does better
    assert best <= network.rss_train <= 1.02 * best
    np.testing.assert_allclose(network.predict(x[:, None]), isotonic, atol=0.1)


def test_a_feature_of_no_effect_has_none_and_costs_nothing():
    X, y, rng = table()
    network = fit_cell(X, y, 2, 3, 3, options=FEW, shape=Shape(zero=(2,)))
    assert np.ptp(along(network, 2, rng.uniform(-1, 1, 4))) == 0.0
    assert network.n_params == 2 * (1 + 3 * 5) + 2 * 5 + 1  # of three features


def test_a_linear_feature_has_the_same_slope_wherever_the_others_are():
    X, y, rng = table()
    X[:, 3] = np.random.default_rng(9).uniform(-1, 1, 70)
    network = fit_cell(X, y + 2.0 * X[:, 3], 2, 3, 3, options=FEW, shape=Shape(linear=(3,)))
    slopes = [np.diff(along(network, 3, others, 0.9)) for others in rng.uniform(-0.9, 0.9, (5, 4))]
    np.testing.assert_allclose(slopes, np.mean(slopes), rtol=1e-8)
    assert network.spec.layer_widths == (4, 3, 1)  # two nodes and the line
    free = fit_cell(X, y, 2, 3, 3, options=FEW, shape=Shape(zero=(3,)))
    assert network.n_params == free.n_params + 1


@pytest.mark.parametrize("depth", [1, 2])
def test_features_that_may_not_interact_add_up(depth):
    X, y, rng = table()
    shape = Shape(up=(3,), apart=((0, 1), (1, 2)))
    network = fit_cell(X, y, 3, 3, 3, depth, options=FEW, shape=shape)
    rows, steps = rng.uniform(-1.5, 1.5, (500, 4)), rng.uniform(-1, 1, (500, 2))

    def at(a: int, b: int, first: int, second: int) -> np.ndarray:
        moved = rows.copy()
        moved[:, first] += a * steps[:, 0]
        moved[:, second] += b * steps[:, 1]
        return network.predict(moved)

    def mixed(first: int, second: int) -> float:
        differences = (
            at(1, 1, first, second) - at(1, 0, first, second) - at(0, 1, first, second) + network.predict(rows)
        )
        return float(np.abs(differences).max() / np.ptp(y))

    assert mixed(0, 1) < 1e-9
    assert mixed(1, 2) < 1e-9
    assert mixed(0, 2) > 1e-4  # which may


def test_every_pair_that_may_interact_shares_a_group():
    shape = Shape(apart=((0, 1), (2, 3), (0, 4)), linear=(5,), zero=(6,), convex=(2,), concave=(7,))
    groups = shape.groups(8)
    forbidden = {(0, 1), (2, 3), (0, 4), (2, 7)}
    free = [c for c in range(8) if c not in (5, 6)]
    for a in free:
        for b in free:
            if a < b:
                assert any({a, b} <= set(g) for g in groups) == ((a, b) not in forbidden)


def test_rss_rises_neither_along_a_path_nor_with_depth():
    X, y, _ = table()
    shape = Shape(up=(0,), convex=(1,))
    flat = list(fit_path(X, y, 3, 3, [1, 2, 3], options=FEW, shape=shape))
    deep = list(fit_path(X, y, 3, 3, [1, 2, 3], 2, options=FEW, shape=shape))
    rss = [f.rss_train for f in flat]
    assert sorted(rss, reverse=True) == rss
    assert all(d.rss_train <= f.rss_train * (1 + 1e-9) for d, f in zip(deep, flat, strict=True))


def test_fits_are_the_same_again_and_in_any_order_of_the_table():
    X, y, rng = table()
    shape = Shape(up=(0,), down=(2,))
    one = fit_cell(X, y, 2, 3, 3, options=FEW, shape=shape)
    assert one.rss_train == fit_cell(X, y, 2, 3, 3, options=FEW, shape=shape).rss_train
    rows, columns = rng.permutation(len(X)), [2, 0, 3, 1]
    other = fit_cell(X[rows][:, columns], y[rows], 2, 3, 3, options=FEW, shape=Shape(up=(1,), down=(0,)))
    np.testing.assert_allclose(other.predict(X[:, columns]), one.predict(X), rtol=1e-6)


@pytest.mark.parametrize("task", ["classification", "counts"])
def test_probabilities_and_mean_counts_run_with_a_feature(task):
    X, _, rng = table(80, 3)
    score = X[:, 0] + np.sin(3 * X[:, 1])
    y = rng.poisson(np.exp(score)) if task == "counts" else (rng.random(80) < 1 / (1 + np.exp(-2 * score))) * 1.0
    network = fit_cell(X, y, 1, 3, 3, options=FEW, task=task, shape=Shape(up=(0,), down=(2,)))
    for others in rng.uniform(-1.5, 1.5, (4, 3)):
        assert np.diff(along(network, 0, others)).min() >= -1e-10
        assert np.diff(along(network, 2, others)).max() <= 1e-10
    free = fit_cell(X, y, 1, 3, 3, options=FEW, task=task)
    assert network.deviance_train < 1.3 * free.deviance_train


def test_what_cannot_be_kept_is_refused_in_a_sentence():
    X, y, _ = table()
    with pytest.raises(FitError, match="need 2 hidden neurons"):
        fit_cell(X, y, 1, 3, 3, shape=Shape(apart=((0, 1),)))
    with pytest.raises(FitError, match="nothing for a network to fit"):
        fit_cell(X, y, 1, 3, 3, shape=Shape(linear=(0, 1, 2), zero=(3,)))
    classes = np.eye(3)[np.arange(70) % 3]
    with pytest.raises(FitError, match="name that class"):
        fit_cell(X, classes, 1, 3, 3, task="multiclass", shape=Shape(up=(0,)))


def test_a_network_keeps_its_shape_through_its_arrays():
    X, y, _ = table()
    network = fit_cell(X, y, 2, 3, 3, options=FEW, shape=Shape(up=(0,), convex=(1,), apart=((2, 3),)))
    again = FittedKan.from_arrays(network.arrays())
    assert (again.shape, again.stretch) == (network.shape, network.stretch)
    far = np.full((1, 4), 3.0)
    assert again.predict(far).tolist() == network.predict(far).tolist()


# ---- the parts


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_jacobian_and_gradient_are_those_of_difference_quotients(depth):
    X, y, rng = table(50, 5)
    shape = Shape(up=(0,), convex=(0, 1), apart=((2, 3),), linear=(4,))
    problem = ShapedProblem(X.T, y[None], shape, 3, 3, 3, depth, 100.0, Squares)
    state = problem.state(np.abs(rng.normal(size=problem.p)), 2.0)
    step, by = rng.normal(size=problem.p), 1e-6
    more, less = (problem.state(state.theta + s * by * step, 2.0, solve=False) for s in (1, -1))
    (J,), _, _ = problem.jacobian(state)
    np.testing.assert_allclose((more.last.outputs - less.last.outputs)[0] / (2 * by), step @ J, rtol=1e-5, atol=1e-6)
    slope = (more.objective - less.objective) / (2 * by)
    assert slope == pytest.approx(-2 * problem.linearise(state).gradient @ step, rel=1e-5)


@given(st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_a_bounded_step_meets_the_conditions_of_its_minimum(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    A = rng.normal(size=(n + 2, n))
    H, g = A.T @ A + 1e-6 * np.eye(n), rng.normal(size=n)
    x, held = np.maximum(rng.normal(size=n), 0.0), rng.random(n) < 0.7
    p = bounded_step(H, g, x, held)
    slope = H @ p - g
    assert (x + p)[held].min(initial=0.0) >= 0.0
    np.testing.assert_allclose(slope[~held], 0.0, atol=1e-7)
    assert slope[held].min(initial=0.0) >= -1e-7
    np.testing.assert_allclose(slope[held] * (x + p)[held], 0.0, atol=1e-6)


@pytest.mark.parametrize(
    ("direction", "curvature"), [(0, 0), (1, 0), (-1, 0), (0, 1), (1, 1), (-1, 1), (0, -1), (1, -1)]
)
def test_an_edge_basis_spans_the_coefficients_of_its_shape(direction, curvature):
    knots = np.array([-2.0, -1.5, -1.0, 0.0, 0.2, 1.0, 1.5, 2.0])
    B, held = edge_basis(knots, 2, direction, curvature)
    assert np.linalg.matrix_rank(np.column_stack([B, np.ones(len(B))])) == len(B)  # with the constant all of them
    theta = np.abs(np.random.default_rng(0).normal(size=B.shape[1])) * held
    xi = (knots[1:-2] + knots[2:-1]) / 2
    slopes = np.diff(B @ theta) / np.diff(xi)
    assert (slopes * direction).min() >= -1e-12
    assert (np.diff(slopes) * curvature).min() >= -1e-12


def test_leave_one_out_of_a_face_is_near_refits():
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (40, 1))
    y = np.exp(X[:, 0]) + 0.1 * rng.normal(size=40)
    options, shape = LmOptions(max_iterations=60, tolerance=1e-9), Shape(up=(0,))
    network = fit_cell(X, y, 1, 3, 3, options=options, shape=shape)
    found = linear_smoother(network, X, y).left_out(1e-3)[:, 0] * network.y_scale + network.y_offset
    for row in (3, 17, 30):
        others = np.arange(40) != row
        without = fit_cell(X[others], y[others], 1, 3, 3, options=options, shape=shape)
        assert found[row] == pytest.approx(without.predict(X[row : row + 1])[0], abs=0.03)


def test_parameters_by_every_rule():
    shape = Shape(up=(0,), linear=(1,), zero=(2,))
    X, y, _ = table()
    network = fit_cell(X, y, 2, 3, 3, options=FEW, shape=shape)
    edge = 3 + 3 - 1
    assert network.n_params == 2 * (1 + 2 * edge) + 2 * edge + 1 + 1
    assert network.n_params < n_params((4, 2, 1), 3, 3)
    assert network.edf < network.n_params


@pytest.mark.parametrize("task", ["classification", "counts"])
def test_of_classes_and_counts_the_linear_predictor_is_convex_or_concave(task):
    """The log-odds, or the logarithm of the mean, between and beyond the knots."""
    rng = np.random.default_rng(4)
    X = rng.uniform(-1, 1, (150, 2))
    eta = 2 * X[:, 0] ** 2 - np.exp(X[:, 1])
    mean = np.exp(eta) if task == "counts" else 1 / (1 + np.exp(-2 * eta))
    y = rng.poisson(mean) if task == "counts" else rng.random(150) < mean
    network = fit_cell(
        X, y.astype(float), 2, 3, 3, options=FEW, task=task, shape=Shape(convex=(0,), concave=(1,), down=(1,))
    )
    assert np.corrcoef(network.predict(X), mean)[0, 1] > 0.9
    for others in rng.uniform(-1, 1, (3, 2)):
        for column, bends in ((0, 1), (1, -1)):
            p = along(network, column, others, beyond=1.5)
            values = np.log(p) if task == "counts" else np.log(p) - np.log1p(-p)
            assert (bends * np.diff(values, 2)).min() >= -1e-9
            if column == 1:
                assert np.diff(p).max() <= 1e-12
