"""ONNX: the table's columns in, predictions out, in one graph that onnxruntime and its kin run.

An input a column, (rows, 1): numbers as floats, nan where one is missing, categories as strings, "" where one is missing. An
output a column of the prediction, (rows, 1). The graph is built of the edges: B-splines by their recurrence
(kanlab.kan.bspline) on constant knots, a layer's coefficients as one matrix. All its arithmetic is in float64, also between
inputs and outputs in float32: hidden nodes may be large and cancel, and digits that matter would be lost. The package
`onnx` writes it (`pip install 'kanlab[onnx]'`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.data.encoders import MISSING, EncodedColumn
from kanlab.data.preparation import DATE_PARTS
from kanlab.data.recipe import Recipe
from kanlab.data.writing import free_name, probability_names
from kanlab.errors import StudyError
from kanlab.explain.interval_columns import LEVEL, interval_names
from kanlab.explain.predictor import Predictor
from kanlab.export.code_inputs import DATES, LEVELS, is_text, known_levels, levels_of, table_of_texts
from kanlab.export.code_intervals import NO_SETS
from kanlab.export.code_networks import slopes_beyond
from kanlab.export.document import model_document
from kanlab.export.onnx_families import family
from kanlab.export.onnx_intervals import bounds, class_set, weight_of_rows
from kanlab.export.onnx_nodes import Graph, Precision
from kanlab.kan.layers import RANGE_TOLERANCE, STRETCH
from kanlab.language import marked, say

OPSET, IR_VERSION = 19, 9  # the first whose Equal compares strings; what runtimes since 2023 read
NOT_HERE = marked("ONNX graphs need the package onnx: pip install 'kanlab[onnx]'.")


def onnx_model(predictor: Predictor, precision: Precision = "float32", level: float | None = LEVEL) -> bytes:
    """The bytes of an .onnx of a fitted model, whatever its family, or of an average, with the recipe of its table.

    Parameters
    ----------
    predictor : Predictor
    precision : {"float32", "float64"}
        Of the numbers that go in and come out: float32 as most callers have them, or float64.
    level : float or None
        The share of rows that its intervals should hold, where it has them; None for predictions alone.

    Raises
    ------
    StudyError
        Where onnx is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise StudyError(say(NOT_HERE)) from error
    model, recipe = model_document(predictor.fitted), predictor.recipe
    graph = Graph(precision)
    X, unknown = _inputs(graph, recipe)
    found, outside = _model(graph, model, X)
    if unknown:
        outside = graph("Or", outside, unknown)
    lost = graph("Greater", graph.largest(graph("Cast", graph("IsNaN", X), to=graph.float)), graph.number(0.0))
    found = graph("Where", lost, graph.number(np.nan), found)
    within: list[str] = []
    if level is not None and predictor.interval is not None:
        if len(recipe.levels) == 2:
            within = [class_set(graph, predictor.interval, level, found, recipe.levels)]
        elif not recipe.levels:
            weight = weight_of_rows(graph, predictor.interval)
            ends = bounds(graph, predictor.interval, level, found, X, len(recipe.columns), weight)
            within = [_to_units(graph, recipe, end) for end in ends]
        else:
            graph.notes.append(NO_SETS)
    _outputs(graph, recipe, found, within, outside, lost)
    made = onnx.helper.make_model(
        onnx.helper.make_graph(graph.nodes, "kanlab", graph.inputs, graph.outputs, graph.constants),
        opset_imports=[onnx.helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="kanlab",
        doc_string=f"Predicts {recipe.target} by {predictor.label}.",
    )
    onnx.helper.set_model_props(made, {"target": recipe.target, "notes": " ".join(graph.notes)})
    onnx.checker.check_model(made, full_check=True)
    return bytes(made.SerializeToString(deterministic=True))


# ---- the recipe


def _inputs(graph: Graph, recipe: Recipe) -> tuple[str, str]:
    """The inputs of the model (rows, d), and whether a category holds none of those in training; "" where none can."""
    read: dict[str, str] = {}
    columns, unknown = [], ""
    for encoded in recipe.columns:
        source = encoded.source
        if encoded.part in DATE_PARTS:
            value = _filled(graph, encoded, _number(graph, f"{source} ({encoded.part})"))
            graph.notes += [DATES] * (DATES not in graph.notes)
        elif is_text(recipe, source):
            if source not in read:
                read[source] = graph.input(source, graph.string)
                if known := known_levels(recipe, source):
                    other = graph("Not", _is_one_of(graph, read[source], ["", *known]))
                    unknown = graph("Or", unknown, other) if unknown else other
            value = _looked_up(graph, recipe, encoded, read[source])
            graph.notes += [LEVELS] * bool(encoded.shares and LEVELS not in graph.notes)
        else:
            if source not in read:
                read[source] = _number(graph, source)
            if encoded.part == MISSING:
                value = graph("Cast", graph("IsNaN", read[source]), to=graph.float)
            else:
                value = _filled(graph, encoded, read[source])
        columns.append(value if is_text(recipe, source) else _transformed(graph, encoded, value))
    return graph("Concat", *columns, axis=1), unknown


def _number(graph: Graph, name: str) -> str:
    """A column of numbers, nan where one is infinite."""
    value = graph("Cast", graph.input(name, graph.outer), to=graph.float)
    return graph("Where", graph("IsInf", value), graph.number(np.nan), value)


def _filled(graph: Graph, encoded: EncodedColumn, value: str) -> str:
    if encoded.fill is None:
        return value
    return graph("Where", graph("IsNaN", value), graph.number(encoded.fill), value)


def _is_one_of(graph: Graph, text: str, texts: Sequence[str]) -> str:
    same = graph("Cast", graph("Equal", text, graph.texts(texts)), to=graph.float)
    return graph("Greater", graph.largest(same), graph.number(0.0))


def _looked_up(graph: Graph, recipe: Recipe, encoded: EncodedColumn, text: str) -> str:
    """What the levels of a category come to; "" is missing."""
    levels, gap, other = table_of_texts(encoded, levels_of(recipe, encoded.source))
    table = {level: value for level, value in levels.items() if not np.isnan(value)} | {"": 0.0}
    same = graph("Cast", graph("Equal", text, graph.texts(list(table))), to=graph.float)
    found = graph("MatMul", same, graph.number([[value] for value in table.values()]))
    found = graph("Where", _is_one_of(graph, text, list(table)), found, graph.number(other))
    return graph("Where", _is_one_of(graph, text, [""]), graph.number(gap), found)


def _transformed(graph: Graph, encoded: EncodedColumn, value: str) -> str:
    """As `kanlab.data.transforms.transformed`."""
    transform = encoded.transform
    if transform.scale == "log":
        low = graph.number(transform.low)
        value = graph("Where", graph("Less", value, low), low, value)
        return graph("Log", graph("Add", value, graph.number(transform.shift)))
    if transform.scale == "rank":
        return graph.curve(value, transform.points, _ranks(transform.points))
    return value


def _ranks(points: Sequence[float]) -> list[float]:
    return np.linspace(0.0, 1.0, len(points)).tolist() if len(points) > 1 else [0.0]


# ---- the model


def _model(graph: Graph, model: Mapping[str, Any], X: str) -> tuple[str, str]:
    """Outputs on the scale of the fit, (rows, m), of more than two classes probabilities, and whether a row was held."""
    if model["kind"] == "average":
        parts = [_model(graph, member, X) for member in model["members"]]
        weights = [graph.number(w) for w in model["weights"]]
        values = [graph("Mul", value, w) for (value, _), w in zip(parts, weights, strict=True)]
        marks = [
            graph("Mul", graph("Cast", flag, to=graph.float), w) for (_, flag), w in zip(parts, weights, strict=True)
        ]
        return graph("Sum", *values), graph("GreaterOrEqual", graph("Sum", *marks), graph.number(0.5 - 1e-7))
    value, outside = {"kan": _network, "linear": _linear}.get(model["kind"], _held_family)(graph, model, X)
    link = model.get("link", "")
    if link == "logit":
        value = graph("Sigmoid", value)
    elif link == "softmax":
        first = graph("Mul", graph("Slice", value, *map(graph.constant, ([0], [1], [1]))), graph.number(0.0))
        value = graph("Softmax", graph("Concat", first, value, axis=1), axis=1)
    elif link == "log":
        value = graph("Exp", graph.held(value, -700.0, 700.0))
    return value, outside


def _held_family(graph: Graph, model: Mapping[str, Any], X: str) -> tuple[str, str]:
    return family(graph, model, graph.held(X, model["low"], model["high"])), _beyond(graph, model, X)


def _beyond(graph: Graph, model: Mapping[str, Any], X: str) -> str:
    low, high = np.array(model["low"]), np.array(model["high"])
    return graph.outside(X, low, high, RANGE_TOLERANCE * np.maximum(high - low, 1.0))


def _linear(graph: Graph, model: Mapping[str, Any], X: str) -> tuple[str, str]:
    offset = np.atleast_1d(np.array(model["offset"], dtype=float))
    weights = np.array(model["weights"], dtype=float).reshape(-1, len(offset))
    z = graph("Div", graph("Sub", X, graph.number(model["center"])), graph.number(model["scale"]))
    return graph("Add", graph("MatMul", z, graph.number(weights)), graph.number(offset)), _beyond(graph, model, X)


def _network(graph: Graph, model: Mapping[str, Any], X: str) -> tuple[str, str]:
    z = graph("Div", graph("Sub", X, graph.number(model["x_offset"])), graph.number(model["x_scale"]))
    outside = ""
    bounds = [layer["range"] for layer in model["layers"]] + [model["output_range"]] * ("output_range" in model)
    for number, ends in enumerate(bounds):
        low, high = np.array(ends).T
        moved = graph.outside(z, low, high, RANGE_TOLERANCE * np.maximum(high - low, np.maximum(1.0, np.abs(low))))
        outside = graph("Or", outside, moved) if outside else moved
        inside = graph.held(z, low, high)
        if number < len(model["layers"]):
            reach, part = model.get("reach", 0.0), model.get("stretch", STRETCH)
            z = _layer(graph, model["layers"][number], reach, part, z, inside)
        else:
            z = inside
    return graph("Add", graph("Mul", z, graph.number(model["y_scale"])), graph.number(model["y_offset"])), outside


def _layer(graph: Graph, layer: Mapping[str, Any], reach: float, part: float, z: str, inside: str) -> str:
    """silu and splines of what is held to the range, and the straight lines beyond it; each is one matrix product.

    reach, part: how far these go on, and of which last part of the range they have the slope.
    """
    knots, coef, base = (np.array(layer[name]) for name in ("knots", "coef", "scale_base"))
    n_in, n_out, width = coef.shape
    k = knots.shape[1] - width - 1
    splines = graph("Flatten", _basis(graph, inside, knots, k), axis=1)
    weights = coef.transpose(0, 2, 1).reshape(n_in * width, n_out)
    parts = [
        graph("MatMul", splines, graph.number(weights)),
        graph("MatMul", graph("Mul", inside, graph("Sigmoid", inside)), graph.number(base)),
    ]
    if reach > 0.0:
        low, high = np.array(layer["range"]).T
        far = reach * (high - low)
        for slopes, edge, ends in zip(
            slopes_beyond(layer, part), (low, high), ((low - far, low), (high, high + far)), strict=True
        ):
            way = graph("Sub", graph.held(z, *ends), graph.number(edge))
            parts.append(graph("MatMul", way, graph.number(slopes)))
    return graph("Sum", *parts)


def _basis(graph: Graph, x: str, knots: Array, k: int) -> str:
    """All B-splines (rows, n_in, grid + k) at x (rows, n_in): the recurrence of `kanlab.kan.bspline.bspline_basis`."""
    at = graph("Unsqueeze", x, graph.constant(np.array([2])))
    above = graph("GreaterOrEqual", at, graph.number(knots[None, :, :-1]))
    basis = graph("Cast", graph("And", above, graph("Less", at, graph.number(knots[None, :, 1:]))), to=graph.float)
    axis = graph.constant(np.array([2]))
    for p in range(1, k + 1):
        many = knots.shape[1] - 1 - p
        rise, fall = knots[:, p:-1] - knots[:, : -p - 1], knots[:, p + 1 :] - knots[:, 1:-p]
        left = graph("Sub", at, graph.number(knots[None, :, : -p - 1]))
        right = graph("Sub", graph.number(knots[None, :, p + 1 :]), at)
        first = graph("Slice", basis, graph.constant(np.array([0])), graph.constant(np.array([many])), axis)
        second = graph("Slice", basis, graph.constant(np.array([1])), graph.constant(np.array([many + 1])), axis)
        basis = graph(
            "Add",
            graph("Mul", graph("Mul", left, graph.number(_inverse(rise)[None])), first),
            graph("Mul", graph("Mul", right, graph.number(_inverse(fall)[None])), second),
        )
    return basis


def _inverse(width: Array) -> Array:
    """1 / width, 0 where that is 0: a spline on no interval is none."""
    return np.divide(1.0, width, out=np.zeros_like(width), where=width > 0)


# ---- the way back


def _outputs(graph: Graph, recipe: Recipe, found: str, within: Sequence[str], outside: str, lost: str) -> None:
    """The outputs, called as kanlab calls them. within: the bounds of intervals in units of the target, or a set of classes.
    lost: rows that cannot be predicted; they are nan, "" and not flagged.
    """
    target, levels, taken = recipe.target, recipe.levels, {value.name for value in graph.inputs}
    predicted, probability, extrapolates = (
        free_name(f"{target}_{word}", taken) for word in ("predicted", "probability", "extrapolates")
    )
    named = list(zip(interval_names(target, levels, taken), within, strict=False))
    if not levels:
        graph.output(predicted, _to_units(graph, recipe, found), graph.outer)
        for name, end in named:
            graph.output(name, end, graph.outer)
    else:
        if len(levels) > 2:
            place = graph("ArgMax", found, axis=1, keepdims=1)
        else:
            place = graph("Cast", graph("GreaterOrEqual", found, graph.number(0.5)), to=7)  # INT64
        place = graph("Where", lost, graph.constant(np.int64(len(levels))), place)
        graph.output(
            predicted, graph("Gather", graph.constant(np.array([*levels, ""], dtype=object)), place), graph.string
        )
        for name, chosen in named:
            graph.output(name, chosen, graph.string)
        names: Sequence[str] = probability_names(target, levels, taken) if len(levels) > 2 else (probability,)
        for i, name in enumerate(names):
            ends = (graph.constant(np.array([v])) for v in (i, i + 1, 1))
            graph.output(name, graph("Slice", found, *ends), graph.outer)
    graph.output(extrapolates, graph("And", outside, graph("Not", lost)), graph.bool)


def _to_units(graph: Graph, recipe: Recipe, value: str) -> str:
    """As `kanlab.data.transforms.to_units`."""
    transform = recipe.target_transform
    if transform.scale == "log":
        return graph("Sub", graph("Exp", value), graph.number(transform.shift))
    if transform.scale == "rank":
        return graph.curve(value, _ranks(transform.points), transform.points)
    return value
