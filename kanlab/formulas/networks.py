"""A fitted network as expressions: every edge by the elementary function it is most like, or its curve where it is like none.

An edge in a network is matched by itself, in the manner of pykan's `suggest_symbolic` (`kanlab.formulas.matching`); what the
whole then says of the target is for the joint fit of all constants to put right.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product

import numpy as np

from kanlab.formulas.expression import Constant, Curve, Expression, Variable, times, total
from kanlab.formulas.matching import EXACT, Match, matches, suggest
from kanlab.formulas.redundancy import without_redundant
from kanlab.kan.edges import Curves, Edge

NEGLIGIBLE = 1e-3  # share of the score of its layer below which an edge is left out
TABLE_POINTS = 41
MOST_PATHS = 150
_ALTERNATIVES = 2  # functions an edge is tried with


def network_expressions(curves: Curves) -> tuple[Expression, ...]:
    """One expression an output, on the scale of the fit, each edge by the simplest function that matches as well as any."""
    chosen = {_key(e): suggest(e.rows, e.values) for e in _kept(curves)}
    return tuple(map(without_redundant, _assembled(curves, chosen)))


def alternatives(curves: Curves, most: int) -> Iterator[tuple[Expression, ...]]:
    """The same with other functions at the edges, the likeliest first, at most so many."""
    edges = _kept(curves)
    lists = [_shortlist(e) for e in edges]
    ranked = sorted(islice(product(*(range(len(found)) for found in lists)), 4096), key=lambda pick: (sum(pick), pick))
    for pick in ranked[:most]:
        yield _assembled(curves, {_key(e): found[i] for e, found, i in zip(edges, lists, pick, strict=True)})


def _kept(curves: Curves) -> list[Edge]:
    """The edges that do something, at most so many that the expression can be written down.

    A node is written once for every edge that leaves it, so that a deep network takes as many terms as it has paths.
    """
    share = NEGLIGIBLE
    while _paths(kept := [e for e in curves.edges if e.share >= share], curves.depth) > MOST_PATHS:
        share *= 1.3
    return kept


def _paths(edges: list[Edge], depth: int) -> int:
    """Ways from an input to an output."""
    ways: dict[tuple[int, int], int] = {}
    for e in sorted(edges, key=lambda e: e.layer):
        arriving = ways.get((e.layer, e.source), 0) if e.layer else 1
        ways[e.layer + 1, e.target] = ways.get((e.layer + 1, e.target), 0) + arriving
    return sum(count for (layer, _), count in ways.items() if layer == depth)


def _key(e: Edge) -> tuple[int, int, int]:
    return e.layer, e.source, e.target


def _shortlist(e: Edge) -> list[Match]:
    """The functions that match a curve best for what they cost, matched ones first; the curve alone where none does."""
    found = [m for m in matches(e.rows, e.values) if m.matched]
    if not found:
        return [suggest(e.rows, e.values)]
    simplest = {m.name: i for i, m in enumerate(found)}
    ranked = sorted(found, key=lambda m: np.log(1 - m.r2 + EXACT) + 0.6 * simplest[m.name])
    return ranked[:_ALTERNATIVES]


def _assembled(curves: Curves, chosen: dict[tuple[int, int, int], Match]) -> tuple[Expression, ...]:
    network = curves.network
    nodes: list[Expression] = [Variable(i) for i in range(network.spec.layer_widths[0])]
    for index in range(curves.depth):
        layer: list[Expression] = []
        for j in range(network.spec.layer_widths[index + 1]):
            constant, terms = 0.0, []
            for edge in (e for e in curves.layer(index) if e.target == j):
                constant += edge.mean
                match = chosen.get(_key(edge))
                if match is None:
                    continue
                if match.matched:
                    constant += match.d
                    if match.c:
                        terms.append(match.expression(nodes[edge.source]))
                else:
                    terms.append(_table(edge, nodes[edge.source]))
            if index == curves.depth - 1:
                constant += float(network.y_offset[j])
            layer.append(total([*terms, Constant(constant)]))
        for i in range(0, 2 * network.spec.multiplication * (index == 0), 2):
            layer[i] = times(layer[i], layer[i + 1])  # what leaves a multiplication node, from its first factor
        nodes = layer
    return tuple(nodes)


def _table(edge: Edge, argument: Expression) -> Expression:
    grid = np.linspace(edge.x[0], edge.x[-1], TABLE_POINTS)
    values = np.interp(grid, edge.x, edge.y)
    return times(Constant(1.0), Curve(argument, tuple(grid.tolist()), tuple(values.tolist())))
