"""Edges as curves: they add up to the network, their scores are pykan's, and few values make a line."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.api import fit
from kanlab.data.dataset import Dataset
from kanlab.kan.edges import Curves, curves_of, edge_scores
from kanlab.kan.network import FittedKan


@pytest.fixture(scope="module")
def data() -> Dataset:
    import pandas as pd

    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.uniform(-3, 3, (150, 3)), columns=["a", "b", "c"])
    frame["level"] = rng.integers(0, 2, 150)
    frame["y"] = 100 + 10 * np.sin(frame["a"]) * frame["b"] + 5 * frame["level"] + 0.1 * rng.normal(size=150)
    return Dataset.from_frame(frame, "y")


@pytest.fixture(scope="module")
def network(data: Dataset) -> FittedKan:
    return fit(data, 3, 4, 3)


@pytest.fixture(scope="module")
def curves(data: Dataset, network: FittedKan) -> Curves:
    return curves_of(network, data.X_train)


def test_the_last_layer_adds_up_to_the_prediction(data: Dataset, network: FittedKan, curves: Curves) -> None:
    """In units of the target: mean and deviation of every edge."""
    total = sum(e.values + e.mean for e in curves.layer(1)) + network.y_offset[0]
    np.testing.assert_allclose(total, network.predict(data.X_train), rtol=1e-9)


def test_the_first_layer_is_in_units_of_the_data(data: Dataset, curves: Curves) -> None:
    for edge in curves.layer(0):
        np.testing.assert_allclose(edge.rows, data.X_train[:, edge.source], atol=1e-9)
        assert (edge.x[0], edge.x[-1]) == pytest.approx((edge.rows.min(), edge.rows.max()))
        assert edge.values.mean() == pytest.approx(0, abs=1e-9 * np.ptp(edge.y))
        if edge.source != 3:
            np.testing.assert_allclose(np.interp(edge.rows, edge.x, edge.y), edge.values, atol=0.01 * np.ptp(edge.y))


def test_a_feature_of_two_values_is_a_line(curves: Curves) -> None:
    for edge in (e for e in curves.layer(0) if e.source == 3):
        assert np.diff(edge.y, 2) == pytest.approx(np.zeros(len(edge.y) - 2), abs=1e-9 * (1 + np.ptp(edge.y)))
        np.testing.assert_allclose(np.interp(edge.rows, edge.x, edge.y), edge.values, atol=1e-9 * (1 + np.ptp(edge.y)))


def test_shares(curves: Curves) -> None:
    for layer in range(2):
        assert sum(e.share for e in curves.layer(layer)) == pytest.approx(1)
    assert curves.inputs.sum() == pytest.approx(1)
    assert curves.inputs[2] == min(curves.inputs)


def test_scores_are_those_of_pykan(data: Dataset, network: FittedKan) -> None:
    """KAN.attribute() of the same network on the same rows, up to how it takes a standard deviation (n - 1)."""
    torch = pytest.importorskip("torch")
    model = network.to_pykan()
    x = (data.X_train - network.x_offset) / network.x_scale
    model(torch.tensor(x))
    model.attribute()
    expected = [s.detach().numpy().T for s in model.edge_scores]
    found = _scores(network, data.X_train)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours / ours.sum(), theirs / theirs.sum(), rtol=0.02, atol=1e-4)


def _scores(network: FittedKan, X: np.ndarray) -> list[np.ndarray]:
    found = curves_of(network, X)
    outputs = []
    for layer, (n_in, n_out) in enumerate(
        zip(network.spec.layer_widths[:-1], network.spec.layer_widths[1:], strict=True)
    ):
        rows = np.array([e.values for e in found.layer(layer)])
        outputs.append(rows.reshape(n_in, n_out, -1))
    return edge_scores(outputs)
