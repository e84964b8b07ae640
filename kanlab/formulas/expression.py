"""Expressions: sums, products, powers, functions and curves of variables and constants. Immutable; compared by what they say.

Variables are numbered as the columns of X. A constant is free, and then fitted, or `exact`, a number such as 2 or pi/2 that it
was found to be. A `Curve` is a table of one argument, linear between its points: what stays where no function fits.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import Any, ClassVar

from kanlab.errors import KanlabError
from kanlab.formulas.functions import FUNCTIONS
from kanlab.language import say


@dataclass(frozen=True, slots=True)
class Constant:
    """A number. exact: how it is written where it is no fitted one, "pi/2".  error: its standard error where it is fitted."""

    value: float
    exact: str = ""
    error: float | None = None

    kind: ClassVar[str] = "constant"

    @property
    def is_free(self) -> bool:
        return not self.exact


@dataclass(frozen=True, slots=True)
class Variable:
    """A column of X by its number."""

    index: int

    kind: ClassVar[str] = "variable"


@dataclass(frozen=True, slots=True)
class Sum:
    """Two or more terms."""

    parts: tuple[Expression, ...]

    kind: ClassVar[str] = "sum"


@dataclass(frozen=True, slots=True)
class Product:
    """Two or more factors."""

    parts: tuple[Expression, ...]

    kind: ClassVar[str] = "product"


@dataclass(frozen=True, slots=True)
class Power:
    """base^exponent; a free exponent needs a base above 0."""

    base: Expression
    exponent: Constant

    kind: ClassVar[str] = "power"


@dataclass(frozen=True, slots=True)
class Call:
    """A function of `kanlab.formulas.functions`."""

    function: str
    argument: Expression

    kind: ClassVar[str] = "call"


@dataclass(frozen=True, slots=True)
class Curve:
    """A table x, y (points,), x ascending: linear between, and held beyond its ends."""

    argument: Expression
    x: tuple[float, ...]
    y: tuple[float, ...]

    kind: ClassVar[str] = "curve"


Expression = Constant | Variable | Sum | Product | Power | Call | Curve


class ExpressionError(KanlabError):
    """What is no expression of this version."""


_EXACT = re.compile(r"-?(\d{1,6}|\d{0,3}\*?(pi|e))(/\d{1,6})?")
_DECIMAL = re.compile(r"-?\d{1,45}\.\d{1,65}")  # what a user holds a constant at


def exact_value(text: str) -> float:
    """The number that the text of an exact constant stands for. Raises ExpressionError where it is none.

    >>> exact_value("-3/4"), round(exact_value("2*pi"), 3)
    (-0.75, 6.283)
    """
    if _DECIMAL.fullmatch(text):
        return float(text)
    if not _EXACT.fullmatch(text) or text.endswith("/0"):
        raise ExpressionError(say("{text!r} is no exact number of a formula.", text=text[:40]))
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    above, _, below = body.partition("/")
    value = 1.0
    for factor in above.split("*"):
        value *= {"pi": math.pi, "e": math.e}.get(factor) or float(factor)
    return sign * value / (float(below) if below else 1.0)


def exact(text: str | int) -> Constant:
    """A constant that is not fitted.

    >>> exact("1/2")
    Constant(value=0.5, exact='1/2', error=None)
    """
    return Constant(exact_value(str(text)), str(text))


def held(number: str | float) -> Constant:
    """A constant that is held at any number: a text as of `exact`, such as "pi/2", or a decimal number.

    >>> held("1/3").exact, held(9.81).exact, held("6.674e-11").exact, held(2.0).exact
    ('1/3', '9.81', '0.00000000006674', '2.0')
    """
    text = str(number).replace(" ", "")
    if _EXACT.fullmatch(text) or _DECIMAL.fullmatch(text):
        return exact(text)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (value == 0 or 1e-20 <= abs(value) < 1e20):
        raise ExpressionError(
            say("{text!r} is no number to hold a constant at, such as 9.81, 1/3, pi/2 or 6.7e-11.", text=text[:40])
        )
    return exact(decimal(value))


def decimal(value: float) -> str:
    """A number as the text of an exact constant, all its digits written."""
    text = f"{Decimal(repr(value)):f}"
    whole = text.removesuffix(".0")
    return whole if _EXACT.fullmatch(whole) else text if "." in text else f"{text}.0"


def is_decimal(c: Constant) -> bool:
    """Whether a constant is held at a decimal number, which a user gave."""
    return "." in c.exact


def total(parts: Iterable[Expression]) -> Expression:
    """The sum of any number of terms; 0 of none."""
    terms = tuple(parts)
    return Sum(terms) if len(terms) > 1 else terms[0] if terms else exact(0)


def times(*factors: Expression) -> Expression:
    """The product of any number of factors; 1 of none."""
    return Product(factors) if len(factors) > 1 else factors[0] if factors else exact(1)


def children(e: Expression) -> tuple[Expression, ...]:
    """What an expression is made of, one level down."""
    if isinstance(e, Sum | Product):
        return e.parts
    if isinstance(e, Power):
        return e.base, e.exponent
    return (e.argument,) if isinstance(e, Call | Curve) else ()


def with_children(e: Expression, parts: tuple[Expression, ...]) -> Expression:
    """The same with other parts, as many as it has; of sums and products any number."""
    if isinstance(e, Sum):
        return total(parts)
    if isinstance(e, Product):
        return times(*parts)
    if isinstance(e, Power):
        assert isinstance(parts[1], Constant)
        return Power(parts[0], parts[1])
    return replace(e, argument=parts[0]) if isinstance(e, Call | Curve) else e


def walk(e: Expression) -> Iterator[Expression]:
    """Every part, itself first, in a fixed order."""
    yield e
    for part in children(e):
        yield from walk(part)


def constants(e: Expression) -> list[Constant]:
    """Every constant in the order of `walk`."""
    return [part for part in walk(e) if isinstance(part, Constant)]


def free_constants(e: Expression) -> list[Constant]:
    """Those that are fitted."""
    return [c for c in constants(e) if c.is_free]


def with_constants(e: Expression, of: Callable[[int, Constant], Constant]) -> Expression:
    """Every constant put through a function of its place among them and itself."""
    place = -1

    def again(part: Expression) -> Expression:
        nonlocal place
        if isinstance(part, Constant):
            place += 1
            return of(place, part)
        parts = children(part)
        return with_children(part, tuple(again(p) for p in parts)) if parts else part

    return again(e)


def with_values(e: Expression, values: Iterable[float]) -> Expression:
    """Other values of the free constants, in the order of `free_constants`."""
    given = iter(values)
    return with_constants(e, lambda _, c: Constant(float(next(given))) if c.is_free else c)


def variables(e: Expression) -> list[int]:
    """The variables in it, ascending."""
    return sorted({part.index for part in walk(e) if isinstance(part, Variable)})


def curves(e: Expression) -> list[Curve]:
    """The tables in it."""
    return [part for part in walk(e) if isinstance(part, Curve)]


def complexity(e: Expression) -> int:
    """Operations, functions, constants and variables, as it is written: x + 2 y^2 has 7. A curve counts as its points.

    >>> complexity(Sum((Variable(0), Product((exact(2), Power(Variable(1), exact(2)))))))
    7
    """
    if isinstance(e, Constant | Variable):
        return 1
    inside = sum(complexity(part) for part in children(e))
    if isinstance(e, Sum | Product):
        minus = sum(1 for part in e.parts if isinstance(e, Product) and isinstance(part, Constant) and part.value == -1)
        return inside + len(e.parts) - 1 - min(minus, 1)
    return inside + 1 + (len(e.x) if isinstance(e, Curve) else 0)


def renumbered(e: Expression, columns: tuple[int, ...]) -> Expression:
    """The same with variable i as columns[i]."""
    if isinstance(e, Variable):
        return Variable(columns[e.index])
    parts = children(e)
    return with_children(e, tuple(renumbered(p, columns) for p in parts)) if parts else e


# ---- JSON


def to_json(e: Expression) -> Any:
    """Plain lists, strings and numbers, which `from_json` reads.

    >>> to_json(Sum((Variable(0), Constant(0.5))))
    ['sum', ['variable', 0], ['constant', 0.5, '', None]]
    """
    if isinstance(e, Constant):
        return ["constant", e.value, e.exact, e.error]
    if isinstance(e, Variable):
        return ["variable", e.index]
    parts = [to_json(part) for part in children(e)]
    if isinstance(e, Call):
        return ["call", e.function, *parts]
    if isinstance(e, Curve):
        return ["curve", *parts, list(e.x), list(e.y)]
    return [e.kind, *parts]


def from_json(content: Any, depth: int = 0) -> Expression:
    """An expression of what `to_json` made. Raises ExpressionError for anything else.

    >>> from_json(["call", "system", ["variable", 0]])
    Traceback (most recent call last):
        ...
    kanlab.formulas.expression.ExpressionError: ...'system'...
    """
    if depth > 60 or not isinstance(content, list) or not content or not isinstance(content[0], str):
        raise ExpressionError(say("{content!r} is no formula of this version of kanlab.", content=str(content)[:60]))
    kind, *rest = content
    if kind == "constant" and len(rest) == 3 and isinstance(rest[1], str):
        if rest[1]:
            return exact(rest[1])
        return Constant(_number(rest[0]), "", None if rest[2] is None else _number(rest[2]))
    if kind == "variable" and len(rest) == 1 and type(rest[0]) is int and rest[0] >= 0:
        return Variable(rest[0])
    if kind in ("sum", "product") and len(rest) >= 2:
        parts = tuple(from_json(part, depth + 1) for part in rest)
        return Sum(parts) if kind == "sum" else Product(parts)
    if kind == "power" and len(rest) == 2:
        base, exponent = (from_json(part, depth + 1) for part in rest)
        if isinstance(exponent, Constant):
            return Power(base, exponent)
    if kind == "call" and len(rest) == 2 and rest[0] in FUNCTIONS:
        return Call(rest[0], from_json(rest[1], depth + 1))
    if kind == "curve" and len(rest) == 3 and isinstance(rest[1], list) and isinstance(rest[2], list):
        x, y = (tuple(_number(v) for v in values) for values in rest[1:])
        if len(x) == len(y) >= 2 and all(a < b for a, b in pairwise(x)):
            return Curve(from_json(rest[0], depth + 1), x, y)
    raise ExpressionError(say("{content!r} is no formula of this version of kanlab.", content=str(content)[:60]))


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ExpressionError(say("{value!r} is no number of a formula.", value=str(value)[:60]))
    return float(value)
