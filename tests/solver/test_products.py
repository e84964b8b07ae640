"""Multiplication nodes: derivatives against differences, a network against its own formula, and what it has spent."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.errors import FitError
from kanlab.kan.bspline import bspline_basis
from kanlab.kan.edges import curves_of
from kanlab.kan.multiplication import factors, squares
from kanlab.kan.network import FittedKan, KanSpec
from kanlab.kan.parameter_count import n_params
from kanlab.kan.shapes import Shape
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.leave_one_out import predictions_left_out
from kanlab.solver.network_state import restored
from kanlab.solver.refit import continued
from kanlab.solver.smoother import effective_dof
from kanlab.stats.generalised_dof import divergence
from kanlab.stats.likelihood import MULTICLASS, one_hot
from tests.helpers.cells import gradient_is_the_difference_quotient

Rows = tuple[np.ndarray, np.ndarray]


def rows(noise: float = 0.1, n: int = 80, d: int = 2) -> Rows:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (n, d)) * [1.0, 3.0, 1.0][:d] + [0.0, 5.0, 0.0][:d]
    f = X[:, 0] * (X[:, 1] - 5.0) + 0.3 * np.sin(3 * X[:, 0])
    return X, f + noise * rng.normal(size=n)


@pytest.fixture(scope="module")
def one() -> FittedKan:
    """One sum and one product."""
    return fit_cell(*rows(), 2, 3, 3, multiplication=1)


@pytest.mark.parametrize("task", ["regression", "classification", "counts", MULTICLASS])
@pytest.mark.parametrize(("neuron_num", "multiplication", "k"), [(1, 1, 2), (3, 1, 3)])
def test_gradient_is_the_difference_quotient_of_the_objective(
    task: str, neuron_num: int, multiplication: int, k: int
) -> None:
    X, f = rows()
    targets = {
        "regression": f, "classification": (f > 0).astype(float), "counts": np.floor(np.exp(f / 2)),
        MULTICLASS: one_hot(np.digitize(f, [-0.5, 0.7]), 3),
    }  # fmt: skip
    y = targets[task]
    few = LmOptions(max_iterations=2, starts=1)
    network = fit_cell(X, y, neuron_num, 2, k, multiplication=multiplication, task=task, options=few)  # type: ignore[arg-type]
    scaled = (y - network.y_offset[0]) / network.y_scale[0] if task == "regression" else y
    found = restored(network, X, scaled.reshape(len(y), -1).T, 1000.0)
    state = found.at_minimum(1.0)
    assert state is not None
    gradient_is_the_difference_quotient(found.problem, state, 0, atol=1e-5)


@given(k=st.sampled_from([2, 3]), grid=st.integers(1, 6), low=st.floats(-50, 50), width=st.floats(0.1, 50))
@settings(max_examples=30, deadline=None)
def test_splines_are_squares(k: int, grid: int, low: float, width: float) -> None:
    knots = low + width * np.linspace(-k / grid, 1 + k / grid, grid + 2 * k + 1)[None]
    z = low + width * np.random.default_rng(0).random((1, 20))
    made = squares(knots, k)[0] @ bspline_basis(z, knots, k)[0]
    np.testing.assert_allclose(made, z[0] ** 2, atol=1e-11 * (1 + np.abs(z).max() ** 2))


@pytest.mark.parametrize(("neuron_num", "multiplication"), [(1, 1), (3, 1)])
def test_a_network_is_the_sum_of_its_products(neuron_num: int, multiplication: int) -> None:
    """Predictions within the ranges of the factors against s a b and the curves of the sums, evaluated apart."""
    X, y = rows()
    network = fit_cell(X, y, neuron_num, 3, 2, multiplication=multiplication)
    first, last = network.layers
    found = factors(first, last, multiplication)
    x = ((X - network.x_offset) / network.x_scale).T
    Z = found.first.evaluate(x)
    products = Z[: 2 * multiplication : 2] * Z[1 : 2 * multiplication : 2]
    sums = last.edges(first.evaluate(x))[2 * multiplication :].sum(axis=0)
    by_hand = found.s.T @ products + sums + found.constant[:, None]
    np.testing.assert_allclose(
        network.predict(X), by_hand[0] * network.y_scale[0] + network.y_offset[0], rtol=1e-9, atol=1e-9
    )
    np.testing.assert_allclose(np.ptp(Z[: 2 * multiplication], axis=1), 2.0, rtol=1e-9)
    assert np.sum((network.predict(X) - y) ** 2) == pytest.approx(network.rss_train, rel=1e-8)
    assert network.spec.layer_widths == (2, neuron_num + multiplication, 1)
    assert network.spec.neuron_num == neuron_num


def test_a_product_is_one_wherever_its_factors_are_in_range() -> None:
    """At corners of the table that no row is in, too."""
    X, _ = rows()
    network = fit_cell(X, X[:, 0] * X[:, 1], 1, 2, 2, multiplication=1, options=LmOptions(smoothing=1.0))
    corners = np.array([[a, b] for a in (X[:, 0].min(), X[:, 0].max()) for b in (X[:, 1].min(), X[:, 1].max())])
    predicted, outside = network.predict_flagged(corners)
    np.testing.assert_allclose(predicted, corners.prod(axis=1), atol=1e-6)
    assert not outside.any()


def test_rss_never_rises_along_a_path_and_a_product_needs_one_node() -> None:
    X, y = rows()
    path = list(fit_path(X, y, 3, 3, (1, 2, 3), multiplication=1))
    assert [f.rss_train for f in path] == sorted((f.rss_train for f in path), reverse=True)
    plain = list(fit_path(X, y, 3, 3, (1, 2)))
    assert path[0].rss_train < 0.5 * plain[0].rss_train
    assert path[1].rss_train <= plain[0].rss_train
    same = fit_cell(X, y, 1, 3, 3, multiplication=1)
    np.testing.assert_array_equal(same.layers[0].coef, path[0].layers[0].coef)


@pytest.mark.parametrize(("neuron_num", "multiplication"), [(1, 1), (2, 1)])
def test_effective_dof_is_the_divergence_of_the_minimum(neuron_num: int, multiplication: int) -> None:
    X, y = rows(noise=0.5, n=50)
    fitted = continued(fit_cell(X, y, neuron_num, 2, 2, multiplication=multiplication), X, y, 1000.0)
    size = 0.05 * np.sqrt(fitted.rss_train / len(y))
    draws = [
        divergence(lambda v: continued(fitted, X, v, 1000.0).predict(X), y, size * signs)
        for signs in np.random.default_rng(0).choice([-1.0, 1.0], (12, len(y)))
    ]
    edf = effective_dof(fitted, X, y)
    assert edf == pytest.approx(np.mean(draws), abs=4 * np.std(draws) / np.sqrt(12) + 0.1)
    assert neuron_num < edf < n_params((2, neuron_num + multiplication, 1), 2, 2, multiplication=multiplication)


def test_effective_dof_of_the_fit_is_the_trace_of_its_smoother(one: FittedKan) -> None:
    assert one.edf == pytest.approx(effective_dof(one, *rows()), rel=0.05)


@pytest.mark.parametrize(("widths", "multiplication"), [((2, 2, 1), 1), ((2, 3, 1), 1), ((2, 3, 2), 1)], ids=str)
def test_the_identifiable_count_is_the_rank_of_the_jacobian(widths: tuple[int, ...], multiplication: int) -> None:
    """Of random networks, by differences of outputs in all the numbers of factors, slopes, curves and constants."""
    (d, h, m), (grid, k), n = widths, (2, 2), 400
    rng = np.random.default_rng(0)
    x, size = rng.uniform(-1, 1, (d, n)), grid + k
    knots = np.tile(np.linspace(-1 - k * 2 / grid, 1 + k * 2 / grid, grid + 2 * k + 1), (h, 1))
    basis = np.concatenate([bspline_basis(x, knots[:1].repeat(d, axis=0), k), (x / (1 + np.exp(-x)))[:, None]], axis=1)
    p1, sums = d * (size + 1), h - 2 * multiplication

    def outputs(c: np.ndarray) -> np.ndarray:
        W, rest = c[: h * p1].reshape(h, p1), c[h * p1 :]
        Z = W @ basis.reshape(p1, n)
        a, b, z = Z[: 2 * multiplication : 2], Z[1 : 2 * multiplication : 2], Z[2 * multiplication :]
        out = rest[: m * multiplication].reshape(m, -1) @ (a * b)
        of_sums = rest[m * multiplication :]
        if not sums:
            return np.asarray(out + of_sums.reshape(m, 1)).ravel()
        last = np.concatenate([bspline_basis(z, 20 * knots[:sums], k), (z / (1 + np.exp(-z)))[:, None]], axis=1)
        return np.asarray(out + of_sums.reshape(m, -1) @ last.reshape(-1, n)).ravel()

    count = h * p1 + m * multiplication + m * (sums * (size + 1) or 1)
    c = rng.normal(size=count)
    J = np.stack([(outputs(c + 1e-6 * e) - outputs(c - 1e-6 * e)) / 2e-6 for e in np.eye(count)])
    values = np.linalg.svd(J / np.linalg.norm(J, axis=1, keepdims=True), compute_uv=False)
    assert int(np.sum(values > 3e-9 * values[0])) == n_params(widths, grid, k, multiplication=multiplication)


def test_rows_left_out_are_predicted_as_by_fits_without_them(one: FittedKan) -> None:
    X, y = rows()
    left_out = predictions_left_out(one, X, y, 1000.0)
    for i in (3, 40):
        others = np.arange(len(y)) != i
        again = continued(one, X[others], y[others], 1000.0).predict(X[i : i + 1])[0]
        assert left_out[i] == pytest.approx(again, abs=0.5 * abs(y[i] - one.predict(X[i : i + 1])[0]) + 0.03)


def test_arrays_there_and_back(one: FittedKan) -> None:
    back = FittedKan.from_arrays(one.arrays())
    assert back.spec == one.spec
    assert (back.spec.multiplication, back.penalty) == (1, one.penalty)
    np.testing.assert_array_equal(back.predict(rows()[0]), one.predict(rows()[0]))
    assert back.n_params == one.n_params


def test_edges_are_those_of_the_factors_and_the_product(one: FittedKan) -> None:
    """What is drawn adds up to what is predicted, the product being that of the factors."""
    X, _ = rows()
    curves = curves_of(one, X)
    nodes = [sum(e.values + e.mean for e in curves.layer(0) if e.target == j) for j in range(3)]
    leaving = {e.source: e for e in curves.layer(1)}
    assert sorted(leaving) == [0, 2]
    np.testing.assert_allclose(leaving[0].rows, nodes[0] * nodes[1], atol=1e-9)
    total = sum(e.values + e.mean for e in curves.layer(1)) + one.y_offset[0]
    np.testing.assert_allclose(total, one.predict(X), atol=1e-9)
    assert sum(e.share for e in curves.layer(0)) == pytest.approx(1.0)


def test_what_is_no_multiplication_node_is_refused() -> None:
    X, y = rows()
    for arguments in ({"k": 1}, {"depth": 2}, {"multiplication": 2}, {"shape": Shape(up=(0,))}):
        with pytest.raises(FitError, match="ultiplication nodes"):
            fit_cell(X, y, 2, 3, **({"k": 3, "multiplication": 1} | arguments))  # type: ignore[arg-type]
    with pytest.raises(FitError, match="Multiplication nodes need"):
        KanSpec((2, 1, 1), 3, 3, multiplication=1)
