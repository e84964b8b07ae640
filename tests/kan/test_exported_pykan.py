"""What stock pykan does with a network fitted here, and what comes back of one trained there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from kanlab import FittedKan, KANWrapper, LmOptions, fit_cell
from kanlab.errors import FitError
from kanlab.kan.network import FitStatus

RNG = np.random.default_rng(8)
X = RNG.uniform(-1.0, 1.0, (200, 2)) * [2.0, 30.0] + [1.0, -100.0]
Y = np.sin(1.5 * X[:, 0]) + ((X[:, 1] + 100.0) / 30.0) ** 2


@pytest.fixture
def exported() -> KANWrapper:
    return fit_cell(X, Y, 2, 4, 3, options=LmOptions(kernels="numpy")).to_pykan()


def activated(model: KANWrapper) -> KANWrapper:
    """With the activations of a forward pass, which pykan's methods read."""
    model(model.scale_inputs(X))
    return model


def test_pykan_plots_it(exported: KANWrapper, tmp_path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    activated(exported).plot(folder=str(tmp_path))
    assert len(list(tmp_path.glob("*.png"))) == 2 * 2 + 2  # one picture an edge


def test_pykan_prunes_nothing_where_nothing_is_idle_and_what_is(exported: KANWrapper) -> None:
    kept = activated(exported).prune(node_th=0.0, edge_th=0.0)
    torch.testing.assert_close(kept(exported.scale_inputs(X)), exported(exported.scale_inputs(X)))
    with torch.no_grad():  # silence the second node on its way out
        exported.act_fun[1].coef[1] = 0.0
        exported.act_fun[1].scale_base[1] = 0.0
    smaller = activated(exported).prune(node_th=1e-3, edge_th=0.0)
    assert [w[0] for w in smaller.width] == [2, 1, 1]
    torch.testing.assert_close(smaller(exported.scale_inputs(X)), exported(exported.scale_inputs(X)))


def test_pykan_names_its_functions(exported: KANWrapper) -> None:
    before = exported.predict(X)
    activated(exported).auto_symbolic(lib=["x", "x^2", "sin"], verbose=0)
    named = {exported.symbolic_fun[0].funs_name[j][i] for j in range(2) for i in range(2)}
    assert named <= {"x", "x^2", "sin", "0"}
    assert np.corrcoef(exported.predict(X), before)[0, 1] > 0.5
    with pytest.raises(FitError, match="symbolic"):
        exported.to_fitted()


def test_a_stock_network_comes_back_with_its_scales_and_masks() -> None:
    stock = KANWrapper((2, 3, 2), 4, 2, seed=5)
    stock.set_scaling(X, np.column_stack([Y, -Y]))
    with torch.no_grad():
        stock.act_fun[0].scale_sp *= 1.7
        stock.act_fun[0].mask[1, 2] = 0.0
        stock.act_fun[1].mask[0, 1] = 0.0
    back = FittedKan.from_pykan(stock)
    assert (back.spec.layer_widths, back.status) == ((2, 3, 2), FitStatus.ITERATION_LIMIT)
    np.testing.assert_allclose(back.predict(X), stock.predict(X), atol=1e-5 * np.abs(Y).max())  # stock is float32


def test_what_cannot_come_back_is_refused() -> None:
    shifted = KANWrapper((2, 2, 1), 3, 3)
    with torch.no_grad():
        shifted.node_bias[0] += 0.1
    with pytest.raises(FitError, match="affine"):
        shifted.to_fitted()
