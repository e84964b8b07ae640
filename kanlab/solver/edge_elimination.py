"""A network without single edges that do next to nothing: backward elimination with refits.

What an edge of the first layer does is the rise of RSS, or of the deviance, when it is held at its mean over the rows. The
edges that do least are left out together and what is left is fitted again from where it is; so on while a criterion falls.
Every node keeps an edge: a node without any is a network of one node less. The factors of a multiplication node are nodes of
their own (kanlab.kan.multiplication), and a product keeps one edge into each. The caller's criterion charges the choice of s
among d h edges, as the choice among features is charged (kanlab.solver.feature_elimination).

An elimination is told by how many edges went in each round, e.g. (6, 2). So it can be done again on other rows, which choose
edges of their own: cross-validation pays for the choice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array, Mask
from kanlab.errors import FitError
from kanlab.kan.layers import KanLayer
from kanlab.kan.multiplication import into_factors
from kanlab.kan.network import FittedKan
from kanlab.language import say
from kanlab.solver.effective_dof import effective_dof
from kanlab.solver.feature_elimination import WIDE
from kanlab.solver.levenberg_marquardt import LoopOptions, minimise
from kanlab.solver.network_state import restored, with_solution
from kanlab.solver.problem import Problem
from kanlab.solver.products import Products
from kanlab.solver.sparse_first_layer import sparse_first_layer
from kanlab.stats.likelihood import LIKELIHOODS, MULTICLASS, REGRESSION, weighted_misfit

MOST_ROUNDS = 6
MOST_COUNTS = 24  # numbers of edges that are tried in a round before the refit
MOST_WORK = 2e8  # edges x nodes x rows of a round: some seconds
LOOP = LoopOptions(max_iterations=24, tolerance=1e-3, floor=0.0)

Edge = tuple[int, int]  # from an input to a node


class Thinned(NamedTuple):
    """A network without some edges. rounds: how many went in each round."""

    network: FittedKan
    rounds: tuple[int, ...]


def edges_there(fitted: FittedKan) -> Mask:
    """(d, h), which edges of the first layer there are; of multiplication nodes those into their factors."""
    return _first_layer(fitted).present


def edges_left(fitted: FittedKan) -> int:
    """Edges of the first layer that are there."""
    return int(edges_there(fitted).sum())


def _first_layer(fitted: FittedKan) -> KanLayer:
    return into_factors(fitted.layers[0], fitted.spec.multiplication)


def thinned(
    full: FittedKan,
    X: ArrayLike,
    Y: ArrayLike,
    smoothing: float,
    criterion: Callable[[float, float, int], float],
    weights: Array | None = None,
) -> Thinned | None:
    """A network without the edges that do next to nothing, where that lowers a criterion; None where it does not.

    full: fitted to X (n, d), Y (n,), of more than two classes (n, classes).  smoothing: of the fit.  criterion: of the misfit,
    the effective degrees of freedom and the edges left; inf where there is none.  weights: (n,), of the fit.
    """
    rows, targets = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    count = edges_left(full)
    if full.shape or full.edf is None or count * full.spec.layer_widths[1] * len(rows) > MOST_WORK:
        return None
    best, lowest, most = Thinned(full, ()), criterion(_misfit(full), full.edf, count), count
    for _ in range(MOST_ROUNDS):
        does = _Contributions(best.network, rows, targets, weights)
        order, left, edf = does.ordered(), edges_left(best.network), best.network.edf
        counts = sorted({int(c) for c in np.geomspace(1, max(1, min(most, len(order))), MOST_COUNTS)})
        if not order or most < 1 or edf is None:
            break
        drop = min(
            counts,
            key=lambda c: criterion(does.misfit(order[:c]), edf * (left - c) / left, left - c),
        )
        tried = _refitted(best.network, rows, targets, does.without(order[:drop]), smoothing, weights)
        value = np.inf if tried is None or tried.edf is None else criterion(_misfit(tried), tried.edf, left - drop)
        if tried is not None and value < lowest:
            best, lowest, most = Thinned(tried, (*best.rounds, drop)), value, left - drop
        else:
            most = drop // 2  # it was too much at once
    return best if best.rounds else None


def without_edges(
    fitted: FittedKan,
    X: ArrayLike,
    Y: ArrayLike,
    rounds: Sequence[int],
    smoothing: float,
    weights: Array | None = None,
) -> FittedKan:
    """A network fitted to X, Y after so many of its edges went in each of some rounds; arguments as of `thinned`.

    Raises FitError where what is left cannot be fitted.
    """
    rows, targets = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    for count in rounds:
        does = _Contributions(fitted, rows, targets, weights)
        found = _refitted(fitted, rows, targets, does.without(does.ordered()[:count]), smoothing, weights)
        if found is None:
            raise FitError(say("The network cannot be fitted without those edges: its hidden nodes are not finite."))
        fitted = found
    return fitted


def _misfit(fitted: FittedKan) -> float:
    return fitted.rss_train if fitted.deviance_train is None else fitted.deviance_train


class _Contributions:
    """The outputs of first-layer edges on the rows, and the misfit of the network with some of them held at their means."""

    def __init__(self, fitted: FittedKan, X: Array, Y: Array, weights: Array | None = None) -> None:
        first, self._behind = _first_layer(fitted), fitted.layers[1:]
        self._products = Products(fitted.spec.multiplication, fitted.spec.layer_widths[1])
        low, high = fitted.ranges[0].T
        out = first.edges(np.clip((X - fitted.x_offset) / fitted.x_scale, low, high).T)
        self._z, self._moves = out.sum(axis=0), out - out.mean(axis=2, keepdims=True)  # (h, n), (d, h, n)
        self._of, self._present, self._likelihood = fitted, first.present, LIKELIHOODS[fitted.task]
        self._y, self._weights = Y.argmax(axis=1).astype(float) if fitted.task == MULTICLASS else Y, weights

    def without(self, gone: Sequence[Edge]) -> Mask:
        """(d, h), which edges are there without some of them."""
        kept = self._present.copy()
        for edge in gone:
            kept[edge] = False
        return kept

    def misfit(self, held: Sequence[Edge]) -> float:
        z, of = self._z.copy(), self._of
        for source, node in held:
            z[node] -= self._moves[source, node]
        z = self._products.turned(z)
        for layer, held_to in zip(self._behind, of.ranges[1:], strict=True):
            z = layer.evaluate(np.clip(z, held_to[:, :1], held_to[:, 1:]))
        z = np.clip(z, of.output_range[:, :1], of.output_range[:, 1:])
        predicted = self._likelihood.mean(z.T * of.y_scale + of.y_offset)
        predicted = predicted[:, 0] if predicted.shape[1] == 1 else predicted
        return weighted_misfit(self._likelihood, predicted, self._y, self._weights)

    def ordered(self) -> list[Edge]:
        """Edges that may go, by rising contribution: of every node the one that does most stays."""
        edges = [(int(source), int(node)) for source, node in np.argwhere(self._present)]
        rise = {edge: self.misfit([edge]) for edge in edges}
        by_rise = sorted(edges, key=lambda edge: rise[edge])
        stays = {node: edge for edge in by_rise for node in edge[1:]}
        return [edge for edge in by_rise if stays[edge[1]] != edge]


def _refitted(
    fitted: FittedKan, X: Array, Y: Array, kept: Mask, smoothing: float, weights: Array | None = None
) -> FittedKan | None:
    """A network fitted again with the first-layer edges `kept` (d, h) alone, from where it is; None where it is not finite."""
    scaled = (Y - fitted.y_offset[0]) / fitted.y_scale[0] if fitted.task == REGRESSION else Y
    found = restored(fitted, X, scaled.reshape(len(X), -1).T, smoothing, weights)
    unit = 1.0 if weights is None else float(weights.mean())
    full, misfit = found.problem, _misfit(fitted)
    design = sparse_first_layer(full.design, kept)
    problem = Problem(
        design, full.Y, full.neuron_num, smoothing, full.kernels,
        depth=full.depth, likelihood=full.make_likelihood, multiplication=full.stack.products.count,
    )  # fmt: skip
    start = np.einsum("jr,jrs->js", found.weights[0], design.projectors)
    level = problem.likelihood.level(misfit / fitted.y_scale[0] ** 2 / unit if fitted.task == REGRESSION else misfit)
    state = problem.state([start, *found.weights[1:]], level, [nodes.knots for nodes in found.nodes])
    if state is None:
        return None
    state = minimise(problem, state, LOOP).state
    network = with_solution(fitted, design, state, smoothing, unit)
    unused: Mask = ~np.any(kept, axis=1)  # whose values no prediction depends on, wherever they are
    looked_at = np.where(unused[:, None], [-WIDE, WIDE], network.ranges[0])
    return replace(network, ranges=(looked_at, *network.ranges[1:]), edf=effective_dof(problem, state))
