"""A formula as a function in Python, of NumPy alone."""

from __future__ import annotations

from kanlab.explain.named_formula import NamedFormula
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, Variable
from kanlab.formulas.functions import FUNCTIONS
from kanlab.stats.likelihood import COUNTS

_ERF = """_erf = np.vectorize(math.erf, otypes=[float])
"""


def python(formula: NamedFormula, title: str) -> str:
    """The formula as a function of NumPy alone. title: what it is."""
    used = formula.used
    names = "\n".join(f"    x{i + 1}: {_quoted(formula.features[i])}" for i in used)
    body = [f"    {_output(formula, i)} = {_code(e)}" for i, e in enumerate(formula.expressions)]
    needs_erf = any("_erf(" in line for line in body)
    lines = [
        *(["import math\n"] if needs_erf else []),
        "import numpy as np\n",
        *([_ERF] if needs_erf else []),
        "",
        f"def predict({', '.join(f'x{i + 1}' for i in used) or '*_'}):",
        f'    """{_one_line(title)}',
        "",
        *([names] if used else []),
        f"    Returns {_returned(formula)}, of arrays or numbers.",
        '    """',
        *body,
    ]
    return "\n".join([*lines, f"    return {_back(formula)}", ""])


def _output(formula: NamedFormula, node: int) -> str:
    return f"z_{node + 1}" if len(formula.levels) > 2 else "z"


def _returned(formula: NamedFormula) -> str:
    if formula.task == COUNTS:
        return f"the mean of the count {_quoted(formula.target)}"
    if not formula.levels:
        return _quoted(formula.target)
    if len(formula.levels) > 2:
        names = ", ".join(_quoted(level) for level in formula.levels)
        return f"the probabilities that {_quoted(formula.target)} is {names}, in this order"
    return f"the probability that {_quoted(formula.target)} is {_quoted(formula.levels[1])}"


def _one_line(text: str) -> str:
    """Text that cannot end the docstring it stands in."""
    return "".join(c if c.isprintable() else " " for c in text).replace("\\", "/").replace('"', "'")


def _quoted(name: str) -> str:
    return f"'{_one_line(name)}'"


def _code(e: Expression) -> str:
    if isinstance(e, Constant):
        return _constant(e)
    if isinstance(e, Variable):
        return f"x{e.index + 1}"
    if isinstance(e, Sum):
        return "(" + " + ".join(_code(part) for part in e.parts) + ")"
    if isinstance(e, Product):
        return " * ".join(_factor(part) for part in e.parts)
    if isinstance(e, Power):
        if e.exponent.exact == "1/2":
            return f"np.sqrt({_code(e.base)})"
        return f"np.power({_code(e.base)}, {float(e.exponent.value)!r})"
    if isinstance(e, Call):
        return FUNCTIONS[e.function].code.format(_code(e.argument))
    x, y = (", ".join(f"{v:.9g}" for v in values) for values in (e.x, e.y))
    return f"np.interp({_code(e.argument)}, [{x}], [{y}])"


def _factor(e: Expression) -> str:
    return f"({_code(e)})" if isinstance(e, Product) else _code(e)


def _constant(c: Constant) -> str:
    if not c.exact:
        return f"{c.value!r}"
    return "(" + c.exact.replace("pi", "np.pi") + ")" if c.exact not in ("pi", "e") else f"np.{c.exact}"


def _back(formula: NamedFormula) -> str:
    transform = formula.transform
    if formula.task == COUNTS:
        return "np.exp(z)"
    if len(formula.levels) > 2:
        outputs = ", ".join(_output(formula, node) for node in range(len(formula.levels) - 1))
        return f"(lambda odds: odds / odds.sum(axis=0))(np.exp(np.array([0 * z_1, {outputs}])))"
    if formula.levels:
        return "1 / (1 + np.exp(-z))"
    if transform.scale == "log":
        return f"np.exp(z) - {transform.shift!r}" if transform.shift else "np.exp(z)"
    if transform.scale == "rank":
        from numpy import linspace

        levels = linspace(0.0, 1.0, len(transform.points)).tolist() if len(transform.points) > 1 else [0.0]
        return f"np.interp(z, {levels}, {list(transform.points)})"
    return "z"
