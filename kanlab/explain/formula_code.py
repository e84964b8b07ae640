"""A formula as a function in Python, of NumPy alone."""

from __future__ import annotations

import json

import numpy as np

from kanlab.arrays import Array
from kanlab.explain.formula import Formula, Term, sign
from kanlab.explain.symbolic import FUNCTIONS, POWERS


def python(formula: Formula, title: str) -> str:
    """The formula as a function of NumPy alone. title: what it approximates."""
    used = formula.used
    names = "\n".join(f"    x{i + 1}: {json.dumps(formula.features[i])}" for i in used)
    lines = [
        "import numpy as np\n",
        "",
        f"def predict({', '.join(f'x{i + 1}' for i in used) or '*_'}):",
        f'    """{_one_line(title)}',
        "",
        *([names] if used else []),
        f"    Returns {_returned(formula)}, of arrays or numbers.",
        '    """',
    ]
    lines += [_held(f"x{i + 1}", formula.ranges[0][i]) for i in used]
    for layer, node, constant, terms, is_output in formula.equations():
        name = _output(formula, node) if is_output else _symbol(layer + 1, node)
        parts = [_exact(constant), *(_term(t, _symbol(layer, t.edge.source)) for t in terms)]
        lines.append(f"    {name} = (\n        " + "\n        + ".join(parts) + "\n    )")
        lines.append(_held(name, formula.output_range[node] if is_output else formula.ranges[layer + 1][node]))
    return "\n".join([*lines, f"    return {_back(formula)}", ""])


def _output(formula: Formula, node: int) -> str:
    return f"z_{node + 1}" if len(formula.levels) > 2 else "z"


def _returned(formula: Formula) -> str:
    if not formula.levels:
        return _one_line(json.dumps(formula.target))
    if len(formula.levels) > 2:
        names = ", ".join(json.dumps(level) for level in formula.levels)
        return f"the probabilities that {_one_line(json.dumps(formula.target))} is {_one_line(names)}, in this order"
    return f"the probability that {_one_line(json.dumps(formula.target))} is {_one_line(json.dumps(formula.levels[1]))}"


def _one_line(text: str) -> str:
    """Text that cannot end the docstring it stands in."""
    return json.dumps(text)[1:-1].replace('\\"', "'").replace("\\", "/").replace('"', "'")


def _symbol(layer: int, index: int) -> str:
    return f"x{index + 1}" if layer == 0 else f"z{layer}_{index + 1}"


def _held(name: str, held: Array) -> str:
    return f"    {name} = np.clip({name}, {_exact(held[0])}, {_exact(held[1])})"


def _exact(value: float) -> str:
    """A number for code: twelve digits, more than the formula is good for."""
    return f"{value:.12g}"


def _term(term: Term, x: str) -> str:
    m = term.match
    if not m.matched:
        grid, values = (", ".join(f"{v:.9g}" for v in a) for a in term.table)
        return f"{_exact(m.c)} * np.interp({x}, [{grid}], [{values}])"
    factor = "" if m.a == 1.0 else "-" if m.a == -1.0 else f"{_exact(m.a)} * "
    shift = f" {sign(m.b)} {_exact(abs(m.b))}" if m.b else ""
    if m.name in POWERS and not factor and not shift:
        return f"{_exact(m.c)} * {x} ** {POWERS[m.name]}"
    return f"{_exact(m.c)} * {FUNCTIONS[m.name].code.format(f'{factor}{x}{shift}')}"


def _back(formula: Formula) -> str:
    transform = formula.transform
    if len(formula.levels) > 2:
        outputs = ", ".join(_output(formula, node) for node in range(len(formula.levels) - 1))
        return f"(lambda odds: odds / odds.sum(axis=0))(np.exp(np.array([0 * z_1, {outputs}])))"
    if formula.levels:
        return "1 / (1 + np.exp(-z))"
    if transform.scale == "log":
        return f"np.exp(z) - {transform.shift!r}" if transform.shift else "np.exp(z)"
    if transform.scale == "rank":
        levels = np.linspace(0.0, 1.0, len(transform.points)).tolist() if len(transform.points) > 1 else [0.0]
        return f"np.interp(z, {levels}, {list(transform.points)})"
    return "z"
