"""A formula in sympy: exact constants as such, symbols named as the columns."""

from __future__ import annotations

from collections.abc import Sequence

import sympy
from sympy import Expr, Float, Symbol

from kanlab.explain.named_formula import NamedFormula
from kanlab.formulas.expression import Call, Constant, Curve, Expression, Power, Product, Sum, Variable, is_decimal
from kanlab.stats.likelihood import COUNTS

_FUNCTIONS = {
    "exp": sympy.exp, "log": sympy.log, "sin": sympy.sin, "cos": sympy.cos, "tanh": sympy.tanh, "abs": sympy.Abs,
    "asin": sympy.asin, "atan": sympy.atan, "atanh": sympy.atanh, "cosh": sympy.cosh, "erf": sympy.erf,
    "gaussian": lambda v: sympy.exp(-(v**2)),
}  # fmt: skip


def symbols(formula: NamedFormula) -> list[Symbol]:
    """One for every feature."""
    return [Symbol(name, real=True) for name in formula.features]


def as_sympy(e: Expression, names: list[Symbol], tables: dict[Curve, int] | None = None) -> Expr:
    """An expression; a curve as the function phi_i, numbered in the order they come."""
    tables = {} if tables is None else tables

    def of(part: Expression) -> Expr:
        if isinstance(part, Constant):
            return Float(part.value, 17) if part.is_free or is_decimal(part) else _exact(part.exact)
        if isinstance(part, Variable):
            return names[part.index]
        if isinstance(part, Sum):
            return sympy.Add(*map(of, part.parts))
        if isinstance(part, Product):
            return sympy.Mul(*map(of, part.parts))
        if isinstance(part, Power):
            return sympy.Pow(of(part.base), of(part.exponent))
        if isinstance(part, Call):
            return _FUNCTIONS[part.function](of(part.argument))
        return sympy.Function(f"phi_{tables.setdefault(part, len(tables) + 1)}")(of(part.argument))

    return of(e)


def _exact(text: str) -> Expr:
    sign, body = (-1, text[1:]) if text.startswith("-") else (1, text)
    above, _, below = body.partition("/")
    value: Expr = sympy.Integer(sign)
    for factor in above.split("*"):
        value *= sympy.pi if factor == "pi" else sympy.E if factor == "e" else sympy.Integer(int(factor))
    return value / sympy.Integer(int(below or 1))


def whole(formula: NamedFormula) -> Expr:
    """What is predicted; `Formula.sympy` says of what."""
    names, tables = symbols(formula), dict[Curve, int]()
    values = [as_sympy(e, names, tables) for e in formula.expressions]
    if len(formula.levels) > 2:
        return sympy.Tuple(*values)
    (value,) = values
    if formula.task == COUNTS:
        return sympy.exp(value)
    if formula.levels:
        return 1 / (1 + sympy.exp(-value))
    if formula.transform.scale == "log":
        shift = formula.transform.shift
        return sympy.exp(value) - Float(shift, 17) if shift else sympy.exp(value)
    return value


def written(formula: NamedFormula) -> str:
    """`whole` on one line, its fitted numbers with four digits."""
    return _short(whole(formula))


def part_written(e: Expression, names: Sequence[str]) -> str:
    """A part of a formula on one line. names: of all columns."""
    return _short(as_sympy(e, [Symbol(name, real=True) for name in names]))


def _short(e: Expr) -> str:
    return str(e.xreplace({f: Float(f"{float(f):.4g}", 4) for f in e.atoms(Float)}))
