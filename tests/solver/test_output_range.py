"""The outputs of a network are held to what it put out on the training rows and a little beyond."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import logit

from kanlab.errors import FitError
from kanlab.export.document import model_document
from kanlab.export.predict_template import evaluate
from kanlab.kan.bspline import OUTPUT_MARGIN
from kanlab.kan.layers import KanLayer
from kanlab.kan.network import FitStatus, FittedKan, KanSpec
from kanlab.kan.pykan_network import KANWrapper
from kanlab.solver.feature_elimination import held_misfit, widened
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.refit import continued

OPTIONS = LmOptions(kernels="numpy", starts=1)


def unheld(model: FittedKan) -> FittedKan:
    return replace(model, output_range=np.tile([-np.inf, np.inf], (len(model.y_scale), 1)))


def bounds(model: FittedKan) -> np.ndarray:
    """(m, 2) in units of the target."""
    return model.output_range * model.y_scale[:, None] + model.y_offset[:, None]


def together(n: int, seed: int = 0) -> np.ndarray:
    """Two features that hardly differ."""
    a = np.random.default_rng(seed).uniform(-1, 1, n)
    return np.column_stack([a, a + 0.01 * np.cos(7 * a)])


def cancelling(X: np.ndarray) -> FittedKan:
    """100 x1 - 100 x2 by two hidden nodes, held as a fit to these rows would hold it."""
    spans = np.tile([-1.1, 1.1], (2, 1))
    knots = np.tile([-3.3, -1.1, 1.1, 3.3], (2, 1))  # grid 1, k 1: straight lines
    line, nothing = np.array([-1.1, 1.1]), np.zeros(2)
    first = KanLayer(knots, np.array([[line, nothing], [nothing, line]]), np.zeros((2, 2)))
    second = KanLayer(knots, 100 * np.array([[line], [-line]]), np.zeros((2, 1)))
    out = 100 * (X[:, 0] - X[:, 1])
    margin = OUTPUT_MARGIN * np.ptp(out)
    return FittedKan(
        KanSpec((2, 2, 1), 1, 1), (first, second), (spans, spans), np.array([[out.min() - margin, out.max() + margin]]),
        np.zeros(2), np.ones(2), np.zeros(1), np.ones(1), 0.0, np.zeros(1), len(X), FitStatus.CONVERGED,
    )  # fmt: skip


def test_nodes_that_cancel_on_the_training_rows_alone() -> None:
    X, apart = together(50), np.array([[1.0, -1.0], [-1.0, 1.0]])
    model = cancelling(X)
    values, outside = unheld(model).predict_flagged(apart)
    np.testing.assert_allclose(values, [200.0, -200.0])
    assert not outside.any()
    values, outside = model.predict_flagged(apart)
    assert np.abs(values).max() < 3.0
    assert outside.all()
    np.testing.assert_allclose(model.predict(X), 100 * (X[:, 0] - X[:, 1]), atol=1e-12)
    assert not model.predict_flagged(X)[1].any()


@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("m", [1, 3])
def test_a_fit_is_held_to_its_own_outputs(depth: int, m: int) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(60, 3))
    Y = np.column_stack([10.0**j * (X[:, 0] * X[:, 1] + j * X[:, 2]) + 0.3 * rng.normal(size=60) for j in range(m)])
    model = fit_cell(X, Y, 2, 3, 2, depth, options=OPTIONS)
    trained = unheld(model).predict(X).reshape(60, m)
    margin = OUTPUT_MARGIN * np.ptp(trained, axis=0)
    expected = np.column_stack([trained.min(axis=0) - margin, trained.max(axis=0) + margin])
    np.testing.assert_allclose(bounds(model), expected, rtol=1e-6, atol=1e-6 * np.ptp(trained))
    np.testing.assert_array_equal(model.predict(X).reshape(60, m), trained)
    assert not model.predict_flagged(X)[1].any()


@settings(max_examples=25)
@given(st.integers(0, 10_000), st.integers(1, 2), st.integers(1, 2), st.booleans())
def test_held_predictions(seed: int, depth: int, m: int, classes: bool) -> None:
    """They never leave the range, are flagged where that changed them, and are as they were everywhere else."""
    rng = np.random.default_rng(seed)
    X = together(40, seed) * rng.uniform(0.1, 50) + 0.05 * rng.normal(size=(40, 2))
    Y = np.column_stack([np.sin(3 * X[:, 0]) + X[:, 1] + 0.2 * rng.normal(size=40)] * m)
    if classes:
        m, Y = 1, (Y[:, 0] > np.median(Y[:, 0])).astype(float)
    model = fit_cell(X, Y, 2, 3, 2, depth, options=OPTIONS, task="classification" if classes else "regression")
    model = replace(model, task="regression")  # of classes, log-odds
    new = rng.uniform(X.min(), X.max(), (200, 2))
    values, outside = (a.reshape(200, -1) for a in model.predict_flagged(new))
    free, inputs_outside = (a.reshape(200, -1) for a in unheld(model).predict_flagged(new))
    low, high = bounds(model).T
    slack = 1e-9 * (high - low) + 1e-12
    assert ((low - slack <= values) & (values <= high + slack)).all()
    changed = (np.abs(values - free) > 1e-8 * (np.abs(free) + high - low)).any(axis=1, keepdims=True)
    np.testing.assert_array_equal(outside, inputs_outside | changed)
    np.testing.assert_allclose(values, np.clip(free, low, high), rtol=1e-12, atol=1e-12)


def wild_rows(X: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.uniform(2 * X.min(axis=0) - X.max(axis=0), 2 * X.max(axis=0) - X.min(axis=0), (300, X.shape[1]))


@pytest.mark.parametrize(("depth", "m", "task"), [(1, 1, "regression"), (2, 1, "regression"), (1, 2, "regression"),
                                                  (1, 1, "classification"), (2, 1, "classification")])  # fmt: skip
def test_every_form_of_a_network_holds_its_outputs_alike(depth: int, m: int, task: str) -> None:
    X = together(60)
    rng = np.random.default_rng(5)
    Y = np.column_stack([(j + 1) * np.sin(3 * X[:, 0]) + rng.normal(size=60) for j in range(m)])
    if task == "classification":
        Y = (Y > 0).astype(float)
    model = fit_cell(X, Y, 2, 3, 3, depth, options=OPTIONS, task=task)  # type: ignore[arg-type]
    narrow = model.output_range.mean(axis=1, keepdims=True) + 0.05 * np.array([-1.0, 1.0]) * np.ptp(model.output_range)
    model = replace(model, output_range=narrow)  # so that many rows are held
    new = wild_rows(X)
    expected, flags = model.predict_flagged(new)
    assert (np.abs(expected - unheld(model).predict(new)) > 1e-3).any()
    np.testing.assert_allclose(model.to_pykan().predict(new), expected, atol=1e-8 * np.abs(expected).max())
    for again in (FittedKan.from_arrays(model.arrays()), FittedKan.from_pykan(model.to_pykan())):
        np.testing.assert_array_equal(again.output_range, model.output_range)
        np.testing.assert_allclose(again.predict(new), expected, atol=1e-10 * np.abs(expected).max())
        np.testing.assert_array_equal(again.predict_flagged(new)[1], flags)
    if m == 1:
        found, held = evaluate(model_document(model), new)
        np.testing.assert_allclose(found, expected, rtol=1e-8)
        np.testing.assert_array_equal(held, flags)


def test_log_odds_are_held_and_probabilities_with_them() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2))
    model = fit_cell(X, (X[:, 0] * X[:, 1] > 0).astype(float), 3, 4, 3, options=OPTIONS, task="classification")
    (low, high) = model.output_range[0]
    trained = logit(model.predict(X))
    assert (high - low) / np.ptp(trained) == pytest.approx(1 + 2 * OUTPUT_MARGIN, rel=1e-6)
    p = replace(model, output_range=np.array([[-0.5, 0.5]])).predict(wild_rows(X))
    assert 1 / (1 + np.exp(0.5)) - 1e-12 <= p.min() < p.max() <= 1 / (1 + np.exp(-0.5)) + 1e-12


def test_a_document_without_the_range_predicts_as_it_did() -> None:
    model = cancelling(together(50))
    content = model_document(model)
    del content["output_range"]
    values, outside = evaluate(content, np.array([[1.0, -1.0]]))
    np.testing.assert_allclose(values, [200.0])
    assert not outside.any()


def test_what_was_never_held_is_written_without_a_range() -> None:
    stock = KANWrapper((2, 2, 1), 3, 3, seed=1)
    assert "output_range" not in model_document(stock.to_fitted())
    X = together(40)
    stock.set_scaling(X, X[:, 0])
    before = stock.predict(X)
    stock.hold_ranges(X)
    np.testing.assert_array_equal(stock.predict(X), before)
    low, high = stock.output_range.numpy()[0] * stock.y_scale.item() + stock.y_offset.item()
    assert (high - low) / np.ptp(before) == pytest.approx(1 + 2 * OUTPUT_MARGIN, rel=1e-5)
    assert model_document(stock.to_fitted())["output_range"] == stock.output_range.tolist()


def test_a_network_that_is_changed_keeps_a_range_that_fits_it() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (80, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1] + 0.1 * rng.normal(size=80)
    model = fit_cell(X, y, 2, 3, 2, options=OPTIONS)
    wide = widened(model, [0, 2], 4)
    np.testing.assert_array_equal(wide.output_range, model.output_range)
    moved = continued(model, X, 100 + 7 * y, 1000.0)
    trained = unheld(moved).predict(X)
    low, high = bounds(moved)[0]
    assert (high - low) / np.ptp(trained) == pytest.approx(1 + 2 * OUTPUT_MARGIN, rel=1e-6)
    assert low < trained.min() < trained.max() < high
    narrow = replace(model, output_range=np.zeros((1, 2)))
    assert held_misfit(narrow, X, y, []) == pytest.approx(np.sum((y - y.mean()) ** 2))


def test_a_range_of_another_network_is_refused() -> None:
    with pytest.raises(FitError, match="range of the outputs"):
        replace(cancelling(together(50)), output_range=np.zeros((2, 2)))
