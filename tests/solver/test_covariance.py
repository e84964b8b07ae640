"""The covariance of a network's coefficients: predictions and derivatives against the network itself, moved by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.kan.edges import curves_of
from kanlab.kan.network import FittedKan
from kanlab.solver.covariance import NetworkCovariance, narrowed, network_covariance, overdispersion
from kanlab.solver.feature_elimination import widened
from kanlab.solver.fit import fit_cell
from kanlab.solver.network_state import layers_of
from kanlab.solver.stack import State
from kanlab.stats.likelihood import MULTICLASS, one_hot


def rows(n: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 2))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] ** 2


def fitted(task: str, depth: int = 1, h: int = 2) -> tuple[FittedKan, np.ndarray, np.ndarray]:
    X, f = rows()
    rng = np.random.default_rng(1)
    multiplication, task = int(task == "products"), "regression" if task == "products" else task
    y = {
        "regression": f + 0.2 * rng.normal(size=len(f)),
        "counts": rng.poisson(np.exp(f)).astype(float),
        "classification": (rng.random(len(f)) < 1 / (1 + np.exp(-2 * f))).astype(float),
        MULTICLASS: one_hot(np.digitize(f, [0.0, 0.7]), 3),
    }[task]
    return fit_cell(X, y, h, 3, 3, depth, task=task, multiplication=multiplication), X, y  # type: ignore[arg-type]


@pytest.fixture(
    scope="module",
    params=[("regression", 1), ("regression", 2), ("counts", 1), (MULTICLASS, 1), ("products", 1)],
    ids=str,
)
def case(request: pytest.FixtureRequest) -> tuple[FittedKan, NetworkCovariance, np.ndarray]:
    network, X, y = fitted(*request.param)
    found = network_covariance(network, X, y)
    assert found is not None
    return network, found, X


def moved(found: NetworkCovariance, step: np.ndarray) -> State:
    """The state of a network after a step in all its coefficients, its nodes' extremes moving with them."""
    problem, state = found.found.problem, found.found.state
    size = problem.stack.ends(state)[-1]
    D = state.last.D + step[size:].reshape(state.last.D.shape[1], -1).T
    weights, nodes = problem.stack.moved(state, step[:size]), []
    for layer, (W, old) in enumerate(zip(weights, state.nodes, strict=True)):
        Z = problem.stack.values(layer, W, nodes[-1] if nodes else None)
        nodes.append(type(old).of(Z, old.knots))
    outputs = D.T @ problem.stack.edges(problem.depth - 1, nodes[-1], problem.stack.blocks[0])
    last = problem.likelihood.layer(D, outputs, np.empty((0, 0)), np.nan)
    return State(tuple(weights), tuple(nodes), 0.0, last, np.nan)


def test_forward_is_the_network(case: tuple[FittedKan, NetworkCovariance, np.ndarray]) -> None:
    network, found, X = case
    for at in (X, 1.5 * X):  # beyond the training rows as well
        predicted = found.mean(found.forward(at).outputs)
        np.testing.assert_allclose(predicted, network.predict(at), rtol=1e-7, atol=1e-8)


def test_back_propagation_is_the_jacobian_of_the_smoother(
    case: tuple[FittedKan, NetworkCovariance, np.ndarray],
) -> None:
    _, found, X = case
    at = found.forward(X)
    values = np.random.default_rng(0).normal(size=at.outputs.shape)
    expected = np.einsum("on,nop->p", values, found.found.J)
    np.testing.assert_allclose(found.pulled_back(at, values), expected, atol=1e-9 * np.abs(expected).max())


def test_derivatives_of_edges_are_differences(case: tuple[FittedKan, NetworkCovariance, np.ndarray]) -> None:
    """Edges of networks whose coefficients are moved a little, drawn as the held gauge says."""
    network, found, X = case
    if network.task == MULTICLASS:
        return  # layers_of gives the outputs of a fit, which are mixed into log-odds later: covered by back-propagation
    design, direction = found.found.problem.design, np.random.default_rng(2).normal(size=found.found.J.shape[2])
    direction *= 1e-3 / np.abs(found.found.J @ direction).max()
    curves, at_fit = curves_of(network, X), found.found.state

    def drawn(state: State, layer: int, source: int, target: int, z: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        """The edge at places that are held among the knots, over the width of the node it enters."""
        if (
            layer and source < 2 * network.spec.multiplication
        ):  # a line over the product, whose factors' ranges are held
            width = [np.prod(of.nodes[0].width[:2]) for of in (state, at_fit)]
            return np.asarray(state.last.D[0, target] * (z - inputs.mean()) * width[0] / width[1])
        if layer:
            old, new = at_fit.nodes[layer - 1], state.nodes[layer - 1]
            z, inputs = (
                new.low[source] + new.width[source] * (v - old.low[source]) / old.width[source] for v in (z, inputs)
            )
        of = layers_of(design, state)[layer]
        width = len(of.knots)
        values = [of.edges(np.tile(v, (width, 1)))[source, target] for v in (z, inputs)]
        stretch = 1.0 if layer == found.depth else at_fit.nodes[layer].width[target] / state.nodes[layer].width[target]
        return np.asarray((values[0] - values[1].mean()) * stretch)

    for edge in curves.edges:
        first = edge.layer == 0
        scaled = (
            (v - network.x_offset[edge.source]) / network.x_scale[edge.source] if first else v
            for v in (edge.x, edge.rows)
        )
        z, inputs = scaled
        which = edge.layer, edge.source, edge.target
        up, down = (drawn(moved(found, s * direction), *which, z, inputs) for s in (1.0, -1.0))
        expected = (up - down) / 2
        close = found.edge(*which, z, inputs) @ direction
        np.testing.assert_allclose(close, expected, atol=2e-4 * np.abs(expected).max() + 1e-12, err_msg=str(which))


def test_a_network_without_some_features_is_that_of_the_others() -> None:
    network, X, y = fitted("regression")
    more = np.column_stack([X[:, :1], np.random.default_rng(3).normal(size=len(X)), X[:, 1:]])
    wide = widened(network, (0, 2), 3)
    one, other = network_covariance(network, X, y), network_covariance(wide, more, y)
    assert one is not None
    assert other is not None
    assert other.columns == (0, 2)
    np.testing.assert_array_equal(narrowed(wide, (0, 2)).layers[0].coef, network.layers[0].coef)
    values = np.ones((1, len(X)))
    ends = [c.sd(c.pulled_back(c.forward(x), values)[None]) for c, x in ((one, X), (other, more))]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-9)


def test_there_is_none_where_it_would_mean_nothing() -> None:
    network, X, y = fitted("regression")
    assert network_covariance(replace(network, engine="pykan-lbfgs"), X, y) is None
    assert network_covariance(network, np.tile(X, (20_000, 1)), np.tile(y, 20_000)) is None


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 20.0))
def test_poisson_counts_are_not_overdispersed_for_sure(seed: int, mu: float) -> None:
    y = np.random.default_rng(seed).poisson(mu, 200).astype(float)
    assert 1.0 <= overdispersion(np.full(200, mu), y, 1.0) < 2.0
    assert overdispersion(np.full(200, mu), 4.0 * y, 1.0) > 1.0
