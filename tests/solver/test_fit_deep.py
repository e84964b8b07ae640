"""The engine beyond one hidden layer, as its callers see it: nested fits, what depth is for, determinism, limits, pykan."""

import itertools

import numpy as np
import pytest

from kanlab.errors import FitError
from kanlab.kan.network import FitStatus, FittedKan
from kanlab.solver import nested_path
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.smoother import effective_dof, smoother_root
from tests.helpers.cells import smoother_written_down
from tests.solver.test_fit import noisy

NUMPY = LmOptions(kernels="numpy")


def composition(n, seed=0):
    """A function of the KAN paper's kind that two hidden layers of two nodes hold and one does not."""
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 4))
    r = np.sin(np.pi * (X[:, 0] ** 2 + X[:, 1] ** 2)) + np.sin(np.pi * (X[:, 2] ** 2 + X[:, 3] ** 2))
    return X, np.exp(r / 2)


@pytest.mark.parametrize("smoothing", [0.0, 1000.0])
def test_rss_rises_neither_with_depth_nor_with_neuron_num(smoothing):
    X, y = noisy()
    options = LmOptions(smoothing=smoothing, kernels="numpy")
    for grid, k in [(1, 1), (3, 2)]:
        rss = [[f.rss_train for f in fit_path(X, y, grid, k, (1, 2, 4), depth, options=options)] for depth in (1, 2, 3)]
        assert all(b <= a * (1 + 1e-9) for row in rss for a, b in itertools.pairwise(row)), rss
        assert all(b <= a * (1 + 1e-9) for column in zip(*rss, strict=True) for a, b in itertools.pairwise(column)), rss


def test_two_layers_hold_a_composition_that_one_does_not():
    X, y = composition(900)
    shallow, deep = (fit_cell(X[:500], y[:500], 2, 5, 3, depth, options=NUMPY, seed=1) for depth in (1, 2))
    errors = [np.sqrt(np.mean((m.predict(X[500:]) - y[500:]) ** 2)) for m in (shallow, deep)]
    assert errors[1] < 0.1 * errors[0]
    assert deep.n_params < fit_cell(X[:500], y[:500], 4, 5, 3, options=NUMPY).n_params


@pytest.mark.parametrize("depth", [2, 3])
def test_rss_is_that_of_the_predictions(depth):
    X, y = noisy()
    Y = np.stack([y, 100.0 * X[:, 0] ** 2], axis=1)
    model = fit_cell(X, Y, 2, 3, 3, depth, options=NUMPY)
    assert model.spec.layer_widths == (3, *[2] * depth, 2)
    np.testing.assert_allclose(np.sum((model.predict(X) - Y) ** 2, axis=0), model.rss_by_target, rtol=1e-8)
    assert model.rss_train == pytest.approx(model.rss_by_target.sum())
    assert len(model.loss_curve) == model.iterations + 1
    assert not model.predict_flagged(X)[1].any()
    far = X.max(axis=0, keepdims=True) * 10
    assert model.predict_flagged(far)[1].all()


def test_the_order_of_rows_and_columns_changes_nothing():
    X, y = noisy()
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    one, again = (fit_cell(X, y, 2, 3, 3, 2, options=NUMPY) for _ in range(2))
    other = fit_cell(X[rows][:, columns], y[rows], 2, 3, 3, 2, options=NUMPY)
    assert one.rss_train == again.rss_train == other.rss_train
    np.testing.assert_array_equal(one.layers[1].coef, again.layers[1].coef)
    np.testing.assert_allclose(other.predict(X[:, columns]), one.predict(X), rtol=1e-12, atol=1e-12)
    assert fit_cell(X, y, 2, 3, 3, 2, options=NUMPY, seed=1).rss_train != one.rss_train


def test_a_path_is_made_of_the_cells_it_would_be_without_those_above():
    X, y = noisy()
    long = [f.rss_train for f in fit_path(X, y, 3, 2, (1, 2, 3), 2, options=NUMPY)]
    assert long[:2] == [f.rss_train for f in fit_path(X, y, 3, 2, (1, 2), 2, options=NUMPY)]


def test_units_change_nothing_but_rounding():
    X, y = noisy()
    one, scaled = (fit_cell(X * s, y * s + 7 * (s - 1), 1, 3, 3, 2, options=NUMPY) for s in (1.0, 1e3))
    np.testing.assert_allclose((scaled.predict(X * 1e3) - 6993) / 1e3, one.predict(X), atol=1e-3)


def test_limits_are_kept_and_said():
    X, y = noisy()
    late = fit_cell(X, y, 3, 4, 3, 3, options=LmOptions(time_limit=1e-6, kernels="numpy"))
    assert late.status is FitStatus.TIME_LIMIT
    assert np.isfinite(late.predict(X)).all()
    short = fit_cell(X, y, 2, 4, 3, 2, options=LmOptions(max_iterations=2, tolerance=0.0, kernels="numpy"))
    assert (short.status, short.iterations) == (FitStatus.ITERATION_LIMIT, 2)
    for wanted in (1, 5):
        options = LmOptions(starts=wanted, kernels="numpy")
        assert [f.starts for f in fit_path(X, y, 2, 2, (1, 2), 2, options=options)] == [wanted, wanted]
    with pytest.raises(FitError, match=r"depth .* at least 1, not 0\.$"):
        fit_cell(X, y, 2, 3, 3, 0)


@pytest.mark.parametrize("columns", [(0, 0, 0), (0, 1, 1)])
def test_repeated_and_constant_columns(columns):
    X, y = noisy()
    X = np.column_stack([X[:, list(columns)], np.ones(len(X))])
    model = fit_cell(X, y, 2, 3, 3, 2, options=NUMPY)
    assert np.isfinite(model.predict(X)).all()
    assert model.rss_train < np.sum((y - y.mean()) ** 2)
    constant = fit_cell(X, np.full(len(X), 3.0), 2, 3, 3, 2, options=NUMPY)
    np.testing.assert_allclose(constant.predict(X), 3.0, atol=1e-6)


def test_many_rows_are_raced_on_some_and_finished_on_all(monkeypatch):
    X, y = noisy(n=300)
    monkeypatch.setattr(nested_path, "RACE_ROWS", 100)
    rss = []
    for depth in (1, 2, 3):
        fits = list(fit_path(X, y, 2, 3, (1, 2), depth, options=NUMPY))
        rss.append([f.rss_train for f in fits])
        for model in fits:
            assert model.n_train == 300
            assert np.sum((model.predict(X) - y) ** 2) == pytest.approx(model.rss_train, rel=1e-8)
    assert all(b <= a * (1 + 1e-9) for column in zip(*rss, strict=True) for a, b in itertools.pairwise(column))
    assert all(row[1] <= row[0] * (1 + 1e-9) for row in rss)


@pytest.mark.parametrize("depth", [2, 3])
def test_round_trips(depth):
    """Through named arrays bit for bit, and through pykan, whose own forward pass agrees."""
    X, y = noisy()
    model = fit_cell(X, y, 2, 3, 3, depth, options=NUMPY)
    np.testing.assert_array_equal(FittedKan.from_arrays(model.arrays()).predict(X), model.predict(X))
    wrapper = model.to_pykan()
    np.testing.assert_allclose(wrapper.predict(X), model.predict(X), atol=1e-8)
    forward = wrapper.forward(wrapper.scale_inputs(X)).detach().numpy()[:, 0]
    np.testing.assert_allclose(forward * model.y_scale + model.y_offset, model.predict(X), atol=1e-8)
    outside = np.vstack([X * 3, -X])
    np.testing.assert_allclose(FittedKan.from_pykan(wrapper).predict(outside), model.predict(outside), atol=1e-8)


def test_effective_dof_of_any_depth():
    X, y = noisy(n=150)
    one = fit_cell(X, y, 2, 3, 3, options=NUMPY)
    trace = np.sum(smoother_root(*smoother_written_down(one, X, y)) ** 2)
    assert trace == pytest.approx(effective_dof(one, X, y), rel=1e-8)
    for depth in (2, 3):
        rough, smooth = (
            fit_cell(X, y, 2, 3, 3, depth, options=LmOptions(smoothing=s, kernels="numpy")) for s in (0.0, 1e4)
        )
        assert 0.9 * rough.n_params < effective_dof(rough, X, y) <= rough.n_params
        assert 3 < effective_dof(smooth, X, y) < 0.6 * rough.n_params
