"""A formula as LaTeX, with the domain it was fitted to."""

from __future__ import annotations

import re

from kanlab.explain.named_formula import NamedFormula
from kanlab.formulas.expression import Call, Constant, Curve, Expression, Power, Product, Sum, Variable, is_decimal
from kanlab.formulas.functions import FUNCTIONS
from kanlab.stats.likelihood import COUNTS

_SIMPLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _]{0,14}")
_TERMS_A_LINE, _SIGNS_A_LINE = 3, 70  # at most; of signs as they are read, about
_SUM, _PRODUCT, _POWER = 1, 2, 3  # how tightly a thing holds together


def latex(formula: NamedFormula) -> tuple[str, dict[str, str]]:
    """The formula as LaTeX, and what its x_i are called where their names are too long or too odd to stand in it."""
    used = [formula.features[i] for i in formula.used]
    plain = all(_SIMPLE_NAME.fullmatch(name) for name in used)
    legend = {} if plain else {f"x_{{{i + 1}}}": formula.features[i] for i in formula.used}
    names = [_text(name) if plain else f"x_{{{i + 1}}}" for i, name in enumerate(formula.features)]
    tables: dict[Curve, int] = {}
    lines = []
    for output, e in enumerate(formula.expressions):
        parts = [_signed(part, names, tables) for part in (e.parts if isinstance(e, Sum) else (e,))]
        rows = _rows(parts)
        rows[0] = rows[0].removeprefix("+ ")
        lines.append(f"{_target(formula, output)} &= " + r" \\ &\quad ".join(rows))
    lines += [rf"&{_number(low)} \le {names[i]} \le {_number(high)}" for i, low, high in _domain(formula)]
    return r"\begin{aligned} " + r" \\[4pt] ".join(lines) + r" \end{aligned}", legend


def _rows(parts: list[str]) -> list[str]:
    """Terms on lines that a page has room for; a term is never broken."""
    rows: list[list[str]] = [[]]
    for part in parts:
        length = sum(len(re.sub(r"\\[a-z]+|[{}_^ ]", "", each)) for each in (*rows[-1], part))
        if rows[-1] and (len(rows[-1]) == _TERMS_A_LINE or length > _SIGNS_A_LINE):
            rows.append([])
        rows[-1].append(part)
    return [" ".join(row) for row in rows]


def _domain(formula: NamedFormula) -> list[tuple[int, float, float]]:
    return [(i, float(formula.domain[i, 0]), float(formula.domain[i, 1])) for i in formula.used]


def _text(name: str) -> str:
    return rf"\text{{{name}}}".replace("_", r"\_")


def _target(formula: NamedFormula, output: int) -> str:
    if len(formula.levels) > 2:
        one, zero = formula.levels[output + 1], formula.levels[0]
        if _SIMPLE_NAME.fullmatch(one) and _SIMPLE_NAME.fullmatch(zero):
            one, zero = _text(one), _text(zero)
        else:
            one, zero = str(output + 1), "0"
        return rf"\ln\frac{{p_{{{one}}}}}{{p_{{{zero}}}}}"
    if formula.levels:
        return r"\ln\frac{p}{1-p}"
    name = rf"\widehat{{{_text(formula.target)}}}" if _SIMPLE_NAME.fullmatch(formula.target) else r"\hat{y}"
    if formula.task == COUNTS:
        return rf"\ln {name}"
    if formula.transform.scale == "log":
        shift = formula.transform.shift
        return rf"\ln\left({name}{f' + {_number(shift)}' if shift else ''}\right)"
    return rf"\mathrm{{rank}}\left({name}\right)" if formula.transform.scale == "rank" else name


def _signed(e: Expression, names: list[str], tables: dict[Curve, int]) -> str:
    """A term with its sign."""
    if isinstance(e, Constant) and e.value < 0:
        return f"- {_constant(Constant(-e.value, e.exact.removeprefix('-')))}"
    if isinstance(e, Product):
        negative = [i for i, p in enumerate(e.parts) if isinstance(p, Constant) and p.value < 0]
        if len(negative) % 2:
            i = negative[0]
            size = e.parts[i]
            assert isinstance(size, Constant)
            rest = (*e.parts[:i], Constant(-size.value, size.exact.removeprefix("-")), *e.parts[i + 1 :])
            return f"- {_written(Product(rest), names, tables, _PRODUCT)}"
    return f"+ {_written(e, names, tables, _PRODUCT)}"


def _written(e: Expression, names: list[str], tables: dict[Curve, int], within: int = 0) -> str:
    """An expression inside one that holds together as tightly as `within`."""

    def of(part: Expression, tight: int = 0) -> str:
        return _written(part, names, tables, tight)

    if isinstance(e, Constant):
        text = _constant(e)
        return (
            rf"\left({text}\right)"
            if within >= _PRODUCT and (e.value < 0 or (r"\cdot" in text and within == _POWER))
            else text
        )
    if isinstance(e, Variable):
        return names[e.index]
    if isinstance(e, Sum):
        text = " ".join(_signed(part, names, tables) for part in e.parts).removeprefix("+ ")
        return rf"\left({text}\right)" if within >= _PRODUCT else text
    if isinstance(e, Product):
        if not within and (signed := _signed(e, names, tables)).startswith("- "):
            return f"-{signed[2:]}"
        text = _product(e, names, tables)
        return rf"\left({text}\right)" if within >= _POWER else text
    if isinstance(e, Power):
        if e.exponent.exact == "1/2":
            return rf"\sqrt{{{of(e.base)}}}"
        if e.exponent.exact == "-1":
            text = rf"\frac{{1}}{{{of(e.base)}}}"
        else:
            text = f"{{{of(e.base, _POWER)}}}^{{{_constant(e.exponent)}}}"
        return rf"\left({text}\right)" if within >= _POWER else text
    if isinstance(e, Call):
        text = FUNCTIONS[e.function].latex.format(of(e.argument))
        return rf"\left({text}\right)" if within >= _POWER else text
    number = tables.setdefault(e, len(tables) + 1)
    return rf"\varphi_{{{number}}}\left({of(e.argument)}\right)"


def _product(e: Product, names: list[str], tables: dict[Curve, int]) -> str:
    """Factors above and below a fraction bar; a factor of 1 is not written."""
    above, below = [], []
    for part in e.parts:
        if isinstance(part, Power) and part.exponent.exact in ("-1", "-2", "-1/2"):
            inverse = part.exponent.exact[1:]
            below.append(part.base if inverse == "1" else Power(part.base, Constant(-part.exponent.value, inverse)))
        elif not (isinstance(part, Constant) and part.value == 1.0):
            above.append(part)

    def joined(parts: list[Expression]) -> str:
        if len(parts) == 1:
            return _written(parts[0], names, tables)
        return r" \, ".join(_written(part, names, tables, _PRODUCT) for part in parts)

    if below:
        return rf"\frac{{{joined(above) if above else '1'}}}{{{joined(below)}}}"
    return r" \, ".join(_written(part, names, tables, _PRODUCT) for part in above) if above else "1"


def _constant(c: Constant) -> str:
    if not c.exact:
        return _number(c.value)
    if is_decimal(c):
        return _number(c.value, 12)
    above, _, below = c.exact.replace("pi", r"\pi").replace("*", r" ").partition("/")
    sign = "-" if above.startswith("-") else ""
    return rf"{sign}\frac{{{above.removeprefix('-')}}}{{{below}}}" if below else above


def _number(value: float, digits: int = 4) -> str:
    """So many digits, powers of ten as LaTeX writes them."""
    text = f"{value:.{digits}g}"
    mantissa, _, power = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else text
