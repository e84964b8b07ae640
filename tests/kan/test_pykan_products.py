"""Networks with multiplication nodes that stock pykan has trained, read as they are or refused in a sentence."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import kan
import numpy as np
import pytest
import torch

from kanlab.errors import FitError
from kanlab.kan.parameter_count import RULES, n_params
from kanlab.kan.pykan_network import KANWrapper

Widths = Sequence[int | Sequence[int]]
X = np.random.default_rng(0).uniform(-1, 1, (60, 2))


def trained(width: Widths, grid: int = 3, k: int = 3, steps: int = 6, **options: Any) -> kan.KAN:
    """A network of pykan's own, trained for a few steps on x1 x2."""
    rows, target = torch.tensor(X), torch.tensor(X[:, :1] * X[:, 1:])
    data = {"train_input": rows, "train_label": target, "test_input": rows, "test_label": target}
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        model = kan.KAN(width=list(width), grid=grid, k=k, seed=1, auto_save=False, **options).double()
        if steps:
            model.fit(data, opt="LBFGS", steps=steps, log=steps)
    return model


@pytest.mark.parametrize(
    ("width", "grid", "k"),
    [([2, [1, 1], 1], 3, 3), ([2, [0, 2], 2, 1], 2, 2), ([2, [2, 1], [1, 1], 1], 4, 3), ([2, [0, 1]], 1, 2)],
    ids=str,
)
def test_products_of_pykan_are_read_as_they_are(width: Widths, grid: int, k: int) -> None:
    """The same predictions as stock pykan's within the rows, and as the wrapper's, which holds them, anywhere."""
    targets = 1 if width[-1] == 1 else None
    model = trained(width, grid, k, steps=6 if targets else 0)
    wrapper = KANWrapper.from_pykan(model)
    with torch.no_grad():
        expected = model(torch.tensor(X)).numpy()[:, 0]
    np.testing.assert_allclose(wrapper.predict(X), expected, rtol=1e-9, atol=1e-9)
    wrapper.hold_ranges(X)
    fitted = wrapper.to_fitted()
    np.testing.assert_allclose(fitted.predict(X), expected, rtol=1e-9, atol=1e-9)
    anywhere = np.random.default_rng(1).uniform(-3, 3, (200, 2))
    np.testing.assert_allclose(fitted.predict(anywhere), wrapper.predict(anywhere), rtol=1e-9, atol=1e-9)
    layers = sum(isinstance(w, Sequence) for w in width)
    assert len(fitted.layers) == len(width) - 1 + layers


def test_in_units_of_the_data_and_back_in_arrays() -> None:
    rows = X * [10.0, 0.1] + [100.0, 0.0]
    wrapper = KANWrapper((2, [1, 1], 1), 3, 3, seed=2)
    wrapper.set_scaling(rows, rows[:, 0] * rows[:, 1])
    wrapper.hold_ranges(rows)
    fitted = wrapper.to_fitted()
    np.testing.assert_allclose(fitted.predict(rows), wrapper.predict(rows), rtol=1e-5, atol=1e-5)  # float32
    np.testing.assert_array_equal(type(fitted).from_arrays(fitted.arrays()).predict(rows), fitted.predict(rows))


@pytest.mark.parametrize("rule", RULES)
def test_a_factor_is_counted_as_a_node(rule: Any) -> None:
    model = KANWrapper((3, [2, 1], 1), 4, 3)
    expected = n_params((3, 4), 4, 3, rule) + n_params((3, 1), 4, 3, rule) - (rule == "identifiable")
    assert model.n_params(rule) == expected
    assert model.n_params(rule, count_sigma2=True) == expected + 1


def test_a_checkpoint_of_pykan(tmp_path: Path) -> None:
    model = trained([2, [1, 1], 1])
    model.saveckpt(str(tmp_path / "model"))
    with contextlib.redirect_stdout(io.StringIO()):
        back = kan.KAN.loadckpt(str(tmp_path / "model"))
    wrapper = KANWrapper.from_pykan(back)
    wrapper.hold_ranges(X)
    with torch.no_grad():
        expected = model(torch.tensor(X)).numpy()[:, 0]
    np.testing.assert_allclose(wrapper.to_fitted().predict(X), expected, rtol=1e-5, atol=1e-5)  # loaded in float32


def test_what_cannot_be_read_is_refused_in_a_sentence() -> None:
    def read(width: Widths, **options: Any) -> None:
        wrapper = KANWrapper.from_pykan(trained(width, steps=0, **options))
        wrapper.hold_ranges(X)
        wrapper.to_fitted()

    for options, sentence in (
        ({"k": 1}, "squares, which splines are from k = 2 on"),
        ({"mult_arity": 3}, "of other than two factors"),
        ({"mult_arity": [[], [3], []]}, "of other than two factors"),
        ({"base_fun": "identity"}, "another base function than silu"),
    ):
        with pytest.raises(FitError, match=sentence):
            read([2, [1, 1], 1], **options)  # type: ignore[arg-type]
    with pytest.raises(FitError, match="no known range"):
        KANWrapper((2, 2, [1, 1], 1), 3, 3).to_fitted()
    model = trained([2, [1, 1], 1], steps=0)
    with contextlib.redirect_stdout(io.StringIO()):
        model.fix_symbolic(0, 0, 0, "x", fit_params_bool=False)
    with pytest.raises(FitError, match="symbolic edges"):
        KANWrapper.from_pykan(model)
    moved = KANWrapper((2, [1, 1], 1), 3, 3)
    moved.node_bias[0].data += 1.0
    with pytest.raises(FitError, match="affine node parameters"):
        moved.to_fitted()
