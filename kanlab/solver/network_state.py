"""A state of a problem as the layers of a network, and a fitted network as a state of the problem it is a solution of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kanlab.kan.bspline import HIDDEN_MARGIN, HiddenKnots, held_range, safe_range
from kanlab.kan.network import FittedKan, KanLayer
from kanlab.solver.first_layer import FirstLayer, first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.problem import Problem
from kanlab.solver.stack import State

Array = NDArray[np.float64]


def layers_of(design: FirstLayer, state: State) -> tuple[KanLayer, ...]:
    """The layers of edges of a state."""
    layers = [KanLayer(design.knots, *design.edges(state.weights[0]))]
    for nodes, edges in zip(state.nodes, (*(W.T for W in state.weights[1:]), state.last.D), strict=True):
        by_node = edges.reshape(len(nodes.Z), -1, edges.shape[1])
        knots = nodes.low[:, None] + nodes.width[:, None] * nodes.knots.knots
        layers.append(KanLayer(knots, by_node[:, :-1].transpose(0, 2, 1).copy(), by_node[:, -1].copy()))
    return tuple(layers)


def hidden_ranges(state: State) -> tuple[Array, ...]:
    """The ranges (h, 2) that the nodes of each hidden layer are held to."""
    return tuple(held_range(nodes.Z.min(axis=1), nodes.Z.max(axis=1), HIDDEN_MARGIN) for nodes in state.nodes)


def weights_of(
    layers: Sequence[KanLayer], design: FirstLayer, x: Array
) -> tuple[list[Array], list[HiddenKnots], Array]:
    """Weights (W_0, ..., W_{L-1}), hidden knots and D of layers over inputs x (d, n), scaled, of which the design is."""
    Z, weights, knots = layers[0].evaluate(x), [], []
    weights.append(Z @ np.concatenate(design.basis, axis=1).T)
    for layer in layers[1:]:
        low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
        knots.append(HiddenKnots((layer.knots - low[:, None]) / width[:, None], layer.k))
        by_node = np.concatenate([layer.coef, layer.scale_base[:, :, None]], axis=2)
        weights.append(by_node.transpose(1, 0, 2).reshape(by_node.shape[1], -1))
        Z = layer.evaluate(Z)
    return weights[:-1], knots, weights[-1].T


def restored(
    fitted: FittedKan, X: ArrayLike, Y: Array, smoothing: float, level: float
) -> tuple[Problem, State | None, Array]:
    """A network of equally wide hidden layers at rows X (n, d), in their order, for targets Y (m, n), scaled.

    The problem, its state at a penalty level, None where that is not finite, and the network's own D, (p, m).
    """
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    design = first_layer(x, fitted.spec.grid, fitted.spec.k)
    weights, knots, D = weights_of(fitted.layers, design, x)
    problem = Problem(design, Y, len(weights[0]), smoothing, NUMPY, depth=len(weights))
    return problem, problem.state(weights, level, knots), D
