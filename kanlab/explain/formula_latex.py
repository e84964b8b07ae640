"""A formula as LaTeX."""

from __future__ import annotations

import re

from kanlab.explain.formula import Formula, Term, sign
from kanlab.explain.symbolic import FUNCTIONS, POWERS

_SIMPLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _]{0,14}")
_TERMS_A_LINE = 3


def latex(formula: Formula) -> tuple[str, dict[str, str]]:
    """The formula as LaTeX, and what its x_i are called where their names are too long or too odd to stand in it."""
    names = [formula.features[i] for i in formula.used]
    plain = all(_SIMPLE_NAME.fullmatch(name) for name in names)
    legend = {} if plain else {f"x_{{{i + 1}}}": formula.features[i] for i in formula.used}

    def symbol(layer: int, index: int) -> str:
        if layer == 0:
            name = formula.features[index].replace("_", r"\_")
            return rf"\text{{{name}}}" if plain else f"x_{{{index + 1}}}"
        only = len(formula.nodes) == 2
        return f"z_{{{index + 1}}}" if only else f"z^{{({layer})}}_{{{index + 1}}}"

    unmatched = {id(t): i + 1 for i, t in enumerate(formula.unmatched)}
    lines = []
    for layer, node, constant, terms, is_output in formula.equations():
        parts = [_term(t, symbol(layer, t.edge.source), unmatched.get(id(t))) for t in terms]
        parts = [_signed(constant), *parts] if abs(constant) > 1e-12 or not parts else parts
        rows = [" ".join(parts[i : i + _TERMS_A_LINE]) for i in range(0, len(parts), _TERMS_A_LINE)]
        rows[0] = rows[0].removeprefix("+ ")
        name = _target(formula, node) if is_output else symbol(layer + 1, node)
        lines.append(f"{name} &= " + r" \\ &\quad ".join(rows))
    return r"\begin{aligned} " + r" \\[4pt] ".join(lines) + r" \end{aligned}", legend


def _target(formula: Formula, node: int) -> str:
    if len(formula.levels) > 2:
        one, zero = formula.levels[node + 1], formula.levels[0]
        if _SIMPLE_NAME.fullmatch(one) and _SIMPLE_NAME.fullmatch(zero):
            one, zero = (rf"\text{{{name}}}".replace("_", r"\_") for name in (one, zero))
        else:
            one, zero = str(node + 1), "0"
        return rf"\ln\frac{{p_{{{one}}}}}{{p_{{{zero}}}}}"
    if formula.levels:
        return r"\ln\frac{p}{1-p}"
    simple = _SIMPLE_NAME.fullmatch(formula.target)
    name = rf"\widehat{{\text{{{formula.target}}}}}".replace("_", r"\_") if simple else r"\hat{y}"
    if formula.transform.scale == "log":
        shift = formula.transform.shift
        return rf"\ln\left({name}{f' + {_digits(shift)}' if shift else ''}\right)"
    return rf"\mathrm{{rank}}\left({name}\right)" if formula.transform.scale == "rank" else name


def _term(term: Term, x: str, table: int | None) -> str:
    m = term.match
    if not m.matched:
        return f"{sign(m.c)} {_factor(abs(m.c))}\\varphi_{{{table}}}\\left({x}\\right)"
    factor = "" if m.a == 1.0 else "-" if m.a == -1.0 else _digits(m.a) + r"\,"
    shift = "" if abs(m.b) < 5e-5 * max(1.0, abs(m.a)) else f" {sign(m.b)} {_digits(abs(m.b))}"
    bare = not factor and not shift
    whole = f"{{{x}}}^{POWERS[m.name]}" if bare and m.name in POWERS else None
    return f"{sign(m.c)} {_factor(abs(m.c))}{whole or FUNCTIONS[m.name].latex.format(f'{factor}{x}{shift}')}"


def _factor(size: float) -> str:
    return "" if _digits(size) == "1" else _digits(size) + r" \, "


def _signed(value: float) -> str:
    return f"{sign(value)} {_digits(abs(value))}"


def _digits(value: float) -> str:
    """Four digits, powers of ten as LaTeX writes them."""
    text = f"{value:.4g}"
    mantissa, _, power = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else text
