"""The counting rules against hand counts, and against the networks themselves."""

from __future__ import annotations

import itertools
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from kanlab.kan.parameter_count import RULES, CountingRule, effective_count, n_params
from kanlab.kan.pykan_network import KANWrapper
from kanlab.kan.search_space import few_values
from kanlab.solver.first_layer import first_layer

widths = st.lists(st.integers(1, 8), min_size=2, max_size=5)
grids = st.integers(1, 12)
orders = st.integers(1, 4)

# (2, 5, 1), G = 3, k = 3: 15 edges; 6 coefficients an edge, 8 trainable numbers an edge
BY_HAND = {
    "coefficients": 15 * 6,
    "trainable": 15 * 8,
    "article": 15 * 4,
    "identifiable": 5 * (2 * 7 - 1) + 1 * (5 * 7 - 4),
}


@pytest.mark.parametrize("rule", RULES)
def test_hand_counts(rule: CountingRule) -> None:
    assert n_params((2, 5, 1), 3, 3, rule) == BY_HAND[rule]
    assert n_params((2, 5, 1), 3, 3, rule, count_sigma2=True) == BY_HAND[rule] + 1


def test_the_default_rule() -> None:
    assert n_params((2, 5, 1), 3, 3) == 96
    assert set(BY_HAND) == set(RULES) == set(get_args(CountingRule))


@pytest.mark.parametrize("rule", RULES)
def test_one_edge(rule: CountingRule) -> None:
    assert n_params((1, 1), 4, 2, rule) == {"coefficients": 6, "trainable": 8, "article": 4, "identifiable": 7}[rule]


@given(widths, grids, orders)
def test_rules_are_ordered(layer_widths: list[int], grid: int, k: int) -> None:
    count = {rule: n_params(layer_widths, grid, k, rule) for rule in RULES}
    edges = sum(a * b for a, b in itertools.pairwise(layer_widths))
    assert count["coefficients"] < count["identifiable"] + edges  # one constant an edge may be redundant, no more
    assert count["identifiable"] < count["trainable"]
    assert count["trainable"] - count["coefficients"] == 2 * edges
    assert count["article"] == 4 * edges


@given(widths, grids, orders, st.sampled_from(RULES), st.data())
def test_a_wider_network_counts_more(
    layer_widths: list[int], grid: int, k: int, rule: CountingRule, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(layer_widths) - 1))
    wider = [w + (i == at) for i, w in enumerate(layer_widths)]
    assert n_params(wider, grid, k, rule) > n_params(layer_widths, grid, k, rule)
    if rule == "article":
        assert n_params(layer_widths, grid + 1, k, rule) == n_params(layer_widths, grid, k, rule)
    else:
        assert n_params(layer_widths, grid + 1, k, rule) > n_params(layer_widths, grid, k, rule)
        assert n_params(layer_widths, grid + 1, k, rule) == n_params(layer_widths, grid, k + 1, rule)


@given(widths, widths, grids, orders, st.sampled_from(RULES))
def test_layers_add_up(first: list[int], second: list[int], grid: int, k: int, rule: CountingRule) -> None:
    joined = n_params([*first, *second[1:]], grid, k, rule)
    second = [first[-1], *second[1:]]
    assert joined == n_params(first, grid, k, rule) + n_params(second, grid, k, rule)


@pytest.mark.parametrize(
    ("layer_widths", "grid", "k"), [((3,), 3, 3), ((2, 0, 1), 3, 3), ((2, 3, 1), 0, 3), ((2, 3, 1), 3, -1), ((), 3, 3)]
)
def test_impossible_networks(layer_widths: tuple[int, ...], grid: int, k: int) -> None:
    with pytest.raises(ValueError, match="no network"):
        n_params(layer_widths, grid, k)


def test_unknown_rule() -> None:
    with pytest.raises(ValueError, match="identifiable, trainable, coefficients, article"):
        n_params((2, 3, 1), 3, 3, "exact")  # type: ignore[arg-type]


# ---- against pykan

CASES = [
    ((1, 1, 1), 3, 3),
    ((1, 1, 1), 2, 1),
    ((2, 3, 1), 3, 3),
    ((2, 3, 1), 5, 2),
    ((2, 3, 1), 2, 1),
    ((3, 2, 2), 3, 3),
    ((3, 2, 2), 4, 1),
    ((2, 2, 2, 1), 3, 2),
    ((2, 2, 2, 1), 2, 3),
]


def trained(model: KANWrapper) -> list[torch.nn.Parameter]:
    """What stock pykan moves in training: coefficients and scales of every layer."""
    return [p for layer in model.act_fun for p in (layer.coef, layer.scale_base, layer.scale_sp)]


@pytest.mark.parametrize(("layer_widths", "grid", "k"), CASES)
def test_trainable_is_what_pykan_trains(layer_widths: tuple[int, ...], grid: int, k: int) -> None:
    model = KANWrapper(layer_widths, grid, k)
    assert all(p.requires_grad for p in trained(model))
    assert model.n_params("trainable") == sum(p.numel() for p in trained(model))
    assert model.n_params("coefficients") == sum(layer.coef.numel() for layer in model.act_fun)


@pytest.mark.parametrize(("layer_widths", "grid", "k"), CASES)
def test_what_pykan_trains_is_what_a_training_moves(layer_widths: tuple[int, ...], grid: int, k: int) -> None:
    """Of everything that requires a gradient only `trained` ever gets one that is not 0."""
    model = KANWrapper(layer_widths, grid, k)
    X = torch.rand(200, layer_widths[0]) * 2 - 1
    model(X).square().sum().backward()
    moved = [p for p in model.parameters() if p.grad is not None and bool((p.grad != 0).any())]
    assert {id(p) for p in moved} == {id(p) for p in trained(model)}


def spread(model: KANWrapper, X: torch.Tensor) -> None:
    """Random parameters for which every hidden node covers the range of its grid exactly, and leaves it nowhere.

    Scaling the edges into a node scales the node; a constant added to the coefficients of one edge shifts it, since the
    B-splines sum to 1.
    """
    with torch.no_grad():
        for layer in model.act_fun:
            for p in (layer.coef, layer.scale_base, layer.scale_sp):
                p.copy_(torch.randn_like(p))
        for depth, layer in enumerate(model.act_fun):
            model(X)
            node = model.acts[depth + 1]
            low, high = node.min(dim=0).values, node.max(dim=0).values
            factor = 2 / (high - low)
            layer.coef *= factor[None, :, None]
            layer.scale_base *= factor[None, :]
            layer.coef[0] += (-(low + high) / 2 * factor / layer.scale_sp[0])[:, None]


def jacobian_of(model: KANWrapper, X: torch.Tensor) -> np.ndarray:
    """Derivatives of all outputs in all rows by what a training moves, (rows and outputs, parameters), scaled to length 1."""
    names = {name: p for name, p in model.named_parameters() if any(p is q for q in trained(model))}

    def outputs(parameters: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.func.functional_call(model, parameters, (X,))

    blocks = torch.func.jacfwd(outputs)({name: p.detach() for name, p in names.items()})
    jacobian = np.column_stack([b.numpy().reshape(len(X) * model.layer_widths[-1], -1) for b in blocks.values()])
    return jacobian / np.maximum(np.linalg.norm(jacobian, axis=0), 1e-300)


def assert_rank(jacobian: np.ndarray, K: int) -> None:
    singular = np.linalg.svd(jacobian, compute_uv=False)
    assert np.linalg.matrix_rank(jacobian, tol=1e-9 * singular[0]) == K
    assert singular[K - 1] > 1e3 * singular[K:].max(initial=0)  # a gap, not a matter of the tolerance


@pytest.mark.parametrize(("layer_widths", "grid", "k"), CASES)
def test_identifiable_is_the_rank_of_the_jacobian(layer_widths: tuple[int, ...], grid: int, k: int) -> None:
    torch.manual_seed(20)
    model = KANWrapper(layer_widths, grid, k, symbolic_enabled=False).double()
    X = torch.rand(1000, layer_widths[0], dtype=torch.float64) * 2 - 1
    X[:2] = torch.tensor([[-1.0], [1.0]])
    spread(model, X)
    jacobian = jacobian_of(model, X)
    assert jacobian.shape[1] == model.n_params("trainable")
    assert_rank(jacobian, model.n_params("identifiable"))


@pytest.mark.parametrize(("widths", "grid", "k"), [((3, 1, 1), 3, 3), ((3, 2, 1), 4, 2), ((3, 2, 2), 2, 1)])
def test_columns_of_few_values_carry_as_many_parameters_as_the_jacobian_has(
    widths: tuple[int, ...], grid: int, k: int
) -> None:
    """A column of 0 and 1 carries 1 a node, one of three values 2, in pykan's network and in the engine's first layer."""
    torch.manual_seed(20)
    model = KANWrapper(widths, grid, k, symbolic_enabled=False).double()
    X = torch.rand(600, 3, dtype=torch.float64) * 2 - 1
    X[:2, 0] = torch.tensor([-1.0, 1.0])
    X[:, 1] = (X[:, 1] > 0).double() * 1.6 - 0.8
    X[:, 2] = (X[:, 2] > -0.3).double() * 0.7 + (X[:, 2] > 0.4).double() * 0.9 - 0.9
    spread(model, X)
    values = few_values(X.numpy(), most=grid + k + 1)
    assert values == (grid + k + 1, 2, 3)
    assert_rank(jacobian_of(model, X), n_params(widths, grid, k, values=values))
    assert first_layer(X.numpy().T, grid, k).rank == 1 + (grid + k) + 1 + min(grid + k, 2)


def test_only_the_identifiable_count_knows_of_values() -> None:
    assert n_params((2, 3, 1), 3, 3, values=(7, 7)) == n_params((2, 3, 1), 3, 3)
    assert n_params((2, 3, 1), 3, 3, values=(6, 2)) == n_params((2, 3, 1), 3, 3) - 3 * (1 + 5)
    for rule in ("trainable", "coefficients", "article"):
        assert n_params((2, 3, 1), 3, 3, rule, values=(2, 2)) == n_params((2, 3, 1), 3, 3, rule)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="values of 1 inputs are given, and the network has 2"):
        n_params((2, 3, 1), 3, 3, values=(2,))


def test_what_a_fit_has_spent() -> None:
    """1.2 edf, sigma2, and half a parameter a feature for every node beyond the first."""
    assert effective_count(10.0, d=6, neuron_num=1) == 12.0
    assert effective_count(10.0, d=6, neuron_num=4, depth=2, count_sigma2=True) == 13.0 + 6 / 2 * 2 * 3
