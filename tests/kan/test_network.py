"""The network itself: evaluation, Jacobian, clipping and flags, saving, and agreement with stock pykan."""

import io
import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.errors import FitError
from kanlab.kan import layers as layers_module
from kanlab.kan import network as network_module
from kanlab.kan.bspline import knots_from_samples
from kanlab.kan.layers import STRETCH, KanLayer, evaluate, jacobian
from kanlab.kan.network import FitStatus, FittedKan, KanSpec
from kanlab.solver.fit import LmOptions, fit_cell

seeds = st.integers(0, 2**32 - 1)


def random_layers(rng, widths, grid, k, x):
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        size = grid + k
        coef, base = rng.normal(size=(n_in, n_out, size)), rng.normal(size=(n_in, n_out))
        layers.append(KanLayer(knots_from_samples(x, grid, k, 0.5), coef, base))
        x = layers[-1].evaluate(x)
    return tuple(layers)


def with_coefficients(layers, theta):
    out, at = [], 0
    for layer in layers:
        parts = []
        for array in (layer.coef, layer.scale_base):
            parts.append(theta[at : at + array.size].reshape(array.shape))
            at += array.size
        out.append(KanLayer(layer.knots, *parts))
    return tuple(out)


@given(
    seeds, st.integers(1, 3), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4), st.integers(2, 3), st.booleans()
)
def test_jacobian_is_the_difference_quotient(seed, d, h, m, grid, k, deep):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (d, 12))
    layers = random_layers(rng, (d, h, 2, m) if deep else (d, h, m), grid, k, x)
    theta = np.concatenate([a.ravel() for layer in layers for a in (layer.coef, layer.scale_base)])
    J = jacobian(layers, x)
    assert J.shape == (m, len(theta), 12)
    direction, e = rng.normal(size=len(theta)), 1e-6
    ahead, behind = (evaluate(with_coefficients(layers, theta + s * e * direction), x) for s in (1, -1))
    quotient = (ahead - behind) / (2 * e)
    scale = np.abs(J).max() * np.abs(direction).sum()
    np.testing.assert_allclose(np.einsum("opn,p->on", J, direction), quotient, atol=1e-5 * scale)


def test_a_network_by_hand():
    knots = np.array([[-3.0, -1.0, 1.0, 3.0]])  # grid 1, k 1: two hat functions on [-1, 1]
    layer = KanLayer(knots, np.array([[[2.0, 4.0]]]), np.array([[0.0]]))
    np.testing.assert_allclose(layer.evaluate(np.array([[-1.0, 0.0, 1.0]])), [[2.0, 3.0, 4.0]])


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.uniform(0, 10, (80, 2))
    return X, fit_cell(X, np.sin(X[:, 0]) + X[:, 1], 2, 3, 3, options=LmOptions(kernels="numpy"))


def test_predictions_are_those_the_record_speaks_of(fitted):
    X, model = fitted
    residual = model.predict(X) - (np.sin(X[:, 0]) + X[:, 1])
    assert residual @ residual == pytest.approx(model.rss_train, rel=1e-9)
    assert not model.predict_flagged(X)[1].any()


def test_inputs_beyond_the_training_range_go_on_straight_and_are_flagged():
    """The edge of a network of one edge is a line there, with the slope of its last stretch, and flat from its reach on."""
    rng = np.random.default_rng(0)
    for k in (1, 2, 3):
        bounds = np.array([[-1.0, 2.0]])
        knots = (-1.0 + np.arange(-k, 4 + k + 1) * 0.75)[None]
        layer = KanLayer(knots, rng.normal(size=(1, 1, 4 + k)), rng.normal(size=(1, 1)))
        free, one = np.array([[-np.inf, np.inf]]), np.ones(1)
        numbers = (0 * one, one, 0 * one, one, np.nan, np.full(1, np.nan), 0, FitStatus.CONVERGED)
        model = FittedKan(KanSpec((1, 1), 4, k), (layer,), (bounds,), free, *numbers, reach=0.5)
        for edge, side in ((2.0, 1.0), (-1.0, -1.0)):
            at, before = model.predict([[edge], [edge - side * STRETCH * 3.0]])
            slope = (at - before) / (STRETCH * 3.0)
            steps = np.array([0.0, 0.3, 1.0, 1.5, 1e9])
            values, outside = model.predict_flagged((edge + side * steps)[:, None])
            np.testing.assert_allclose(values, at + slope * np.minimum(steps, 1.5), rtol=1e-12)
            assert outside.tolist() == [False, True, True, True, True]


def test_a_line_goes_on(fitted):
    X, _ = fitted
    line = fit_cell(X, 2 * X[:, 0] - X[:, 1], 1, 3, 3, options=LmOptions(kernels="numpy"))
    model = replace(line, reach=0.5)
    beyond = np.array([[12.0, 5.0], [5.0, -1.5], [5.0, 5.0]])
    values, outside = model.predict_flagged(beyond)
    np.testing.assert_allclose(values, 2 * beyond[:, 0] - beyond[:, 1], atol=0.05)
    assert outside.tolist() == [True, True, False]
    assert np.isfinite(model.predict([[1e9, -1e9]])).all()


def test_hidden_nodes_are_held_to_their_range(fitted):
    X, model = fitted
    corners = np.array([[a, b] for a in (X[:, 0].min(), X[:, 0].max()) for b in (X[:, 1].min(), X[:, 1].max())])
    widest = np.ptp(model.predict(X))
    assert np.ptp(model.predict(corners)) < 3 * widest


def test_saves_without_pickle(fitted):
    X, model = fitted
    file = io.BytesIO()
    np.savez(file, **model.arrays())
    file.seek(0)
    back = FittedKan.from_arrays(np.load(file, allow_pickle=False))
    np.testing.assert_array_equal(back.predict(X), model.predict(X))
    for name in ("spec", "rss_train", "status", "iterations", "rank", "engine", "n_train", "seconds", "starts"):
        assert getattr(back, name) == getattr(model, name)
    np.testing.assert_array_equal(back.loss_curve, model.loss_curve)


def test_counts_its_identifiable_parameters(fitted):
    assert fitted[1].n_params == 2 * (2 * 7 - 1) + (2 * 7 - 1)


@pytest.mark.parametrize("X", [np.zeros(2), np.zeros((3, 3)), np.array([[0.0, np.nan]]), np.array([[np.inf, 0.0]])])
def test_refuses_rows_it_cannot_take(fitted, X):
    with pytest.raises(FitError):
        fitted[1].predict(X)


def test_predicts_no_rows(fitted):
    assert fitted[1].predict(np.empty((0, 2))).shape == (0,)


@pytest.mark.parametrize(("widths", "grid", "k"), [((2,), 3, 3), ((2, 0, 1), 3, 3), ((2, 1), 0, 3), ((2, 1), 3, 0)])
def test_refuses_structures_that_are_none(widths, grid, k):
    with pytest.raises(FitError):
        KanSpec(widths, grid, k)


def test_every_status_has_one_sentence_of_advice():
    for status in FitStatus:
        assert status.advice.endswith(".")
        assert status.advice.count(".") == 1


@pytest.mark.parametrize(
    ("n", "d", "h", "m", "grid", "k"), [(60, 2, 3, 1, 4, 3), (50, 3, 2, 2, 2, 1), (40, 1, 1, 1, 1, 2)]
)
def test_agrees_with_stock_pykan(n, d, h, m, grid, k):
    torch, kan = pytest.importorskip("torch"), pytest.importorskip("kan")
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, d)) * 10 + 3
    Y = np.stack([np.cos(X.sum(axis=1) / 9) + i * X[:, 0] for i in range(m)], axis=1)
    model = fit_cell(X, Y, h, grid, k, options=LmOptions(kernels="numpy"))
    dtype = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        stock = kan.KAN(width=[d, h, m], grid=grid, k=k, auto_save=False)
        for ours, theirs in zip(model.layers, stock.act_fun, strict=True):
            theirs.grid.data = torch.from_numpy(ours.knots)
            theirs.coef.data = torch.from_numpy(ours.coef)
            theirs.scale_base.data = torch.from_numpy(ours.scale_base)
            theirs.scale_sp.data = torch.ones_like(theirs.scale_sp)
        with torch.no_grad():
            scaled = stock(torch.from_numpy((X - model.x_offset) / model.x_scale)).numpy()
    finally:
        torch.set_default_dtype(dtype)
    theirs = scaled * model.y_scale + model.y_offset
    np.testing.assert_allclose(theirs, model.predict(X).reshape(n, m), atol=1e-8 * np.abs(Y).max())
    wild = np.concatenate([X, X * 3.0])  # far outside the training range, too
    exported = model.to_pykan()
    np.testing.assert_allclose(exported.predict(wild), model.predict(wild), atol=1e-8 * np.abs(Y).max())
    back = FittedKan.from_pykan(exported)
    np.testing.assert_allclose(back.predict(wild), model.predict(wild), atol=1e-12 * np.abs(Y).max())


def test_a_wide_network_predicts_in_pieces(fitted, monkeypatch):
    """Never more than so many values of splines at once, and the same predictions."""
    X, model = fitted
    whole, seen, basis = model.predict(X), [], layers_module.bspline_basis

    def watched(x, knots, k):
        seen.append(x.shape[1] * knots.size)
        return basis(x, knots, k)

    monkeypatch.setattr(layers_module, "bspline_basis", watched)
    monkeypatch.setattr(network_module, "MOST_VALUES", 200)
    np.testing.assert_allclose(model.predict(X), whole, rtol=1e-12)
    assert max(seen) <= 200
