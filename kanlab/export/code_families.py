"""The families fitted for comparison as steps of a program, from the numbers of model.json.

What each computes is in kanlab.baselines.arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.errors import StudyError
from kanlab.export.code_arithmetic import at_least, held, pieces
from kanlab.export.code_networks import input_flags
from kanlab.export.code_program import Below, Choice, Name, Number, Product, Program, Quotient, Sum, Value
from kanlab.language import marked, say

MOST_LEVELS = 200  # of a tree; those that are fitted here have 30
TOO_DEEP = marked("The model has trees of more than {levels} levels, which no other language takes; export a bundle.")
_LEVELS = 15  # of a tree in one step: SQLite takes few choices within choices
_TOGETHER = 3  # trees of one step: a table has few columns, and a cell of a workbook 8,192 characters
_ULPS = 16  # by how much a language may round differently what a tree compares


def add_family(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> tuple[list[Name], list[Name]]:
    """A model's outputs on the scale of the fit, and flags that are 1 where an input left the range it is held to."""
    flags = input_flags(program, model, inputs)
    ranges = zip(inputs, model["low"], model["high"], strict=True)
    inside = [program.let(f"h{i}", held(x, low, high)) for i, (x, low, high) in enumerate(ranges, 1)]
    return _FAMILIES[model["kind"]](program, model, inside), flags


def upwards(thresholds: Array) -> Array:
    """Thresholds a few roundings higher: rows of the training lie on some, and belong below them in every language."""
    return np.asarray(thresholds + _ULPS * np.spacing(np.abs(thresholds)))


def _scaled(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> list[Name]:
    parts = zip(inputs, model["center"], model["scale"], strict=True)
    return [
        program.let(f"z0_{i}", Quotient(Sum((x, Number(-center))), Number(scale)))
        for i, (x, center, scale) in enumerate(parts, 1)
    ]


def _polynomial(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> list[Name]:
    z = _scaled(program, model, inputs)
    offsets = np.atleast_1d(np.array(model["offset"], dtype=float)).tolist()
    weights = np.array(model["weights"], dtype=float).reshape(-1, len(offsets))
    terms: list[list[Value]] = [[Number(offset)] for offset in offsets]
    for powers, of_outputs in zip(model["powers"], weights.tolist(), strict=True):
        factors = tuple(at for at, power in zip(z, powers, strict=True) for _ in range(power))
        if len(offsets) > 1 and len(factors) > 1:  # worked out once for all outputs
            factors = (program.let("term", Product(factors)),)
        for some, weight in zip(terms, of_outputs, strict=True):
            if weight:
                some.append(Product((Number(weight), *factors)))
    return [program.total("y", some) for some in terms]


def _additive(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> list[Name]:
    offsets = np.atleast_1d(np.array(model["offset"], dtype=float)).tolist()
    terms: list[list[Value]] = [[Number(offset)] for offset in offsets]
    for i, (at, breaks, coef) in enumerate(zip(inputs, model["breaks"], model["coef"], strict=True), 1):
        cubic = np.array(coef, dtype=float).reshape(len(breaks) - 1, 4, len(offsets))[:, ::-1]  # the constant first
        for j, some in enumerate(terms):
            if cubic[:, :, j].any():
                some.append(program.let(f"f{i}_{j + 1}", pieces(at, breaks, cubic[:, :, j].tolist())))
    return [program.total("y", some) for some in terms]


def _perceptron(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> list[Name]:
    z, last = _scaled(program, model, inputs), len(model["weights"])
    for number, (weights, biases) in enumerate(zip(model["weights"], model["biases"], strict=True), 1):
        out = []
        for j, bias in enumerate(biases):
            terms = [Product((Number(row[j]), at)) for row, at in zip(weights, z, strict=True) if row[j]]
            sums = program.total(f"z{number}_{j + 1}", [Number(bias), *terms])
            out.append(sums if number == last else program.let(f"r{number}_{j + 1}", at_least(sums, 0.0)))
        z = out
    scale, offset = Number(model["y_scale"]), Number(model["y_offset"])
    return [program.let("y", Sum((Product((at, scale)), offset))) for at in z]


def _trees(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> list[Name]:
    offsets = np.atleast_1d(np.array(model["offset"], dtype=float)).tolist()
    grown: list[list[Value]] = [[] for _ in offsets]
    for tree in model["trees"]:
        thresholds = upwards(np.array(tree["threshold"], dtype=float)).tolist()
        grown[tree.get("output", 0)].append(_branch(program, tree, thresholds, inputs))
    totals = []
    for offset, trees in zip(offsets, grown, strict=True):
        some = [Sum(tuple(trees[i : i + _TOGETHER])) for i in range(0, len(trees), _TOGETHER)]
        totals.append(program.total("raw", [Number(offset), *(program.let("trees", each) for each in some)]))
    if len(totals) == 1:
        return totals
    first = Product((Number(-1.0), totals[0]))
    return [program.let("y", Sum((each, first))) for each in totals[1:]]


def _branch(
    program: Program,
    tree: Mapping[str, Any],
    thresholds: Sequence[float],
    inputs: Sequence[Name],
    node: int = 0,
    level: int = 0,
) -> Value:
    """What a tree comes to from a node on."""
    left, right = tree["left"][node], tree["right"][node]
    if left == 0:
        return Number(tree["value"][node])
    if level == MOST_LEVELS:
        raise StudyError(say(TOO_DEEP, levels=MOST_LEVELS))
    low, high = (_branch(program, tree, thresholds, inputs, child, level + 1) for child in (left, right))
    found = Choice(((Below(Number(thresholds[node]), inputs[tree["feature"][node]]), high),), low)
    return found if level % _LEVELS or level == 0 else program.let("branch", found)


_FAMILIES: dict[str, Callable[[Program, Mapping[str, Any], Sequence[Name]], list[Name]]] = {
    "polynomial": _polynomial,
    "additive": _additive,
    "perceptron": _perceptron,
    "trees": _trees,
}
