"""A formula as LaTeX, with the domain it was fitted to."""

from __future__ import annotations

import re
from typing import NamedTuple

from kanlab.explain.named_formula import NamedFormula
from kanlab.formulas.expression import Call, Constant, Curve, Expression, Power, Product, Sum, Variable, is_decimal
from kanlab.formulas.functions import FUNCTIONS
from kanlab.stats.likelihood import COUNTS

_SIMPLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _]{0,14}")
_TERMS_A_LINE, _SIGNS_A_LINE = 3, 70  # at most; of signs as they are read, about
_LONG = 26  # signs from which a bracket, a fraction or a root is written so that a line can end within it
_SUM, _PRODUCT, _POWER = 1, 2, 3  # how tightly a thing holds together


class _Writer(NamedTuple):
    """names: of the columns.  tables: the curves that came so far.  breaks: whether a line may end within a term."""

    names: list[str]
    tables: dict[Curve, int]
    breaks: bool = False

    def is_long(self, text: str) -> bool:
        return self.breaks and _signs(text) > _LONG

    def bracketed(self, text: str) -> str:
        return f"({text})" if self.is_long(text) else rf"\left({text}\right)"


def latex(formula: NamedFormula) -> tuple[str, dict[str, str]]:
    """The formula as LaTeX, and what its x_i are called where their names are too long or too odd to stand in it."""
    names, legend = _names(formula)
    writer = _Writer(names, {})
    lines = []
    for output, e in enumerate(formula.expressions):
        parts = [_signed(part, writer) for part in (e.parts if isinstance(e, Sum) else (e,))]
        rows = _rows(parts)
        rows[0] = rows[0].removeprefix("+ ")
        lines.append(f"{_target(formula, output)} &= " + r" \\ &\quad ".join(rows))
    words = ["for", *["and"] * len(formula.used)]
    lines += [rf"&\text{{{word}}}\ {range_}" for word, range_ in zip(words, _domain(formula, names), strict=False)]
    return r"\begin{aligned} " + r" \\[4pt] ".join(lines) + r" \end{aligned}", legend


def wrapping_latex(formula: NamedFormula) -> list[str]:
    """The formula as LaTeX of one line an output, which may be broken at operators and between factors, and its domain.

    Long brackets, fractions and roots are written so that a line can end within them: (a + b)^{1/2} for a root.
    """
    names, _ = _names(formula)
    writer = _Writer(names, {}, breaks=True)
    lines = [f"{_target(formula, output)} = {_written(e, writer)}" for output, e in enumerate(formula.expressions)]
    domain = _domain(formula, names)
    return [*lines, r",\quad \allowbreak ".join(domain)] if domain else lines


def _names(formula: NamedFormula) -> tuple[list[str], dict[str, str]]:
    """The columns as they are written, and what their x_i are called where they are."""
    used = [formula.features[i] for i in formula.used]
    plain = all(_SIMPLE_NAME.fullmatch(name) for name in used)
    legend = {} if plain else {f"x_{{{i + 1}}}": formula.features[i] for i in formula.used}
    return [_text(name) if plain else f"x_{{{i + 1}}}" for i, name in enumerate(formula.features)], legend


def _signs(text: str) -> int:
    """About how many signs are read."""
    return len(re.sub(r"\\[a-z]+|[{}_^ ]", "", text))


def _rows(parts: list[str]) -> list[str]:
    """Terms on lines that a page has room for; a term is never broken."""
    rows: list[list[str]] = [[]]
    for part in parts:
        length = sum(map(_signs, (*rows[-1], part)))
        if rows[-1] and (len(rows[-1]) == _TERMS_A_LINE or length > _SIGNS_A_LINE):
            rows.append([])
        rows[-1].append(part)
    return [" ".join(row) for row in rows]


def _domain(formula: NamedFormula, names: list[str]) -> list[str]:
    """The range of each feature used; braces make a minus the sign of its number, and keep a range on one line."""
    low, high = ([_number(float(value)) for value in bounds] for bounds in formula.domain.T)
    return [rf"{{{{{low[i]}}} \le {names[i]} \le {{{high[i]}}}}}" for i in formula.used]


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


def _signed(e: Expression, w: _Writer) -> str:
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
            return f"- {_written(Product(rest), w, _PRODUCT)}"
    return f"+ {_written(e, w, _PRODUCT)}"


def _written(e: Expression, w: _Writer, within: int = 0) -> str:
    """An expression inside one that holds together as tightly as `within`."""

    def of(part: Expression, tight: int = 0) -> str:
        return _written(part, w, tight)

    if isinstance(e, Constant):
        text = _constant(e)
        return (
            rf"\left({text}\right)"
            if within >= _PRODUCT and (e.value < 0 or (r"\cdot" in text and within == _POWER))
            else text
        )
    if isinstance(e, Variable):
        return w.names[e.index]
    if isinstance(e, Sum):
        text = " ".join(_signed(part, w) for part in e.parts).removeprefix("+ ")
        return w.bracketed(text) if within >= _PRODUCT else text
    if isinstance(e, Product):
        if not within and (signed := _signed(e, w)).startswith("- "):
            return f"-{signed[2:]}"
        text = _product(e, w)
        return w.bracketed(text) if within >= _POWER else text
    if isinstance(e, Power):
        base = of(e.base)
        if e.exponent.exact in ("1/2", "-1") and not w.is_long(base):
            text = rf"\sqrt{{{base}}}" if e.exponent.exact == "1/2" else rf"\frac{{1}}{{{base}}}"
            return w.bracketed(text) if within >= _POWER and e.exponent.exact == "-1" else text
        tight, exponent = of(e.base, _POWER), _constant(e.exponent)
        text = f"{tight}^{{{exponent}}}" if w.is_long(tight) else f"{{{tight}}}^{{{exponent}}}"
        return w.bracketed(text) if within >= _POWER else text
    if isinstance(e, Call):
        inside = of(e.argument)
        text = FUNCTIONS[e.function].latex.format(inside)
        if w.is_long(inside):
            text = text.replace(r"\left", "").replace(r"\right", "")
        return w.bracketed(text) if within >= _POWER else text
    number = w.tables.setdefault(e, len(w.tables) + 1)
    return rf"\varphi_{{{number}}}{w.bracketed(of(e.argument))}"


def _product(e: Product, w: _Writer) -> str:
    """Factors above and below a fraction bar; a factor of 1 is not written."""
    above, below = [], []
    for part in e.parts:
        if isinstance(part, Power) and part.exponent.exact in ("-1", "-2", "-1/2"):
            inverse = part.exponent.exact[1:]
            below.append(part.base if inverse == "1" else Power(part.base, Constant(-part.exponent.value, inverse)))
        elif not (isinstance(part, Constant) and part.value == 1.0):
            above.append(part)

    between = r" \, \allowbreak " if w.breaks else r" \, "

    def joined(parts: list[Expression], within: int = 0) -> str:
        if len(parts) == 1:
            return _written(parts[0], w, within)
        return between.join(_written(part, w, _PRODUCT) for part in parts)

    if not below:
        return joined(above, _PRODUCT) if above else "1"
    if w.is_long(joined(above)) or w.is_long(joined(below)):
        divisor = joined(below, _POWER) if len(below) == 1 else w.bracketed(joined(below))
        return f"{joined(above, _PRODUCT) if above else '1'} / \\allowbreak {divisor}"
    return rf"\frac{{{joined(above) if above else '1'}}}{{{joined(below)}}}"


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
