"""A model or a formula as a program: its inputs by the recipe, its arithmetic, and the way back to units of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.data.preparation import DATE_PARTS
from kanlab.data.recipe import Recipe
from kanlab.data.writing import free_name, probability_names
from kanlab.explain.interval_columns import LEVEL, interval_names
from kanlab.explain.named_formula import NamedFormula
from kanlab.explain.predictor import Predictor
from kanlab.export import code_arithmetic as arithmetic
from kanlab.export.code_families import add_family
from kanlab.export.code_inputs import add_inputs, is_text, levels_of
from kanlab.export.code_intervals import NO_SETS, add_bounds, add_set, add_weight
from kanlab.export.code_networks import add_linear, add_network
from kanlab.export.code_program import (
    Below,
    Call,
    Choice,
    Missing,
    Name,
    Number,
    Output,
    Product,
    Program,
    Sum,
    Text,
    Value,
)
from kanlab.export.document import model_document
from kanlab.formulas import expression as formula_parts


def of_model(predictor: Predictor, level: float | None = LEVEL) -> Program:
    """The program of a fitted model, whatever its family, or of an average.

    level: the share of rows that its intervals should hold, where it has them; None for predictions alone.
    """
    model, recipe = model_document(predictor.fitted), predictor.recipe
    program = Program(f"Predicts {recipe.target} by {predictor.label}.")
    inputs, unknown = add_inputs(program, recipe)
    X = [inputs[i] for i in range(len(inputs))]
    found, flag = _model(program, model, X)
    program.example = example(recipe, middle(model))
    complete = [(Missing(name), None) for name in inputs.values()]
    found = [program.let("complete", Choice(tuple(complete), value)) for value in found]
    promise = None
    if level is not None and predictor.interval is not None:
        promise = _Promise(predictor.interval, level, X, add_weight(program, predictor.interval))
    return _finished(program, recipe, found, flag, unknown, promise)


def of_formula(formula: NamedFormula) -> Program:
    """The program of a formula."""
    recipe = formula.recipe
    program = Program(f"Predicts {recipe.target} by a formula.")
    inputs, unknown = add_inputs(program, recipe, formula.used)
    program.example = example(recipe, formula.domain.mean(axis=1).tolist())
    links = {"poisson": "log"}
    link = "softmax" if len(recipe.levels) > 2 else "logit" if recipe.levels else links.get(recipe.distribution, "")
    outputs = [program.let("z", _expression(program, e, inputs)) for e in formula.expressions]
    ends = [arithmetic.outside(inputs[i], *formula.domain[i].tolist()) for i in formula.used]
    flag = _any(program, [program.let("outside", end) for end in ends])
    return _finished(program, recipe, _linked(program, outputs, link), flag, unknown)


# ---- models


def _model(program: Program, model: Mapping[str, Any], inputs: Sequence[Name]) -> tuple[list[Name], Name]:
    """Outputs on the scale of the fit, of classes probabilities, and 1 where a row lies outside the training rows."""
    if model["kind"] == "average":
        parts = [_model(program, member, inputs) for member in model["members"]]
        weights = [Number(float(w)) for w in model["weights"]]
        values = [
            program.total("mean", [Product((w, values[j])) for w, (values, _) in zip(weights, parts, strict=True)])
            for j in range(len(parts[0][0]))
        ]
        share = program.total("share", [Product((w, flag)) for w, (_, flag) in zip(weights, parts, strict=True)])
        return values, program.let("outside", Choice(((Below(share, Number(0.5)), Number(0.0)),), Number(1.0)))
    add = {"kan": add_network, "linear": add_linear}.get(model["kind"], add_family)
    outputs, flags = add(program, model, inputs)
    return _linked(program, outputs, model.get("link", "")), _any(program, flags)


def _linked(program: Program, outputs: list[Name], link: str) -> list[Name]:
    """From log-odds or a logarithm to probabilities or a mean; of two classes the probability of the second."""
    if link == "logit":
        return [program.let("p", arithmetic.logistic(program, outputs[0]))]
    if link == "softmax":
        return [program.let("p", value) for value in arithmetic.softmax(program, [Number(0.0), *outputs])]
    if link == "log":
        return [program.let("mean", arithmetic.exponential(program, outputs[0]))]
    return outputs


def _any(program: Program, flags: Sequence[Name]) -> Name:
    """1 where one of some flags is."""
    count = program.total("outside", flags)
    return program.let("outside", Choice(((Below(Number(0.5), count), Number(1.0)),), Number(0.0)))


# ---- an example


def middle(model: Mapping[str, Any]) -> list[float]:
    """The middle of the range of each input in training."""
    while model["kind"] == "average":
        model = model["members"][0]
    if model["kind"] != "kan":
        return [(low + high) / 2 for low, high in zip(model["low"], model["high"], strict=True)]
    ends = np.array(model["layers"][0]["range"]).mean(axis=1)
    return np.asarray(ends * np.array(model["x_scale"]) + np.array(model["x_offset"])).tolist()


def example(recipe: Recipe, inputs: Sequence[float]) -> dict[str, float | str]:
    """A value for every column a program reads, whose inputs are these where they are numbers."""
    found: dict[str, float | str] = {}
    for column, value in zip(recipe.columns, inputs, strict=True):
        if column.part in DATE_PARTS:
            found[f"{column.source} ({column.part})"] = float(f"{value:.6g}")
        elif is_text(recipe, column.source):
            found.setdefault(column.source, levels_of(recipe, column.source)[0])
        elif column.is_number:
            found[column.source] = float(f"{float(column.transform.inverse(value)):.6g}")
    return found


# ---- the way back


@dataclass(frozen=True)
class _Promise:
    """What intervals are made of, their level, the inputs of the model, and how precise the row is."""

    record: Mapping[str, Any]
    level: float
    inputs: Sequence[Name]
    weight: Name | None = None

    @property
    def note(self) -> str:
        return f"The interval should hold {100 * self.level:.4g}% of rows like those of the training."


def _finished(
    program: Program,
    recipe: Recipe,
    found: list[Name],
    flag: Name,
    unknown: Name | None,
    promise: _Promise | None = None,
) -> Program:
    """The outputs, called as kanlab calls them beside the columns of the program."""
    target, levels, taken = recipe.target, recipe.levels, {c.name for c in program.columns}
    if unknown is not None:
        flag = _any(program, [flag, unknown])
    mark = program.let("extrapolates", Choice(((Missing(found[0]), None),), flag))
    predicted, probability, extrapolates = (
        free_name(f"{target}_{word}", taken) for word in ("predicted", "probability", "extrapolates")
    )
    within = interval_names(target, levels, taken) if promise else []
    bounds: list[Output] = []
    if promise:
        program.notes.append(NO_SETS if len(levels) > 2 else promise.note)
    if promise and len(levels) == 2:
        chosen_set = add_set(program, promise.record, promise.level, found[0], levels)
        bounds = [Output(within[0], chosen_set, "text")]
    if len(levels) > 2:
        names: Sequence[str] = probability_names(target, levels, taken)
        label = _likeliest(program, found, levels)
    elif levels:
        names = (probability,)
        half = Below(found[0], Number(0.5))
        chosen = Choice(((Missing(found[0]), None), (half, Text(levels[0]))), Text(levels[1]))
        label = program.let("label", chosen, "text")
    else:
        value = program.let("predicted", _to_units(program, recipe, found[0]))
        if promise:

            def back(at: Name) -> Value:
                return _to_units(program, recipe, at)

            ends = add_bounds(program, promise.record, promise.level, found[0], promise.inputs, back, promise.weight)
            bounds = [Output(name, end) for name, end in zip(within, ends, strict=True)]
        return program.with_outputs([Output(predicted, value), *bounds, Output(extrapolates, mark)])
    numbers = [Output(name, value) for name, value in zip(names, found, strict=True)]
    return program.with_outputs([Output(predicted, label, "text"), *bounds, *numbers, Output(extrapolates, mark)])


def _likeliest(program: Program, found: Sequence[Name], levels: Sequence[str]) -> Name:
    """The first of the likeliest classes."""
    best = found[0]
    label = program.let("label", Choice(((Missing(best), None),), Text(levels[0])), "text")
    for value, level in zip(found[1:], levels[1:], strict=True):
        label = program.let("label", Choice(((Below(best, value), Text(level)),), label), "text")
        best = program.let("best", Choice(((Below(best, value), value),), best))
    return label


def _to_units(program: Program, recipe: Recipe, value: Name) -> Value:
    """As `kanlab.data.transforms.to_units`."""
    transform = recipe.target_transform
    if transform.scale == "log":
        return Sum((Call("exp", value), Number(-transform.shift)))
    if transform.scale == "rank":
        ranks = np.linspace(0.0, 1.0, len(transform.points)) if len(transform.points) > 1 else np.zeros(1)
        return arithmetic.curve(value, ranks.tolist(), transform.points)
    return value


# ---- formulas


def _expression(program: Program, e: formula_parts.Expression, inputs: Mapping[int, Name]) -> Value:
    """A part of a formula; missing where it is not defined."""

    def of(part: formula_parts.Expression) -> Value:
        return _expression(program, part, inputs)

    match e:
        case formula_parts.Constant():
            return Number(float(e.value))
        case formula_parts.Variable():
            return inputs[e.index]
        case formula_parts.Sum():
            return Sum(tuple(map(of, e.parts)))
        case formula_parts.Product():
            return Product(tuple(map(of, e.parts)))
        case formula_parts.Power():
            return arithmetic.power(program, of(e.base), float(e.exponent.value))
        case formula_parts.Call():
            return program.let(e.function, arithmetic.function(program, e.function, of(e.argument)))
        case formula_parts.Curve():
            return program.let("phi", arithmetic.curve(program.let("inner", of(e.argument)), e.x, e.y))
