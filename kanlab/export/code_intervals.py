"""The interval of a prediction as steps of a program: what kanlab.explain.interval_columns gives, at one level."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import ceil
from typing import Any

from kanlab.explain.interval_columns import BETWEEN
from kanlab.export.code_arithmetic import held
from kanlab.export.code_program import (
    Below,
    Call,
    Choice,
    Column,
    Missing,
    Name,
    Number,
    Product,
    Program,
    Quotient,
    Sum,
    Text,
    Value,
)
from kanlab.language import marked
from kanlab.stats.interval_bounds import ROUNDING, score_quantile
from kanlab.stats.likelihood import COUNTS

NO_SETS = marked("Sets of more than two classes are given by a bundle alone.")
_NEWTON = 7  # steps to a bound of a count


def add_bounds(
    program: Program,
    record: Mapping[str, Any],
    level: float,
    predicted: Name,
    inputs: Sequence[Name],
    back: Callable[[Name], Value],
    weight: Name | None = None,
) -> tuple[Name, Name]:
    """Lower and upper bound in units of the target.

    predicted: on the scale of the fit, of counts the mean.  inputs: of the model.  back: from there to units.  weight: how
    precise the row is, in units of the record's, missing or at most 0 where that is not known.
    """
    counts = record["task"] == COUNTS
    at = program.let("log_mean", Call("ln", predicted)) if counts else predicted
    width = _spread(program, record["scale"], at, inputs)
    if weight is not None:
        known: tuple[tuple[Below | Missing, Value], ...] = (
            (Missing(weight), Number(1.0)),
            (Below(Number(0.0), weight), Call("sqrt", weight)),
        )
        width = Quotient(width, program.let("precision", Choice(known, Number(1.0))))
    bounds = []
    for upper in (False, True):
        reach = Product((Number(score_quantile(record, level, upper=upper)), width))
        if counts:
            value = _count_bound(program, predicted, program.let("reach", reach), upper=upper)
        else:
            value = Sum((predicted, reach if upper else Product((Number(-1.0), reach))))
        bound = program.let("bound", back(program.let("bound", value)))
        bounds.append(program.let("upper" if upper else "lower", Choice(((Missing(predicted), None),), bound)))
    return bounds[0], bounds[1]


def add_weight(program: Program, record: Mapping[str, Any]) -> Name | None:
    """The weight of a row in units of the record's; None where rows are equally precise, or another column has its name."""
    weight = record.get("weight")
    if not weight or any(column.name == weight["column"] for column in program.columns):
        return None
    column = Column(weight["column"], optional=True)
    program.columns.append(column)
    program.notes.append(weight_note(weight))
    cell = program.let(f"c{len(program.columns)}", column)
    return program.let("weight", Quotient(cell, Number(float(weight["unit"]))))


def weight_note(weight: Mapping[str, Any]) -> str:
    """What to know of the column of weights. weight: of a record."""
    return (
        f'The column "{weight["column"]}" may be missing: an interval is that of the weight of its row there, of a row '
        f"without one that of the weight {weight['unit']:.4g}."
    )


def add_set(program: Program, record: Mapping[str, Any], level: float, p: Name, levels: Sequence[str]) -> Name:
    """The set of two classes, the likelier first, by the probability of the second."""
    first, second = levels
    both = BETWEEN.join((first, second)), BETWEEN.join((second, first))
    most = most_before(record, level)
    alone = Below(Number(most), program.let("likeliest", Choice(((Below(p, Number(0.5)), _other(p)),), p)))
    less, more = Below(p, Number(0.5)), Below(Number(0.5), p)
    branches = (
        (Missing(p), None),
        (less, Choice(((alone, Text(first)),), Text(both[0]))),
        (more, Choice(((alone, Text(second)),), Text(both[1]))),
    )
    even = Text(both[1] if most >= 0.5 else first)
    return program.let("set", Choice(branches, even), "text")


def most_before(record: Mapping[str, Any], level: float) -> float:
    """A class is in the set where all likelier ones together have at most this probability; 2 where the rows are too few."""
    if ceil((record["rows"] + 1) * level - ROUNDING) > record["rows"]:
        return 2.0
    return score_quantile(record, level, upper=True) + ROUNDING


def _other(p: Name) -> Sum:
    return Sum((Number(1.0), Product((Number(-1.0), p))))


def _spread(program: Program, scale: Mapping[str, Any] | None, at: Name, inputs: Sequence[Name]) -> Value:
    """As `kanlab.stats.interval_bounds.spread`."""
    if scale is None:
        return Number(1.0)
    terms: list[Value] = [Number(scale["offset"])]
    of = [at] if scale["of"] == "output" else inputs
    parts = zip(of, scale["center"], scale["width"], scale["linear"], scale["square"], strict=True)
    for each, center, width, linear, square in parts:
        z = program.let("place", Quotient(Sum((each, Number(-center))), Number(width)))
        z = program.let("place", held(z, -1.0, 1.0))
        terms += [Product((Number(linear), z)), Product((Number(square), z, z))]
    logarithm = program.total("log_spread", terms)
    return program.let("spread", Call("exp", program.let("log_spread", held(logarithm, scale["low"], scale["high"]))))


def _count_bound(program: Program, mean: Name, reach: Name, *, upper: bool) -> Value:
    """As `kanlab.stats.interval_bounds.count_bounds`, by Newton's method from outside, which never crosses the bound.

    The bound y has y ln(y / mean) - y + mean = half, a function that is convex; half the deviance that it reaches to.
    """
    half = program.let("half", Product((Number(0.5), reach, reach)))
    short = Sum((half, Product((Number(-1.0), mean))))
    if upper:  # Bernstein's bound
        third = program.let("third", Quotient(half, Number(3.0)))
        root = Call("sqrt", Sum((Product((third, third)), Product((Number(2.0), half, mean)))))
        y = program.let("count", Sum((mean, third, root)))
    else:  # of Lambert's W (Chatzigeorgiou 2013)
        left = program.let("left", Sum((Number(1.0), Product((Number(-1.0), Quotient(half, mean))))))
        u = program.let(
            "u", Choice(((Below(Number(0.0), left), Product((Number(-1.0), Call("ln", left)))),), Number(0.0))
        )
        power = Product((Number(-1.0), Sum((u, Call("sqrt", Product((Number(2.0), u)))))))
        y = program.let("count", Product((mean, Call("exp", power))))
    for _ in range(_NEWTON):
        slope = program.let("slope", Call("ln", Quotient(y, mean)))
        at = program.let("size", Call("abs", slope))
        y = program.let("count", Choice(((Below(at, Number(1e-9)), y),), Quotient(Sum((y, short)), slope)))
    if upper:
        most = program.let("most", Call("floor", Sum((y, Number(ROUNDING)))))
        above = program.let("above", _ceiling(mean))
        return Choice(((Below(most, above), above),), most)
    least = program.let("least", _ceiling(Sum((y, Number(-ROUNDING)))))
    under = program.let("under", Call("floor", mean))
    least = program.let("least", Choice(((Below(under, least), under),), least))
    none = (Below(Number(0.0), left), Choice(((Below(least, Number(0.0)), Number(0.0)),), least))
    return Choice((none,), Number(0.0))


def _ceiling(value: Value) -> Product:
    return Product((Number(-1.0), Call("floor", Product((Number(-1.0), value)))))
