"""A state of a problem as the layers of a network, and a fitted network as a state of the problem it is a solution of."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array, Mask
from kanlab.kan.bspline import (
    HIDDEN_MARGIN,
    OUTPUT_MARGIN,
    HiddenKnots,
    held_range,
    safe_range,
    uniform_knots,
)  # fmt: skip
from kanlab.kan.layers import KanLayer
from kanlab.kan.multiplication import factors, into_factors, written_out
from kanlab.kan.network import FittedKan
from kanlab.solver.first_layer import FirstLayer, first_layer
from kanlab.solver.kernels import NUMPY
from kanlab.solver.likelihood_of import likelihood_of
from kanlab.solver.multinomial import contrast_layer, log_odds_layer, log_odds_of
from kanlab.solver.problem import Problem
from kanlab.solver.products import Products
from kanlab.solver.sparse_first_layer import sparse_first_layer
from kanlab.solver.stack import Nodes, State
from kanlab.stats.likelihood import MULTICLASS, REGRESSION


def layers_of(design: FirstLayer, state: State, multiplication: int = 0) -> tuple[KanLayer, ...]:
    """The layers of edges of a state; of multiplication nodes as kanlab.kan.multiplication has them."""
    layers = [KanLayer(design.knots, *design.edges(state.weights[0]))]
    for nodes, edges in zip(state.nodes, (*(W.T for W in state.weights[1:]), state.last.D), strict=True):
        by_node = edges.reshape(len(nodes.Z), -1, edges.shape[1])
        knots = nodes.low[:, None] + nodes.width[:, None] * nodes.knots.knots
        layers.append(KanLayer(knots, by_node[:, :-1].transpose(0, 2, 1).copy(), by_node[:, -1].copy()))
    if not multiplication:
        return tuple(layers)
    (first, last), of = layers, slice(0, 2 * multiplication)
    lines, squared, _ = _of_products(design, state, multiplication)
    for layer, part, at in ((first, lines, (slice(None), of)), (last, squared, (of,))):
        layer.coef[at], layer.scale_base[at] = part.coef, part.scale_base
    last.knots[of] = squared.knots
    return first, last


def _of_products(design: FirstLayer, state: State, count: int) -> tuple[KanLayer, KanLayer, Array]:
    """`written_out` of the multiplication nodes of a state."""
    Z, D = state.nodes[0].Z, state.last.D
    first, of = KanLayer(design.knots, *design.edges(state.weights[0])), slice(0, 2 * count)
    alone = KanLayer(first.knots, first.coef[:, of], first.scale_base[:, of])
    return written_out(alone, Z[of], *Products(count, len(Z)).leaving(D, len(D) // len(Z)))


def hidden_ranges(design: FirstLayer, state: State, multiplication: int = 0) -> tuple[Array, ...]:
    """The ranges (h, 2) that the nodes of each hidden layer are held to."""
    found = [np.stack([nodes.Z.min(axis=1), nodes.Z.max(axis=1)]) for nodes in state.nodes]
    if multiplication:
        found[0][:, : 2 * multiplication] = _of_products(design, state, multiplication)[2].T
    return tuple(held_range(low, high, HIDDEN_MARGIN) for low, high in found)


def with_solution(
    fitted: FittedKan, design: FirstLayer, state: State, smoothing: float, unit: float = 1.0
) -> FittedKan:
    """A network with the layers, ranges and misfit of another solution of its problem, whose targets are scaled as its own.

    unit: the mean of the weights of its rows.
    """
    products = fitted.spec.multiplication
    layers, outputs = layers_of(design, state, products), state.last.outputs
    rss = state.last.rss * (unit * fitted.y_scale**2 if fitted.task == REGRESSION else 1.0)
    if fitted.task == MULTICLASS:
        layers, outputs = in_log_odds(layers, outputs)
    return replace(
        fitted,
        layers=layers,
        ranges=(fitted.ranges[0], *hidden_ranges(design, state, products)),
        output_range=held_range(outputs.min(axis=1), outputs.max(axis=1), OUTPUT_MARGIN),
        rss_train=float(rss.sum()),
        rss_by_target=rss,
        deviance_train=None if fitted.deviance_train is None else state.misfit,
        penalty=state.level * smoothing if products else None,
    )


def in_log_odds(layers: tuple[KanLayer, ...], outputs: Array) -> tuple[tuple[KanLayer, ...], Array]:
    """Layers and outputs (m, n) of more than two classes as a network has them, from those of a fit."""
    return (*layers[:-1], log_odds_layer(layers[-1])), log_odds_of(outputs)


def _told(design: FirstLayer) -> Mask:
    """(d,) whether the rows tell anything of an edge from each input; of a constant one they do not."""
    d, size = len(design.knots), design.grid + design.k
    splines, base = design.to_coef[: d * size].reshape(d, -1), design.to_coef[d * size :]
    return np.asarray(splines.any(axis=1) | base.any(axis=1))


def restored(fitted: FittedKan, X: ArrayLike, Y: Array, smoothing: float, row_weights: Array | None = None) -> Restored:
    """A network of equally wide hidden layers at rows X (n, d), in their order, for targets Y (m, n), scaled, of more than two
    classes (classes, n). row_weights: (n,), where rows of a quantity are not equally precise.
    """
    x = ((np.asarray(X, dtype=float) - fitted.x_offset) / fitted.x_scale).T
    first, *others = fitted.layers
    if fitted.task == MULTICLASS:
        others[-1] = contrast_layer(others[-1])
    design, products = first_layer(x, fitted.spec.grid, fitted.spec.k), fitted.spec.multiplication
    found = factors(first, others[-1], products) if products else None
    first = into_factors(first, products)
    Z = first.evaluate(x)
    kept = first.present | ~_told(design)[:, None]
    kept[:, ~kept.any(axis=0)] = True  # a node that says nothing has lost no edge
    if not kept.all():
        design = sparse_first_layer(design, kept)
    weights, nodes = [Z @ np.concatenate(design.basis, axis=1).T], []
    for layer in others:
        low, width = safe_range(Z.min(axis=1), Z.max(axis=1))
        knots = (layer.knots - low[:, None]) / width[:, None]
        if products:  # of which there are none
            knots[: 2 * products] = uniform_knots(2 * products, fitted.spec.grid, fitted.spec.k)
        nodes.append(Nodes.of(Z, HiddenKnots(knots, layer.k)))
        by_node = np.concatenate([layer.coef, layer.scale_base[:, :, None]], axis=2)
        weights.append(by_node.transpose(1, 0, 2).reshape(by_node.shape[1], -1))
        Z = layer.evaluate(Z)
    if found:
        of_products = Products(products, len(weights[0]))
        weights[-1] = of_products.put_leaving(weights[-1].T, len(weights[-1].T) // len(weights[0]), *found[1:]).T
    of_task = likelihood_of(fitted.task, fitted.y_offset, fitted.y_scale, row_weights)
    problem = Problem(
        design, Y, len(weights[0]), smoothing, NUMPY,
        depth=len(nodes), likelihood=of_task, multiplication=products,
    )  # fmt: skip
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
        """The state of the network itself, without a factor."""
        stack, D = self.problem.stack, self.D
        outputs = [D.T @ stack.edges(self.problem.depth - 1, self.nodes[-1], block) for block in stack.blocks]
        last = self.problem.likelihood.layer(D, np.concatenate(outputs, axis=1), np.empty((0, 0)), np.nan)
        return State(tuple(self.weights), self.nodes, 0.0, last, np.nan)
