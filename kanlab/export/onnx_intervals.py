"""The interval of a prediction as part of an ONNX graph: the steps of kanlab.export.code_intervals, each as a node or two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kanlab.export.code_intervals import add_bounds, add_set, weight_note
from kanlab.export.code_program import (
    Below,
    Call,
    Choice,
    Column,
    Missing,
    Name,
    Number,
    OneOf,
    Product,
    Program,
    Quotient,
    Sum,
    Text,
    Value,
)
from kanlab.export.onnx_nodes import Graph

_OPERATORS = {"exp": "Exp", "ln": "Log", "sqrt": "Sqrt", "abs": "Abs", "floor": "Floor"}


def weight_of_rows(graph: Graph, record: Mapping[str, Any]) -> str:
    """The weights of rows (rows, 1) or (1, 1) in units of the record's; "" where `add_weight` has none."""
    weight = record.get("weight")
    if not weight or any(value.name == weight["column"] for value in graph.inputs):
        return ""
    graph.notes.append(weight_note(weight))
    cells = graph("Cast", graph.optional_number(weight["column"]), to=graph.float)
    cells = graph("Where", graph("IsInf", cells), graph.number(np.nan), cells)
    return graph("Div", cells, graph.number(weight["unit"]))


def bounds(
    graph: Graph, record: Mapping[str, Any], level: float, predicted: str, X: str, d: int, weight: str = ""
) -> list[str]:
    """Lower and upper bound (rows, 1) on the scale of the fit. predicted (rows, 1), X (rows, d): there as well. weight: of
    `weight_of_rows`.
    """
    program = Program()
    at, *inputs = (program.let("given", Column(f"given {i}")) for i in range(d + 1))
    columns = (graph("Slice", X, *(graph.constant(np.array([v])) for v in (i, i + 1, 1))) for i in range(d))
    given = dict(zip([each.step for each in (at, *inputs)], [predicted, *columns], strict=True))
    of_row = program.let("given", Column("weight")) if weight else None
    if of_row is not None:
        given[of_row.step] = weight
    ends = add_bounds(program, record, level, at, inputs, lambda name: name, of_row)
    return _written(graph, program, given, ends)


def class_set(graph: Graph, record: Mapping[str, Any], level: float, p: str, levels: Sequence[str]) -> str:
    """The set of two classes (rows, 1) by the probability of the second."""
    program = Program()
    at = program.let("given", Column("given"))
    return _written(graph, program, {at.step: p}, [add_set(program, record, level, at, levels)])[0]


def _written(graph: Graph, program: Program, known: dict[str, str], wanted: Sequence[Name]) -> list[str]:
    """What the steps of a program come to as parts of a graph. known: those that are there."""

    def value(of: Value | None, kind: str) -> str:
        match of:
            case None:
                return graph.texts([""]) if kind == "text" else graph.number(np.nan)
            case Number(number):
                return graph.number(number)
            case Text(text):
                return graph.texts([text])
            case Name(step):
                return known[step]
            case Sum(parts):
                return graph("Sum", *(value(part, kind) for part in parts))
            case Product(parts):
                found, *others = (value(part, kind) for part in parts)
                for other in others:
                    found = graph("Mul", found, other)
                return found
            case Quotient(above, below):
                return graph("Div", value(above, kind), value(below, kind))
            case Call(function, argument):
                return graph(_OPERATORS[function], value(argument, kind))
            case Choice(branches, otherwise):
                found = value(otherwise, kind)
                for when, then in reversed(branches):
                    found = graph("Where", condition(when), value(then, kind), found)
                return found
        raise ValueError(f"There is no part of a graph for {of}.")

    def condition(of: Below | Missing | OneOf) -> str:
        match of:
            case Below(first, second):
                return graph("Less", value(first, "number"), value(second, "number"))
            case Missing(Name(step)):
                return graph("IsNaN", known[step])
        raise ValueError(f"There is no part of a graph for {of}.")

    for name, step in program.steps.items():
        if name not in known:
            known[name] = value(step, program.kinds[name])
    return [known[name.step] for name in wanted]
