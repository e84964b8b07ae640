"""Expressions written shorter without a change of what they say: nested sums and products flat, constants merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from kanlab.formulas.expression import (
    Call,
    Constant,
    Curve,
    Expression,
    Power,
    Product,
    Sum,
    children,
    decimal,
    exact,
    is_decimal,
    times,
    total,
    with_children,
)
from kanlab.formulas.functions import EVEN

Path = tuple[int, ...]


def simplified(e: Expression) -> Expression:
    """The same function: sums and products flattened, their constants merged, like terms and equal bases put together.

    A free constant that takes in an exact one stays free.

    >>> from kanlab.formulas.expression import Variable
    >>> x = Variable(0)
    >>> simplified(Product((exact(2), Product((x, Power(x, exact(2)), exact(3))))))
    Product(parts=(Constant(value=6.0, exact='6', error=None), Power(base=Variable(index=0), exponent=Constant(value=3.0, ...
    """
    parts = tuple(simplified(part) for part in children(e))
    if isinstance(e, Sum):
        return _sum(parts)
    if isinstance(e, Product):
        return _product(parts)
    if isinstance(e, Power):
        assert isinstance(parts[1], Constant)
        return _power(parts[0], parts[1])
    if isinstance(e, Call):
        return _call(e.function, parts[0])
    return with_children(e, parts) if isinstance(e, Curve) else e


def _sum(parts: tuple[Expression, ...]) -> Expression:
    constants: list[Constant] = []
    terms: dict[Expression, list[Constant]] = {}
    for part in parts:
        for term in part.parts if isinstance(part, Sum) else (part,):
            if isinstance(term, Constant):
                constants.append(term)
                continue
            coefficient, rest = split(term)
            terms.setdefault(rest, []).append(coefficient)
    made: list[Expression] = []
    for rest, coefficients in terms.items():
        c = _added(coefficients)
        if c.exact == "0":
            continue
        made.append(_product((c, rest)))
    constant = _added(constants)
    if constants and constant.exact != "0":
        made.append(constant)
    return total(made)


def split(term: Expression) -> tuple[Constant, Expression]:
    """A term as its coefficient and the rest."""
    if isinstance(term, Product):
        first = [p for p in term.parts if isinstance(p, Constant)]
        rest = tuple(p for p in term.parts if not isinstance(p, Constant))
        if len(first) == 1 and rest:
            return first[0], times(*rest)
    return exact(1), term


def _added(constants: list[Constant]) -> Constant:
    if any(c.is_free for c in constants):
        return constants[0] if len(constants) == 1 else Constant(sum(c.value for c in constants))
    return _folded(constants, Fraction(0), lambda a, b: a + b)


def _multiplied(constants: list[Constant]) -> Constant:
    if any(c.is_free for c in constants):
        if len(constants) == 1:
            return constants[0]
        value = 1.0
        for c in constants:
            value *= c.value
        return Constant(value)
    return _folded(constants, Fraction(1), lambda a, b: a * b)


def _folded(constants: list[Constant], start: Fraction, of: Callable[[Fraction, Fraction], Fraction]) -> Constant:
    """Exact constants as one; with pi or e among several as a free one of their value."""
    if len(constants) == 1:
        return constants[0]
    given = any(map(is_decimal, constants))  # what a user holds stays held
    if given or any("pi" in c.exact or "e" in c.exact for c in constants):  # which are no fractions
        value = float(start)
        for c in constants:
            value = float(of(value, c.value))  # type: ignore[arg-type]
        return exact(decimal(value)) if given and (value == 0 or 1e-40 < abs(value) < 1e40) else Constant(value)
    for c in constants:
        start = of(start, Fraction(c.exact))
    if start.denominator > 10**5 or abs(start.numerator) > 10**5:
        return Constant(float(start))
    return exact(str(start))


def _product(parts: tuple[Expression, ...]) -> Expression:
    constants: list[Constant] = []
    bases: dict[Expression, list[Constant]] = {}
    for part in parts:
        for factor in part.parts if isinstance(part, Product) else (part,):
            if isinstance(factor, Constant):
                constants.append(factor)
            elif isinstance(factor, Power) and not factor.exponent.is_free:
                bases.setdefault(factor.base, []).append(factor.exponent)
            elif isinstance(factor, Power):
                bases.setdefault(factor, []).append(exact(1))
            else:
                bases.setdefault(factor, []).append(exact(1))
    made: list[Expression] = []
    for base, exponents in bases.items():
        powered = _power(base, _added(exponents))
        if isinstance(powered, Constant):
            constants.append(powered)
        else:
            made.append(powered)
    constant = _multiplied(constants)
    if constant.exact == "0":
        return constant
    if constants and (constant.exact != "1" or not made):
        made.insert(0, constant)
    return times(*made)


def _power(base: Expression, exponent: Constant) -> Expression:
    if exponent.exact == "1":
        return base
    if exponent.exact == "0":
        return exact(1)
    if isinstance(base, Constant):
        if base.is_free:
            return (
                Constant(base.value**exponent.value)
                if base.value > 0 or (_whole(exponent) and base.value)
                else Power(base, exponent)
            )
        return exact(1) if base.exact == "1" else Power(base, exponent)
    if isinstance(base, Power) and _whole(base.exponent) and _whole(exponent):
        return _power(base.base, _multiplied([base.exponent, exponent]))
    if isinstance(base, Power) and base.exponent.exact in ("1/2", "-1/2") and _whole(exponent):
        return _power(base.base, _multiplied([base.exponent, exponent]))
    if isinstance(base, Call) and base.function == "exp":
        return Call("exp", _product((exponent, base.argument)))
    return Power(base, exponent)


def _whole(c: Constant) -> bool:
    return not c.is_free and c.value == round(c.value)


def _call(function: str, argument: Expression) -> Expression:
    if function == "exp" and isinstance(argument, Call) and argument.function == "log":
        return argument.argument
    if function == "log" and isinstance(argument, Call) and argument.function == "exp":
        return argument.argument
    if (
        function in EVEN
        and isinstance(argument, Product)
        and any(isinstance(p, Constant) and p.exact == "-1" for p in argument.parts)
    ):
        return Call(function, times(*(p for p in argument.parts if not (isinstance(p, Constant) and p.exact == "-1"))))
    return Call(function, argument)


# ---- places in an expression


def places(e: Expression, path: Path = ()) -> Iterator[tuple[Path, Expression]]:
    """Every part with the way to it, in the order of the steps of `kanlab.formulas.program`: parts first."""
    for i, part in enumerate(children(e)):
        yield from places(part, (*path, i))
    yield path, e


def at(e: Expression, path: Path) -> Expression:
    """The part at the end of a way."""
    for i in path:
        e = children(e)[i]
    return e


def replaced(e: Expression, path: Path, new: Expression | None) -> Expression:
    """The expression with another part at the end of a way; without it for None, where it is a term or a factor."""
    if not path:
        return exact(0) if new is None else new
    parts = list(children(e))
    if len(path) == 1 and new is None:
        del parts[path[0]]
        return with_children(e, tuple(parts))
    parts[path[0]] = replaced(parts[path[0]], path[1:], new)
    return with_children(e, tuple(parts))
