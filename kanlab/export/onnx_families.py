"""The families fitted for comparison as parts of an ONNX graph; kanlab.baselines.arithmetic says what each computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.export.code_families import upwards
from kanlab.export.onnx_nodes import Graph


def family(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    """Outputs on the scale of the fit, (rows, m). X (rows, d): within the range that the model holds its inputs to."""
    return _FAMILIES[model["kind"]](graph, model, X)


def _offsets(model: Mapping[str, Any]) -> Array:
    return np.atleast_1d(np.array(model["offset"], dtype=float))


def _scaled(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    return graph("Div", graph("Sub", X, graph.number(model["center"])), graph.number(model["scale"]))


def _polynomial(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    """Each term is a product of columns, in as many factors as the highest degree; the column after the last one is 1."""
    offsets, d = _offsets(model), len(model["center"])
    z = _scaled(graph, model, X)
    first = graph("Slice", z, *map(graph.constant, ([0], [1], [1])))
    with_one = graph("Concat", z, graph("Add", graph("Mul", first, graph.number(0.0)), graph.number(1.0)), axis=1)
    factors = [[j for j, power in enumerate(powers) for _ in range(power)] for powers in model["powers"]]
    degree = max([1, *map(len, factors)])
    columns = np.array([[*some, *[d] * (degree - len(some))] for some in factors], dtype=np.int64).reshape(-1, degree)
    terms = ""
    for column in columns.T:
        each = graph("Gather", with_one, graph.constant(column), axis=1)
        terms = graph("Mul", terms, each) if terms else each
    weights = np.array(model["weights"], dtype=float).reshape(-1, len(offsets))
    return graph("Add", graph("MatMul", terms, graph.number(weights)), graph.number(offsets))


def _additive(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    """Which piece every input is in as ones and zeros (rows, d, pieces), times each power of the distance to its left end."""
    offsets, d = _offsets(model), len(model["breaks"])
    many = max(len(breaks) - 1 for breaks in model["breaks"])
    left, right, cubic = np.zeros((d, many)), np.full((d, many), -np.inf), np.zeros((d, many, 4, len(offsets)))
    for j, (breaks, coef) in enumerate(zip(model["breaks"], model["coef"], strict=True)):
        n = len(breaks) - 1
        left[j, :n], right[j, :n] = breaks[:-1], [*breaks[1:-1], np.inf]
        cubic[j, :n] = np.array(coef, dtype=float).reshape(n, 4, len(offsets))
    lowest = left.copy()
    lowest[:, 0] = -np.inf  # what rounding puts below the first break is in the first piece
    at = graph("Unsqueeze", X, graph.constant([2]))
    here = graph(
        "And", graph("GreaterOrEqual", at, graph.number(lowest[None])), graph("Less", at, graph.number(right[None]))
    )
    mark = graph("Cast", here, to=graph.float)
    start = graph("ReduceSum", graph("Mul", mark, graph.number(left[None])), graph.constant([2]), keepdims=1)
    step, power, parts = graph("Sub", at, start), mark, [graph.number(offsets)]
    for p in (3, 2, 1, 0):  # the constant stands last
        weights = graph.number(cubic[:, :, p].reshape(d * many, len(offsets)))
        parts.append(graph("MatMul", graph("Flatten", power, axis=1), weights))
        power = graph("Mul", power, step) if p else power
    return graph("Sum", *parts)


def _perceptron(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    z, last = _scaled(graph, model, X), len(model["weights"]) - 1
    for number, (weights, biases) in enumerate(zip(model["weights"], model["biases"], strict=True)):
        z = graph("Add", graph("MatMul", z, graph.number(weights)), graph.number(biases))
        z = z if number == last else graph("Relu", z)
    return graph("Add", graph("Mul", z, graph.number(model["y_scale"])), graph.number(model["y_offset"]))


def _trees(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    """All trees at once, a level at a time: `at` (rows, trees) is the node each has come to; a leaf is followed by itself."""
    offsets, trees = _offsets(model), model["trees"]
    if not trees:
        first = graph("Slice", X, *map(graph.constant, ([0], [1], [1])))
        total = graph("Add", graph("Mul", first, graph.number(0.0)), graph.number(offsets))
        return _differences(graph, total, len(offsets))
    starts = np.cumsum([0, *(len(tree["left"]) for tree in trees)])[:-1]
    nodes: dict[str, Array] = {
        name: np.concatenate([np.array(tree[name]) for tree in trees])
        for name in ("feature", "threshold", "left", "right", "value")
    }
    itself, base = (
        np.arange(len(nodes["left"])),
        np.concatenate([np.full(len(t["left"]), s) for t, s in zip(trees, starts, strict=True)]),
    )
    inner = nodes["left"] > 0
    after = [np.where(inner, nodes[side] + base, itself).astype(np.int64) for side in ("left", "right")]
    thresholds = upwards(nodes["threshold"].astype(float))
    if graph.outer != graph.float:  # what callers round to float32 stays on its side
        thresholds = np.maximum(thresholds, thresholds.astype(np.float32).astype(float))
    feature, left, right = (graph.constant(v) for v in (nodes["feature"].astype(np.int64), *after))
    threshold, value = graph.number(thresholds), graph.number(nodes["value"])
    rows = graph("Slice", graph("Shape", X), graph.constant([0]), graph.constant([1]))
    shape = graph("Concat", rows, graph.constant([len(trees)]), axis=0)
    at = graph("Expand", graph.constant(starts[None].astype(np.int64)), shape)
    for _ in range(max(map(_depth, trees))):
        x = graph("GatherElements", X, graph("Gather", feature, at), axis=1)
        goes_left = graph("LessOrEqual", x, graph("Gather", threshold, at))
        at = graph("Where", goes_left, graph("Gather", left, at), graph("Gather", right, at))
    of_output = np.zeros((len(trees), len(offsets)))
    of_output[np.arange(len(trees)), [tree.get("output", 0) for tree in trees]] = 1.0
    total = graph("MatMul", graph("Gather", value, at), graph.number(of_output))
    return _differences(graph, graph("Add", total, graph.number(offsets)), len(offsets))


def _differences(graph: Graph, total: str, outputs: int) -> str:
    """To the first of several."""
    if outputs == 1:
        return total
    first, others = (
        graph("Slice", total, *map(graph.constant, ends)) for ends in (([0], [1], [1]), ([1], [outputs], [1]))
    )
    return graph("Sub", others, first)


def _depth(tree: Mapping[str, Any]) -> int:
    """Its levels below the root; children come after their node."""
    levels = [0] * len(tree["left"])
    for node, (left, right) in enumerate(zip(tree["left"], tree["right"], strict=True)):
        if left:
            levels[left] = levels[right] = levels[node] + 1
    return max(levels)


_FAMILIES: dict[str, Callable[[Graph, Mapping[str, Any], str], str]] = {
    "polynomial": _polynomial,
    "additive": _additive,
    "perceptron": _perceptron,
    "trees": _trees,
}
