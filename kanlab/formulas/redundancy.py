"""Constants that say the same twice, taken out: the scale of c / (k1 a + k2 b), the shift of c exp(k0 + k1 a).

Rows tell no such constants apart, so that none of them has a standard error and none is near a round number. In a product

    c (k1 A + k2 B)^p = (c |k1|^p) (A + (k2 / k1) B)^p        c exp(k0 + u) = (c exp k0) exp u

and in a sum with a constant c, of a logarithm with coefficient b, c + b log(k1 A + k2 B) = (c + b log|k1|) + b log(A + ...).
"""

from __future__ import annotations

import math

from kanlab.formulas.expression import (
    Call,
    Constant,
    Expression,
    Power,
    Product,
    Sum,
    children,
    exact,
    times,
    total,
    with_children,
)
from kanlab.formulas.simplify import simplified, split


def without_redundant(e: Expression) -> Expression:
    """The same function with as many free constants as can be told apart in it.

    >>> from kanlab.formulas.expression import Variable
    >>> below = Sum((Product((Constant(4.0), Variable(0))), Product((Constant(2.0), Variable(1)))))
    >>> without_redundant(Product((Constant(8.0), Power(below, exact(-1))))).parts[0].value
    2.0
    """
    again = _reduced(e)
    return e if again == e else simplified(again)


def _reduced(e: Expression) -> Expression:
    parts = tuple(map(_reduced, children(e)))
    e = with_children(e, parts) if parts else e
    if isinstance(e, Product):
        return _product(e)
    return _sum(e) if isinstance(e, Sum) else e


def _product(e: Product) -> Expression:
    """With one free constant as a factor, and none of it in the other factors."""
    constant, rest = 1.0, list[Expression]()
    free = [p for p in e.parts if isinstance(p, Constant) and p.is_free]
    scaled = [p for p in e.parts if _scale(p) is not None]
    if not free and len(scaled) < 2:
        return e
    for part in e.parts:
        if isinstance(part, Constant) and part.is_free:
            constant *= part.value
            continue
        found = _scale(part)
        if found is not None:
            constant, part = constant * found[0], found[1]
        rest.append(part)
    if not (math.isfinite(constant) and constant):
        return e
    return times(Constant(constant), *rest)


def _scale(part: Expression) -> tuple[float, Expression] | None:
    """A factor as a free number times a factor without it; None where it has none."""
    if isinstance(part, Call) and part.function == "exp":
        shift, rest = _shift(part.argument)
        if shift is None or abs(shift) > 200:
            return None
        return math.exp(shift), Call("exp", rest)
    base, exponent = (part.base, part.exponent) if isinstance(part, Power) else (part, exact(1))
    if exponent.is_free:
        return None
    k, unit = _leading(base)
    if unit is None:
        return None
    size = abs(k) ** exponent.value
    if not (math.isfinite(size) and size):
        return None
    return size, Power(unit, exponent) if isinstance(part, Power) else unit


def _leading(base: Expression) -> tuple[float, Expression | None]:
    """The coefficient of a sum whose terms all have a free one, and the sum divided by its size; None where one has not."""
    if not isinstance(base, Sum):
        return 1.0, None
    found = [(term, exact(1)) if isinstance(term, Constant) else split(term)[::-1] for term in base.parts]
    coefficients = [term if isinstance(term, Constant) else c for term, c in found]
    if not all(c.is_free for c in coefficients):
        return 1.0, None
    varying = [i for i, (term, _) in enumerate(found) if not isinstance(term, Constant)]
    if not varying:
        return 1.0, None
    most = max(varying, key=lambda i: abs(coefficients[i].value))
    k = coefficients[most].value
    if not k or not math.isfinite(k):
        return 1.0, None
    made: list[Expression] = []
    for i, (term, _) in enumerate(found):
        c = exact(1 if k > 0 else -1) if i == most else Constant(coefficients[i].value / abs(k))
        made.append(c if isinstance(term, Constant) else times(c, term))
    return k, total(made)


def _shift(argument: Expression) -> tuple[float | None, Expression]:
    """The free constant term of a sum, and the rest."""
    if not isinstance(argument, Sum):
        return None, argument
    free = [p for p in argument.parts if isinstance(p, Constant) and p.is_free]
    if not free:
        return None, argument
    return sum(p.value for p in free), total(p for p in argument.parts if p not in free)


def _sum(e: Sum) -> Expression:
    """With the scales of logarithms in its free constant."""
    shift, _ = _shift(e)
    if shift is None:
        return e
    made: list[Expression] = []
    for term in e.parts:
        if isinstance(term, Constant) and term.is_free:
            continue
        c, rest = split(term)
        if isinstance(rest, Call) and rest.function == "log":
            k, unit = _leading(rest.argument)
            if unit is not None:
                shift += c.value * math.log(abs(k))
                term = times(c, Call("log", unit))
        made.append(term)
    return total([*made, Constant(shift)])
