"""KANWrapper: stock pykan, in units of the data, without its side effects."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kan
import numpy as np
import pytest
import torch

from kanlab.kan.multiplication import as_products
from kanlab.kan.parameter_count import RULES, n_params
from kanlab.kan.pykan_network import KANWrapper, reproducible
from kanlab.solver.fit import fit_cell

RNG = np.random.default_rng(3)
X = RNG.uniform(-3, 8, (40, 2)) * [1, 100] + [0, 1e4]
Y = np.column_stack([X[:, 0] ** 2, 7 - X[:, 1]])


def generators() -> tuple[Any, ...]:
    numpy_state = np.random.get_state()
    return torch.get_rng_state().tolist(), numpy_state[1].tolist(), numpy_state[2], random.getstate()  # type: ignore[union-attr]


@pytest.mark.parametrize(("layer_widths", "grid", "k"), [((2, 5, 1), 3, 3), ((2, 3, 2), 7, 1), ((2, 4, 3, 2), 2, 2)])
def test_predict_is_stock_pykan_on_scaled_numbers(layer_widths: tuple[int, ...], grid: int, k: int) -> None:
    model = KANWrapper(layer_widths, grid, k, seed=11)
    stock = kan.KAN(width=list(layer_widths), grid=grid, k=k, seed=11, auto_save=False)
    targets = Y[:, : layer_widths[-1]]
    model.set_scaling(X, targets)
    low, high = X.min(axis=0), X.max(axis=0)
    scaled = torch.tensor(2 * (X - low) / (high - low) - 1, dtype=torch.float32)
    expected = stock(scaled).detach().numpy() * targets.std(axis=0) + targets.mean(axis=0)
    found = model.predict(X)
    assert found.dtype == np.float64
    assert found.shape == ((40,) if layer_widths[-1] == 1 else (40, 2))
    np.testing.assert_allclose(found.reshape(40, -1), expected, rtol=1e-5, atol=1e-4 * targets.std())


def test_without_scaling_predict_is_the_network_itself() -> None:
    model = KANWrapper((2, 3, 1), 4, 3)
    inside = RNG.uniform(-1, 1, (30, 2))
    np.testing.assert_array_equal(
        model.predict(inside), model(torch.tensor(inside, dtype=torch.float32)).detach().numpy()[:, 0].astype(float)
    )


def test_scaling_fills_the_grid_and_standardises_the_targets() -> None:
    model = KANWrapper((2, 3, 2), 4, 3)
    model.set_scaling(X, Y)
    inputs, targets = model.scale_inputs(X).numpy(), model.scale_targets(Y).numpy()
    np.testing.assert_allclose([inputs.min(axis=0), inputs.max(axis=0)], [[-1, -1], [1, 1]], atol=1e-6)
    np.testing.assert_allclose(targets.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(targets.std(axis=0), 1, atol=1e-6)


@pytest.mark.parametrize(("a", "b", "c", "d"), [(1e3, 1e5, 1e-3, -50), (2.0**-7, 0, 2.0**9, 0), (-1, 3, 1, 0)])
def test_units_do_not_matter(a: float, b: float, c: float, d: float) -> None:
    """x -> a x + b and y -> c y + d change the predictions as they change y (a < 0 mirrors the inputs)."""
    model, moved = KANWrapper((2, 3, 1), 4, 3), KANWrapper((2, 3, 1), 4, 3)
    y = Y[:, 0]
    model.set_scaling(X, y)
    moved.set_scaling(a * X + b, c * y + d)
    grid = RNG.uniform(X.min(axis=0), X.max(axis=0), (25, 2))
    here = grid if a > 0 else X.min(axis=0) + X.max(axis=0) - grid
    np.testing.assert_allclose(
        moved.predict(a * here + b), c * model.predict(grid) + d, rtol=1e-4, atol=1e-4 * abs(c) * y.std()
    )


def test_inputs_beyond_the_grid_are_held_to_it() -> None:
    model = KANWrapper((2, 3, 1), 4, 3)
    model.set_scaling(X, Y[:, 0])
    low, high = X.min(axis=0), X.max(axis=0)
    edge = model.predict(np.array([low, high]))
    np.testing.assert_allclose(model.predict(np.array([low - 1e4, high + 1e9])), edge, rtol=1e-5)
    assert edge[0] != edge[1]


def test_a_constant_column_or_target_is_no_division_by_zero() -> None:
    model = KANWrapper((2, 3, 1), 4, 3)
    model.set_scaling(np.column_stack([X[:, 0], np.full(40, 5.0)]), np.full(40, 2.0))
    assert np.isfinite(model.predict(X)).all()


@pytest.mark.parametrize("rule", RULES)
def test_n_params(rule: str) -> None:
    model = KANWrapper((3, 4, 2), 5, 2)
    assert model.layer_widths == (3, 4, 2)
    assert model.n_params(rule) == n_params((3, 4, 2), 5, 2, rule)  # type: ignore[arg-type]
    assert model.n_params(rule, count_sigma2=True) == model.n_params(rule) + 1  # type: ignore[arg-type]


def make_one() -> None:
    KANWrapper((2, 3, 1), 4, 3, seed=5)


def make_and_use_one() -> None:
    model = KANWrapper((2, 3, 1), 4, 3, seed=5)
    model.set_scaling(X, Y[:, 0])
    model.predict(X)


@pytest.mark.parametrize("use", [make_one, make_and_use_one])
def test_global_generators_are_as_before(use: Callable[[], None]) -> None:
    torch.manual_seed(99)
    np.random.seed(98)
    random.seed(97)
    before = generators()
    use()
    assert generators() == before


def test_reproducible_undoes_itself_even_after_an_error() -> None:
    before, deterministic = generators(), torch.are_deterministic_algorithms_enabled()
    drawn = []
    for _ in range(2):
        with contextlib.suppress(ZeroDivisionError), reproducible(4):
            drawn.append((torch.rand(3).tolist(), np.random.rand(3).tolist(), random.random()))
            assert torch.are_deterministic_algorithms_enabled()
            raise ZeroDivisionError
    assert drawn[0] == drawn[1]
    assert generators() == before
    assert torch.are_deterministic_algorithms_enabled() == deterministic


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (KANWrapper((2, 3, 1), 4, 3, seed=s).act_fun[0].coef.detach().numpy() for s in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_the_widths_of_the_caller_are_left_alone() -> None:
    widths = [2, 3, 1]
    KANWrapper(widths, 4, 3)
    assert widths == [2, 3, 1]


def test_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make_and_use_one()
    assert list(tmp_path.iterdir()) == []


def test_scaling_travels_with_the_weights() -> None:
    model, copy = KANWrapper((2, 3, 1), 4, 3, seed=1), KANWrapper((2, 3, 1), 4, 3, seed=2)
    model.set_scaling(X, Y[:, 0])
    copy.load_state_dict(model.state_dict())
    np.testing.assert_array_equal(copy.predict(X), model.predict(X))


def test_multiplication_nodes_are_those_of_stock_pykan() -> None:
    """Factors, product and the line that leaves it in pykan's own MultKAN; and `to_pykan`, which has sums and squares."""
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (60, 2))
    network = fit_cell(x, x[:, 0] * x[:, 1] + np.sin(2 * x[:, 0]), 2, 3, 2, multiplication=1)
    (first, last), _ = as_products(network)
    stock = kan.KAN(width=[2, [1, 1], 1], grid=3, k=2, auto_save=False).double()
    sums_first, leaving = [2, 0, 1], [2, 0]  # pykan has its multiplication nodes last
    for part, knots, coef, base in (
        (stock.act_fun[0], first.knots, first.coef[:, sums_first], first.scale_base[:, sums_first]),
        (stock.act_fun[1], last.knots[leaving], last.coef[leaving], last.scale_base[leaving]),
    ):
        part.grid.data, part.coef.data = torch.tensor(knots), torch.tensor(coef)
        part.scale_base.data, part.scale_sp.data = torch.tensor(base), torch.ones_like(part.scale_sp).double()
    scaled = torch.tensor((x - network.x_offset) / network.x_scale)
    expected = stock(scaled).detach().numpy()[:, 0] * network.y_scale[0] + network.y_offset[0]
    np.testing.assert_allclose(network.predict(x), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(network.to_pykan().predict(3 * x), network.predict(3 * x), rtol=1e-9, atol=1e-9)
