"""A network without single edges: it is the minimum among the networks that have the others, and edges that do nothing go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from kanlab.kan.multiplication import factors
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import effective_count
from kanlab.solver.edge_elimination import (
    _Contributions,
    _refitted,
    edges_left,
    edges_there,
    thinned,
    without_edges,
)
from kanlab.solver.feature_elimination import widened
from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.network_state import restored
from kanlab.solver.refit import continued
from kanlab.solver.smoother import effective_dof, linear_smoother, linearised
from kanlab.solver.sparse_first_layer import sparse_first_layer
from kanlab.solver.stack import Nodes
from kanlab.stats.criteria import aicc, subset_charge
from kanlab.stats.likelihood import MULTICLASS, one_hot
from tests.helpers.cells import gradient_is_the_difference_quotient

SMOOTHING = 1000.0


def table(n: int = 200, seed: int = 0, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """x0 and x1 meet in a product, x2 is beside them, x3 does nothing."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 4))
    return X, X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + noise * rng.normal(size=n)


@pytest.fixture(scope="module")
def full() -> FittedKan:
    X, y = table()
    return fit_cell(X, y, neuron_num=3, grid=2, k=3)


def products(n: int = 200, seed: int = 0, noise: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """x0 and x1 are multiplied, x2 is beside them, x3 and x4 do nothing."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, 5))
    return X, X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + noise * rng.normal(size=n)


@pytest.fixture(scope="module")
def multiplying() -> FittedKan:
    """A node that adds and one that multiplies: three sums of edges."""
    return fit_cell(*products(), 2, 2, 3, multiplication=1)


def by_spent(n: int, edges: int, neurons: int) -> Callable[[float, float, int], float]:
    def criterion(misfit: float, edf: float, left: int) -> float:
        spent = effective_count(edf, left / neurons, neurons, count_sigma2=True)
        return aicc(misfit, n, spent) + subset_charge(edges, left)

    return criterion


def test_edges_that_do_nothing_go_and_the_rest_predicts_better() -> None:
    (X, y), (new, truth) = table(noise=0.4), table(1000, seed=1, noise=0.0)
    full = fit_cell(X, y, 3, 2, 3)
    found = thinned(full, X, y, SMOOTHING, by_spent(len(X), 12, 3))
    assert found is not None
    present = found.network.layers[0].present
    assert present[3].sum() == 0
    assert present[:3].any(axis=1).all()
    assert present.any(axis=0).all()  # every node keeps an edge
    assert edges_left(found.network) == 12 - sum(found.rounds)
    assert found.network.edf is not None
    assert full.edf is not None
    assert found.network.edf < full.edf
    assert np.mean((found.network.predict(new) - truth) ** 2) <= np.mean((full.predict(new) - truth) ** 2)

    again = without_edges(full, X, y, found.rounds, SMOOTHING)  # which is how folds do it
    np.testing.assert_array_equal(again.layers[0].coef, found.network.layers[0].coef)
    assert again.rss_train == found.network.rss_train


def test_where_all_edges_count_none_go() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (150, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.05 * rng.normal(size=150)
    assert thinned(fit_cell(X, y, 1, 3, 3), X, y, SMOOTHING, by_spent(150, 2, 1)) is None


def test_its_rss_is_that_of_its_own_predictions_and_its_edf_that_of_the_smoother(full: FittedKan) -> None:
    X, y = table()
    kept = np.ones((4, 3), dtype=bool)
    kept[3] = kept[0, 1] = kept[2, 0] = False
    found = _refitted(full, X, y, kept, SMOOTHING)
    assert found is not None
    np.testing.assert_array_equal(found.layers[0].present, kept)
    assert found.rss_train == pytest.approx(np.sum((found.predict(X) - y) ** 2), rel=1e-8)
    assert found.edf == pytest.approx(effective_dof(found, X, y), rel=0.02)
    assert found.rss_train >= full.rss_train * (1 - 1e-3)  # fewer functions
    far = np.where(np.arange(4) == 3, 1e6, X[:5])  # of an input that does nothing any value will do
    np.testing.assert_array_equal(found.predict_flagged(far)[0], found.predict(X[:5]))
    assert not found.predict_flagged(far)[1].any()


def test_one_node_is_the_network_of_the_other_features() -> None:
    """With one node an edge is a feature, so what is left is a minimum of the network that never had it."""
    X, y = table(seed=3)
    alone = fit_cell(X[:, :3], y, 1, 3, 3)
    kept = np.array([[True], [True], [True], [False]])
    found = _refitted(widened(alone, (0, 1, 2), 4), X, y, kept, SMOOTHING)
    assert found is not None
    assert found.rss_train == pytest.approx(alone.rss_train, rel=1e-2)  # silu and splines share the penalty otherwise
    assert found.edf == pytest.approx(alone.edf, rel=5e-2)
    np.testing.assert_allclose(found.predict(X), alone.predict(X[:, :3]), atol=0.05)


def test_derivatives_of_what_is_left(full: FittedKan) -> None:
    """J of the smoother against differences of the outputs along steps among the nodes that are left."""
    X, y = table()
    kept = np.ones((4, 3), dtype=bool)
    kept[1, 2] = kept[3, 0] = False
    found = _refitted(full, X, y, kept, SMOOTHING)
    assert found is not None
    back = restored(found, X, ((y - found.y_offset[0]) / found.y_scale[0])[None], SMOOTHING)
    assert back.problem.design.projectors is not None
    state, rng = back.as_it_is(), np.random.default_rng(0)
    step = rng.normal(size=state.weights[0].shape)
    step = np.einsum("jr,jrs->js", step, back.problem.design.projectors) * 1e-5
    extremes = back.problem.stack.extreme_tangents(state)
    block = back.problem.stack.blocks[0]
    J = back.problem.stack.tangents(state, back.problem.stack.view(state, block, 1), 0, extremes)
    expected = J.T @ step.ravel()

    def outputs(sign: float) -> np.ndarray:
        Z = back.problem.stack.values(0, state.weights[0] + sign * step, None)
        nodes = Nodes.of(Z, state.nodes[0].knots)
        return (back.D.T @ back.problem.stack.edges(0, nodes, block)).copy()[0]

    np.testing.assert_allclose((outputs(1.0) - outputs(-1.0)) / 2, expected, atol=1e-9)
    design = sparse_first_layer(back.problem.design, kept)
    np.testing.assert_allclose(design.projectors @ design.projectors, design.projectors, atol=1e-9)


def test_an_edge_held_at_its_mean(full: FittedKan) -> None:
    X, y = table()
    does = _Contributions(full, X, y)
    assert does.misfit([]) == pytest.approx(full.rss_train, rel=1e-9)
    first = full.layers[0]
    x = ((X - full.x_offset) / full.x_scale).T
    mean = first.edges(x)[2, 1].mean()
    coef, base = first.coef.copy(), first.scale_base.copy()
    coef[2, 1], base[2, 1] = mean, 0.0  # splines sum to 1
    held = replace(full, layers=(replace(first, coef=coef, scale_base=base), *full.layers[1:]))
    assert does.misfit([(2, 1)]) == pytest.approx(np.sum((held.predict(X) - y) ** 2), rel=1e-6)


@pytest.mark.parametrize("task", ["classification", "multiclass", "counts"])
def test_classes_and_counts(task: str) -> None:
    X, signal = table(300, seed=4)
    rng = np.random.default_rng(0)
    y = {
        "classification": (rng.random(300) < 1 / (1 + np.exp(-3 * signal))).astype(float),
        "multiclass": np.eye(3)[np.digitize(signal + 0.2 * rng.normal(size=300), [-0.4, 0.4])],
        "counts": rng.poisson(np.exp(signal)).astype(float),
    }[task]
    full = fit_cell(X, y, 2, 2, 2, task=task)  # type: ignore[arg-type]
    found = without_edges(full, X, y, (2,), SMOOTHING)
    assert edges_left(found) == 6
    assert found.deviance_train is not None
    assert full.deviance_train is not None
    assert found.deviance_train < full.deviance_train + 30
    # whose last layer is nearly straight: the level of its penalty was told wrong there, and edf was 12 in place of 21
    least = linear_smoother(found, X, y).leverages().sum()
    if task != "multiclass":
        assert least == pytest.approx(found.edf, rel=0.03)
        return
    # of classes the leverages hold the sum of the outputs back, no part of the probabilities; they are most without
    J, R, state, likelihood, _ = linearised(found, X, y)
    L = likelihood.roots(state.last.outputs, 0.0).transpose(2, 1, 0)
    rows = np.einsum("nor,nop->nrp", L, J).reshape(-1, J.shape[2])
    most = np.trace(np.linalg.pinv(rows.T @ rows + R.T @ R) @ rows.T @ rows)
    assert least < found.edf < most < 1.07 * least


def test_edges_into_the_factors_of_a_product_go_and_the_rest_predicts_better(multiplying: FittedKan) -> None:
    (X, y), (new, truth) = products(), products(1000, seed=1, noise=0.0)
    found = thinned(multiplying, X, y, SMOOTHING, by_spent(len(X), 15, 3))
    assert found is not None
    there = edges_there(found.network)
    assert not there[3:].any()
    assert there[:3].any(axis=1).all()
    assert there.any(axis=0).all()  # every factor keeps an edge
    assert edges_left(found.network) == 15 - sum(found.rounds)
    assert found.network.spec.multiplication == 1
    assert found.network.edf is not None
    assert multiplying.edf is not None
    assert found.network.edf < multiplying.edf
    assert np.mean((found.network.predict(new) - truth) ** 2) < np.mean((multiplying.predict(new) - truth) ** 2)
    again = without_edges(multiplying, X, y, found.rounds, SMOOTHING)
    np.testing.assert_array_equal(again.layers[0].coef, found.network.layers[0].coef)


def test_a_network_without_edges_into_factors_is_its_own_minimum(multiplying: FittedKan) -> None:
    """Its misfit is that of its predictions, its edf the trace of its smoother; followed to its minimum it stays there."""
    X, y = products()
    kept = np.ones((5, 3), dtype=bool)
    kept[3:] = kept[2, :2] = kept[1, 0] = kept[0, 1] = False
    found = _refitted(multiplying, X, y, kept, SMOOTHING)
    assert found is not None
    np.testing.assert_array_equal(edges_there(found), kept)
    np.testing.assert_array_equal(edges_there(FittedKan.from_arrays(found.arrays())), kept)
    assert found.rss_train == pytest.approx(np.sum((found.predict(X) - y) ** 2), rel=1e-8)
    assert found.edf == pytest.approx(effective_dof(found, X, y), rel=0.02)
    followed = continued(found, X, y, SMOOTHING)
    np.testing.assert_array_equal(edges_there(followed), kept)
    np.testing.assert_allclose(continued(followed, X, y, SMOOTHING).predict(X), followed.predict(X), atol=5e-3)
    far = np.where(np.arange(5) > 2, 1e6, X[:5])
    np.testing.assert_array_equal(found.predict_flagged(far)[0], found.predict(X[:5]))


def test_an_edge_into_a_factor_held_at_its_mean(multiplying: FittedKan) -> None:
    """Against the network written down by hand: sums of edges, the product of two of them, and a curve of the third."""
    X, y = products()
    does = _Contributions(multiplying, X, y)
    assert does.misfit([]) == pytest.approx(multiplying.rss_train, rel=1e-9)
    of = factors(*multiplying.layers, 1)
    moves = of.first.edges(((X - multiplying.x_offset) / multiplying.x_scale).T)
    z = moves.sum(axis=0)
    z[0] -= moves[1, 0] - moves[1, 0].mean()
    outputs = of.s[0, 0] * z[0] * z[1] + multiplying.layers[1].edges(z)[2, 0] + of.constant[0]
    predicted = outputs * multiplying.y_scale[0] + multiplying.y_offset[0]
    assert does.misfit([(1, 0)]) == pytest.approx(np.sum((predicted - y) ** 2), rel=1e-6)


@pytest.mark.parametrize("task", ["regression", "classification", "counts", MULTICLASS])
def test_gradient_of_a_product_without_some_edges_is_the_difference_quotient(task: str) -> None:
    X, f = products(80)
    targets = {
        "regression": f, "classification": (f > 0).astype(float), "counts": np.floor(np.exp(f / 2)),
        MULTICLASS: one_hot(np.digitize(f, [-0.5, 0.7]), 3),
    }  # fmt: skip
    y, few = targets[task], LmOptions(max_iterations=2, starts=1)
    full = fit_cell(X, y, 2, 2, 2, multiplication=1, task=task, options=few)  # type: ignore[arg-type]
    network = without_edges(full, X, y, (4,), SMOOTHING)
    scaled = (y - network.y_offset[0]) / network.y_scale[0] if task == "regression" else y
    found = restored(network, X, scaled.reshape(len(y), -1).T, SMOOTHING)
    assert found.problem.design.projectors is not None
    state = found.at_minimum(1.0)
    assert state is not None
    gradient_is_the_difference_quotient(found.problem, state, 0, atol=1e-5)
