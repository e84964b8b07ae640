"""What the diagram of a network shows, in words, for readers who do not see it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.kan.edges import Curves, Edge
from kanlab.language import say
from kanlab.text import counted, series, short, together

MOST_NAMED = 4  # edges into a node
_NAME = 60  # characters of a name
_SHARE_OF_RANGE = 0.02  # of the range of a curve: what is less is no turn


def in_words(curves: Curves, features: Sequence[str], outputs: Sequence[str]) -> str:
    """A sentence on the size of the network, and one for each node on the edges it adds up, the strongest first.

    features, outputs: their names.

    >>> from kanlab.kan.edges import curves_of
    >>> from kanlab.solver.fit import fit_cell
    >>> X = np.random.default_rng(0).uniform(-1, 1, (80, 1))
    >>> found = curves_of(fit_cell(X, np.exp(X[:, 0]), neuron_num=1, grid=2, k=3), X)
    >>> in_words(found, ["a"], ["y"]).split(". ")[0]
    'A network from 1 feature over 1 hidden node to y, with a curve on each of its 2 edges'
    """
    ends, products = [short(name, _NAME) for name in outputs], curves.network.spec.multiplication
    hidden = sum(len({e.target for e in curves.layer(index)}) for index in range(curves.depth - 1)) - products
    to = ends[0] if len(ends) == 1 else say("{count} outputs", count=len(ends))
    inputs, edges = counted(len(features), "feature"), counted(len(curves.edges), "edge")
    first = (
        say(
            "A network from {features} over {nodes} to {to}, with a curve on each of its {edges}.",
            features=inputs,
            nodes=counted(hidden, "hidden node"),
            to=to,
            edges=edges,
        )
        if hidden
        else say(
            "A network from {features} to {to}, with a curve on each of its {edges}.",
            features=inputs,
            to=to,
            edges=edges,
        )
    )
    sentences = [first]
    names = [short(name, _NAME) for name in features]
    for index in range(curves.depth):
        layer, last = curves.layer(index), index == curves.depth - 1
        nodes = [] if last else sorted({e.target for e in layer})
        of = ends if last else [node_name(curves, index + 1, i) for i in nodes]
        sentences += [_node(name, [e for e in layer if e.target == i], names) for i, name in enumerate(of)]
        names = [node_name(curves, index + 1, i, leaving=True) for i in nodes]
        sentences += [
            say("{product} is the product of {a} and {b}.", product=names[i], a=of[i], b=of[i + 1])
            for i in range(0, 2 * products * (not last), 2)
        ]
    return together(sentences)


def node_name(curves: Curves, index: int, i: int, *, leaving: bool = False) -> str:
    """A hidden node: z1, z2, ...; with its layer before it where there are more.

    The factors of a multiplication node are z1a and z1b.  leaving: what its edges leave, z1 of a product.
    """
    products = curves.network.spec.multiplication
    if i < 2 * products:
        return f"z{i // 2 + 1}" + ("" if leaving else "ab"[i % 2])
    number = i - products + 1
    return f"z{number}" if curves.depth == 2 else f"z{index}.{number}"


def _node(name: str, edges: list[Edge], sources: Sequence[str]) -> str:
    """What a node adds up."""
    drawn = sorted((e for e in edges if np.ptp(e.y) > 0.0), key=lambda e: -e.share)
    if not drawn:
        return say("{name} is constant.", name=name)
    listed = [
        say(
            "{source} ({share:.0%} of its layer, {course})",
            source=sources[e.source],
            share=e.share,
            course=_course(e.y),
        )
        for e in drawn[:MOST_NAMED]
    ]
    left, sources_words = len(drawn) - MOST_NAMED, series(listed)
    if left > 0:
        return say(
            "{name} adds up the curves of {listed}, and {more}.",
            name=name,
            listed=sources_words,
            more=counted(left, "weaker edge"),
        )
    return say("{name} adds up the curves of {listed}.", name=name, listed=sources_words)


def _course(y: np.ndarray) -> str:
    """How a curve goes from left to right."""
    kept = [y[0]]
    for value in y[1:]:
        if abs(value - kept[-1]) > _SHARE_OF_RANGE * np.ptp(y):
            kept.append(value)
    ways = np.sign(np.diff(kept))
    turns = int((np.diff(ways) != 0).sum())
    if turns == 0:
        return say("rising") if len(ways) and ways[0] > 0 else say("falling")
    if turns == 1:
        return say("rising, then falling") if ways[0] > 0 else say("falling, then rising")
    return say("turning {turns} times", turns=turns)
