"""A state of a problem as the layers of a network, and a fitted network as a state of the problem it is a solution of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.kan.bspline import HIDDEN_MARGIN, HiddenKnots, held_range, safe_range
from kanlab.kan.network import FittedKan, KanLayer
from kanlab.solver.first_layer import FirstLayer, first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.problem import Problem
from kanlab.solver.stack import Nodes, State


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


def restored(fitted: FittedKan, X: ArrayLike, Y: Array, smoothing: float) -> Restored:
    """A network of equally wide hidden layers at rows X (n, d), in their order, for targets Y (m, n), scaled."""
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    first, *others = fitted.layers
    design, Z = first_layer(x, fitted.spec.grid, fitted.spec.k), first.evaluate(x)
    weights, nodes = [Z @ np.concatenate(design.basis, axis=1).T], []
    for layer in others:
        low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
        nodes.append(Nodes.of(Z, HiddenKnots((layer.knots - low[:, None]) / width[:, None], layer.k)))
        by_node = np.concatenate([layer.coef, layer.scale_base[:, :, None]], axis=2)
        weights.append(by_node.transpose(1, 0, 2).reshape(by_node.shape[1], -1))
        Z = layer.evaluate(Z)
    problem = Problem(design, Y, len(weights[0]), smoothing, NUMPY, depth=len(nodes))
    return Restored(problem, weights[:-1], tuple(nodes), weights[-1].T)


@dataclass(frozen=True, eq=False)
class Restored:
    """The problem a network may be a solution of, its weights (W_0, ..., W_{L-1}) there, its nodes, and its D (p, m)."""

    problem: Problem
    weights: list[Array]
    nodes: tuple[Nodes, ...]
    D: Array

    def at_minimum(self, level: float) -> State | None:
        """The state at a penalty level, D solved for; None where it is not finite."""
        return self.problem.state(self.weights, level, [nodes.knots for nodes in self.nodes])

    def as_it_is(self) -> State:
        """The state of the network itself."""
        state = self.problem.state(self.weights, 0.0, below=self.nodes)
        assert state is not None  # a fitted network is finite on its training rows
        return replace(state, last=replace(state.last, D=self.D))
