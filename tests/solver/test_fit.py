"""The engine as its callers see it: published results, the ladder, invariances, determinism, limits, misuse."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from kanlab.errors import FitError
from kanlab.kan.network import FitStatus
from kanlab.solver import nested_path
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.scaling import scaled_rows
from kanlab.solver.starts import fresh_start

NUMPY = LmOptions(kernels="numpy")


def toy(n, seed=0):
    X = np.random.default_rng(seed).uniform(-1, 1, (n, 2))
    return X, np.exp(np.sin(np.pi * X[:, 0]) + X[:, 1] ** 2)


def noisy(n=90, d=3, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, np.sin(X[:, 0]) + X[:, 1] * X[:, -1] + 0.2 * rng.normal(size=n)


def test_the_toy_function_of_the_kan_paper():
    X, y = toy(2000)
    model = fit_cell(X[:1000], y[:1000], 5, 5, 3, options=NUMPY)
    assert np.sqrt(np.mean((model.predict(X[1000:]) - y[1000:]) ** 2)) < 1e-3


@pytest.mark.parametrize("smoothing", [0.0, 1000.0])
def test_rss_never_rises_with_neuron_num(smoothing):
    X, y = noisy()
    options = LmOptions(smoothing=smoothing, kernels="numpy")
    for grid, k in [(1, 1), (3, 3), (6, 2)]:
        rss = [f.rss_train for f in fit_path(X, y, grid, k, range(1, 6), options=options)]
        assert all(b <= a * (1 + 1e-9) for a, b in itertools.pairwise(rss)), rss


def test_rss_is_that_of_the_predictions_and_of_the_end_of_the_curve():
    X, y = noisy()
    for model in fit_path(X, y, 3, 3, (1, 2), options=NUMPY):
        assert np.sum((model.predict(X) - y) ** 2) == pytest.approx(model.rss_train, rel=1e-9)
        assert model.loss_curve[-1] == pytest.approx(model.rss_train, rel=0.05)
        assert len(model.loss_curve) == model.iterations + 1


def test_the_order_of_rows_and_columns_changes_nothing():
    X, y = noisy()
    rng = np.random.default_rng(5)
    rows, columns = rng.permutation(len(X)), rng.permutation(X.shape[1])
    one = fit_cell(X, y, 2, 3, 3, options=NUMPY)
    other = fit_cell(X[rows][:, columns], y[rows], 2, 3, 3, options=NUMPY)
    assert other.rss_train == one.rss_train
    np.testing.assert_allclose(other.predict(X[:, columns]), one.predict(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("scale", "offset"), [(1e3, 1e5), (1e-4, 0.0), (2.0, -1.0)])
def test_units_change_nothing_but_rounding(scale, offset):
    X, y = noisy()
    one = fit_cell(X, y, 2, 3, 3, options=NUMPY)
    of_x = fit_cell(X * scale + offset, y, 2, 3, 3, options=NUMPY)
    of_y = fit_cell(X, y * scale + offset, 2, 3, 3, options=NUMPY)
    np.testing.assert_allclose(of_x.predict(X * scale + offset), one.predict(X), atol=1e-4)
    np.testing.assert_allclose((of_y.predict(X) - offset) / scale, one.predict(X), atol=1e-4)
    assert of_y.rss_train == pytest.approx(one.rss_train * scale**2, rel=1e-4)


def test_same_seed_same_bits_other_seed_other_start():
    X, y = noisy()
    one, again, other = (fit_cell(X, y, 3, 4, 3, options=NUMPY, seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(one.layers[0].coef, again.layers[0].coef)
    assert one.rss_train == again.rss_train
    assert one.rss_train != other.rss_train


def test_a_path_is_made_of_the_cells_it_would_be_without_those_above():
    X, y = noisy()
    long = list(fit_path(X, y, 3, 2, (1, 2, 3), options=NUMPY))
    short = list(fit_path(X, y, 3, 2, (1, 2), options=NUMPY))
    assert [f.rss_train for f in long[:2]] == [f.rss_train for f in short]


def test_several_targets_share_the_hidden_layer():
    X, y = noisy()
    Y = np.stack([y, 100.0 * X[:, 0] ** 2], axis=1)
    model = fit_cell(X, Y, 3, 4, 3, options=NUMPY)
    assert model.predict(X).shape == Y.shape
    by_target = np.sum((model.predict(X) - Y) ** 2, axis=0)
    np.testing.assert_allclose(model.rss_by_target, by_target, rtol=1e-9)
    assert model.rss_train == pytest.approx(by_target.sum())
    assert (by_target < 0.3 * np.sum((Y - Y.mean(axis=0)) ** 2, axis=0)).all()


def test_one_target_as_a_column_is_the_same_fit():
    X, y = noisy()
    flat, column = (fit_cell(X, v, 1, 3, 3, options=NUMPY) for v in (y, y[:, None]))
    np.testing.assert_array_equal(flat.predict(X), column.predict(X))


def test_smoothing_smooths():
    X, y = noisy()
    every = [LmOptions(smoothing=s, kernels="numpy") for s in (0.0, 1e4, 1e7)]
    rough = [fit_cell(X[:, :1], y, 1, 8, 3, options=options).rss_train for options in every]
    assert rough[0] < rough[1] < rough[2]


def test_a_time_limit_is_kept_and_said():
    X, y = noisy()
    model = fit_cell(X, y, 3, 4, 3, options=LmOptions(time_limit=1e-6, kernels="numpy"))
    assert model.status is FitStatus.TIME_LIMIT
    assert np.isfinite(model.predict(X)).all()


def test_an_iteration_limit_is_kept_and_said():
    X, y = noisy()
    model = fit_cell(X, y, 3, 4, 3, options=LmOptions(max_iterations=2, tolerance=0.0, kernels="numpy"))
    assert model.status is FitStatus.ITERATION_LIMIT
    assert model.iterations == 2


def test_the_number_of_starts_can_be_set():
    X, y = noisy()
    for wanted in (1, 5):
        options = LmOptions(starts=wanted, kernels="numpy")
        assert [f.starts for f in fit_path(X, y, 2, 2, (1, 2), options=options)] == [wanted, wanted]


@pytest.mark.parametrize(
    "change",
    [
        {"X": np.zeros(5)}, {"Y": np.zeros(4)}, {"X": np.zeros((5, 0))}, {"X": np.full((5, 2), np.nan)},
        {"Y": np.full(5, np.inf)}, {"Y": np.full(5, 1e308) * [1, -1, 1, -1, 1]}, {"grid": 0}, {"k": 0}, {"k": 4},
        {"neuron_nums": [0]}, {"neuron_nums": [2, 1]}, {"X": np.zeros((1, 2)), "Y": np.zeros(1)},
    ],
)  # fmt: skip
def test_misuse_raises_one_sentence(change):
    arguments = {"X": np.eye(5)[:, :2], "Y": np.arange(5.0), "grid": 3, "k": 3, "neuron_nums": [1]} | change
    with pytest.raises(FitError, match=r"\.$"):
        fit_path(**arguments)


def test_a_negative_seed_is_misuse():
    with pytest.raises(FitError):
        fit_path(np.eye(5)[:, :2], np.arange(5.0), 3, 3, [1], seed=-1)


@pytest.mark.parametrize(
    "change",
    [{"smoothing": -1.0}, {"smoothing": np.nan}, {"starts": 0}, {"max_iterations": 0}, {"time_limit": 0.0},
     {"tolerance": -1.0}, {"kernels": "fortran"}],
)  # fmt: skip
def test_options_are_checked(change):
    with pytest.raises(FitError):
        LmOptions(**change)


def test_scaling_puts_rows_and_columns_in_their_own_order():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 3)), rng.normal(size=20)
    one, other = scaled_rows(X, y), scaled_rows(X[::-1, ::-1], y[::-1])
    np.testing.assert_array_equal(one.x, other.x)
    np.testing.assert_array_equal(one.y, other.y)
    assert (one.x.min(), one.x.max()) == (pytest.approx(-1.0), pytest.approx(1.0))
    assert one.y.std() == pytest.approx(1.0)


def test_many_rows_are_raced_on_some_and_finished_on_all(monkeypatch):
    X, y = noisy(n=400)
    monkeypatch.setattr(nested_path, "RACE_ROWS", 100)
    fits = list(fit_path(X, y, 3, 3, (1, 2, 4), options=NUMPY))
    assert all(b.rss_train <= a.rss_train * (1 + 1e-9) for a, b in itertools.pairwise(fits))
    for model in fits:
        assert model.n_train == 400
        assert np.sum((model.predict(X) - y) ** 2) == pytest.approx(model.rss_train, rel=1e-9)
    assert fits[-1].rss_train < 0.2 * np.sum((y - y.mean()) ** 2)


@pytest.mark.parametrize("depth", [1, 2])
def test_a_path_does_not_stand_still_where_the_race_has_misled_it(monkeypatch, depth):
    """The best network on the rows of the race may be worse on all rows than a smaller one, which is then grown."""
    X, y = noisy(n=400)
    advance, lost = nested_path.advance, []

    def misled(problem, runner, options, loss):
        if problem.neuron_num == 1:
            return advance(problem, runner, options, loss)
        state = fresh_start(problem, np.random.default_rng(0), 0)
        lost.append(problem.neuron_num)
        return replace(runner, minimum=replace(runner.minimum, state=state))

    monkeypatch.setattr(nested_path, "RACE_ROWS", 100)
    monkeypatch.setattr(nested_path, "advance", misled)
    options = LmOptions(smoothing=0.0, kernels="numpy")
    rss = [f.rss_train for f in fit_path(X, y, 3, 3, (1, 2, 3), depth, options=options)]
    assert lost == [2] * depth + [3] * depth
    assert all(b < 0.999 * a for a, b in itertools.pairwise(rss)), rss
