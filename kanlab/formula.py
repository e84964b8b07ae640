r"""A fitted network as a formula: every edge by the elementary function it is most like, as LaTeX and as Python.

Edges that account for next to nothing are left out; an edge that is like none of the functions stays a table of its curve.
The coefficients of the last layer are then fitted once more, by least squares, to what the network says of its training rows.
The formula is an approximation of the network; its error stands beside the network's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kanlab.curves import Curves, Edge
from kanlab.dataset import Dataset
from kanlab.likelihood import BERNOULLI, REGRESSION
from kanlab.symbolic import FUNCTIONS, MATCHED, Match, plain, suggest
from kanlab.transforms import Transform

Array = NDArray[np.float64]

NEGLIGIBLE = 0.01  # share of the score of its layer below which an edge is left out
TABLE_POINTS = 41
_SIMPLE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9 _]{0,14}")
_TERMS_A_LINE = 3
_POWERS = {"square": 2, "cube": 3}


@dataclass(frozen=True, eq=False)
class Term:
    """An edge in a formula: the function it is most like, or its table where it is like none."""

    edge: Edge
    match: Match

    def __call__(self, x: Array) -> Array:
        if self.match.matched:
            return self.match(x)
        return self.match.c * np.interp(x, *self.table) + self.match.d

    @property
    def table(self) -> tuple[Array, Array]:
        """The curve at TABLE_POINTS of its range, in units of the node it leaves."""
        grid = np.linspace(self.edge.x[0], self.edge.x[-1], TABLE_POINTS)
        values = np.interp(grid, self.edge.x, self.edge.y)
        grid = (grid - self.match.b) / self.match.a
        return (grid, values) if self.match.a > 0 else (grid[::-1], values[::-1])


@dataclass(frozen=True, eq=False)
class Formula:
    """Layers of nodes, each a constant and the terms that enter it, on the scale the target was fitted on.

    left_out: edges that were negligible.  ranges: for every layer (n_in, 2), to which its inputs are held.
    output_range: (2,), to which the output is.
    error, network_error: RMSE in units of the data on the test rows, or on the training rows where there are none (on_test).
    levels: of a target of two classes; the formula is then that of the log-odds of the second, and the error a log-loss.
    """

    nodes: tuple[tuple[tuple[float, tuple[Term, ...]], ...], ...]
    ranges: tuple[Array, ...]
    output_range: Array
    features: tuple[str, ...]
    target: str
    transform: Transform
    left_out: int
    error: float | None = None
    network_error: float | None = None
    on_test: bool = False
    levels: tuple[str, ...] = ()

    @property
    def terms(self) -> list[Term]:
        """The edges in it."""
        return [term for layer in self.nodes for _, terms in layer for term in terms]

    @property
    def unmatched(self) -> list[Term]:
        """Edges that are like none of the functions."""
        return [t for t in self.terms if not t.match.matched]

    @property
    def used(self) -> list[int]:
        """The inputs that are in it."""
        return sorted({t.edge.source for t in self.terms if t.edge.layer == 0})

    def predict(self, X: ArrayLike) -> Array:
        """Outputs (n,) at inputs X (n, d), on the scale of the fit; of classes probabilities."""
        return BERNOULLI.mean(self.outputs(X)) if self.levels else self.outputs(X)

    def outputs(self, X: ArrayLike) -> Array:
        """What the formula says (n,) at inputs X (n, d): on the scale of the fit, or log-odds."""
        z = np.asarray(X, dtype=float).T
        for layer, held in zip(self.nodes, self.ranges, strict=True):
            z = _layer(layer, np.clip(z, held[:, :1], held[:, 1:]))
        return np.clip(z[0], *self.output_range)


def _layer(nodes: Sequence[tuple[float, tuple[Term, ...]]], z: Array) -> Array:
    return np.array([constant + sum(t(z[t.edge.source]) for t in terms) + 0 * z[0] for constant, terms in nodes])


def formula_of(curves: Curves, data: Dataset) -> Formula:
    """Match every edge of a network that was fitted to the training rows of `data`."""
    network, nodes, left_out = curves.network, [], 0
    for index in range(curves.depth):
        layer: list[tuple[float, tuple[Term, ...]]] = []
        for j in range(network.spec.layer_widths[index + 1]):
            constant, terms = 0.0, []
            for edge in (e for e in curves.layer(index) if e.target == j):
                constant += edge.mean
                if edge.share < NEGLIGIBLE:
                    left_out += 1
                    continue
                match = suggest(edge.rows, edge.values)
                if not match.matched:
                    match = Match(match.name, 1.0, 0.0, 1.0, 0.0, match.r2)
                constant += match.d
                terms.append(Term(edge, replace(match, d=0.0)))
            if index == curves.depth - 1:
                constant += float(network.y_offset[j])
            layer.append((constant, tuple(terms)))
        nodes.append(tuple(layer))
    first = network.ranges[0] * network.x_scale[:, None] + network.x_offset[:, None]
    last = network.output_range[0] * network.y_scale[0] + network.y_offset[0]
    made = Formula(
        tuple(nodes), (first, *network.ranges[1:]), last, data.features, data.target, data.target_transform, left_out,
        levels=data.levels,
    )  # fmt: skip
    outputs = replace(network, task=REGRESSION).predict(data.X_train)  # of classes the log-odds, which never saturate
    made = _last_layer_again(made, data.X_train, outputs)
    for index in range(1, curves.depth):
        made = _hidden_in_plain_units(made, index, data.X_train)
    on_test = bool(len(data.y_test))
    X, y = (data.X_test, data.y_test) if on_test else (data.X_train, data.y_train)
    own, theirs = (data.error(predict(X), y) for predict in (made.predict, network.predict))
    return replace(made, error=own, network_error=theirs, on_test=on_test)


def _last_layer_again(made: Formula, X: Array, wanted: Array) -> Formula:
    """The constant and the factors of the last layer by least squares; terms that then do the same share the factor."""
    z = X.T
    for layer, held in zip(made.nodes[:-1], made.ranges[:-1], strict=True):
        z = _layer(layer, np.clip(z, held[:, :1], held[:, 1:]))
    z = np.clip(z, made.ranges[-1][:, :1], made.ranges[-1][:, 1:])
    _, terms = made.nodes[-1][0]
    columns = np.array([t(z[t.edge.source]) for t in terms]).reshape(len(terms), len(X))
    if not np.isfinite(columns).all():
        return made
    means, spread = columns.mean(axis=1), columns.std(axis=1)
    spread = np.where(spread > 0, spread, 1.0)
    design = (columns - means[:, None]) / spread[:, None]
    factors, *_ = np.linalg.lstsq(design.T, wanted - wanted.mean(), rcond=1e-6)
    factors = factors / spread
    again = tuple(Term(t.edge, replace(t.match, c=t.match.c * f)) for t, f in zip(terms, factors.tolist(), strict=True))
    return replace(made, nodes=(*made.nodes[:-1], ((float(wanted.mean() - factors @ means), again),)))


def _hidden_in_plain_units(made: Formula, index: int, X: Array) -> Formula:
    """Nodes of a hidden layer in units in which the formula is short: what their only function does to them is absorbed.

    z' = p z + q, with p and q such that the function's a is 1 and its b 0 (and its factor 1, for a line and an exponential);
    a node that several functions or a table take is brought to a standard deviation of 1.
    """
    z = X.T
    for layer, held in zip(made.nodes[:index], made.ranges[:index], strict=True):
        z = _layer(layer, np.clip(z, held[:, :1], held[:, 1:]))
    nodes, ranges = [list(layer) for layer in made.nodes], [held.copy() for held in made.ranges]
    for j, (constant, terms) in enumerate(made.nodes[index - 1]):
        leaving = [t for _, later in made.nodes[index] for t in later if t.edge.source == j]
        p, q = _units(leaving, float(z[j].std()))
        nodes[index - 1][j] = p * constant + q, tuple(_scaled(t, p) for t in terms)
        ranges[index][j] = np.sort(p * ranges[index][j] + q)
        nodes[index] = [
            (c, tuple(_moved(t, p, q) if t.edge.source == j else t for t in later)) for c, later in nodes[index]
        ]
    return replace(made, nodes=tuple(map(tuple, nodes)), ranges=tuple(ranges))


def _units(leaving: Sequence[Term], spread: float) -> tuple[float, float]:
    match = leaving[0].match if len(leaving) == 1 else None
    if match is None or not match.matched:
        return 1 / spread if spread > 0 else 1.0, 0.0
    if match.name == "linear":
        return abs(match.c) or 1.0, 0.0
    if match.name == "exp":
        return match.a, match.b + (float(np.log(abs(match.c))) if match.c else 0.0)
    if match.name in ("sin", "tanh", "gaussian"):
        return match.a, match.b
    scale = 1 / spread if spread > 0 and match.name != "log" else 1.0
    return match.a * scale, match.b * scale


def _scaled(term: Term, p: float) -> Term:
    return replace(term, match=replace(term.match, c=term.match.c * p))


def _moved(term: Term, p: float, q: float) -> Term:
    """A term of z as a term of z' = p z + q."""
    m = term.match
    moved = replace(m, a=m.a / p, b=m.b - m.a * q / p)
    return replace(term, match=plain(moved) if m.matched else moved)


# ---- LaTeX


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
    for index, layer in enumerate(formula.nodes):
        last = index == len(formula.nodes) - 1
        used = {t.edge.source for later in formula.nodes[index + 1 : index + 2] for _, terms in later for t in terms}
        for j, (constant, terms) in enumerate(layer):
            if not last and j not in used:
                continue
            parts = [_latex_term(t, symbol(index, t.edge.source), unmatched.get(id(t))) for t in terms]
            parts = [_signed(constant), *parts] if abs(constant) > 1e-12 or not parts else parts
            rows = [" ".join(parts[i : i + _TERMS_A_LINE]) for i in range(0, len(parts), _TERMS_A_LINE)]
            rows[0] = rows[0].removeprefix("+ ")
            lines.append(
                (_latex_target(formula) if last else symbol(index + 1, j)) + " &= " + r" \\ &\quad ".join(rows)
            )
    return r"\begin{aligned} " + r" \\[4pt] ".join(lines) + r" \end{aligned}", legend


def _latex_target(formula: Formula) -> str:
    if formula.levels:
        return r"\ln\frac{p}{1-p}"
    simple = _SIMPLE_NAME.fullmatch(formula.target)
    name = rf"\widehat{{\text{{{formula.target}}}}}".replace("_", r"\_") if simple else r"\hat{y}"
    if formula.transform.scale == "log":
        shift = formula.transform.shift
        return rf"\ln\left({name}{f' + {_digits(shift)}' if shift else ''}\right)"
    return rf"\mathrm{{rank}}\left({name}\right)" if formula.transform.scale == "rank" else name


def _latex_term(term: Term, x: str, table: int | None) -> str:
    m = term.match
    if not m.matched:
        sign, size = _sign(m.c), abs(m.c)
        return f"{sign} {_factor(size)}\\varphi_{{{table}}}\\left({x}\\right)"
    factor = "" if m.a == 1.0 else "-" if m.a == -1.0 else _digits(m.a) + r"\,"
    shift = "" if abs(m.b) < 5e-5 * max(1.0, abs(m.a)) else f" {_sign(m.b)} {_digits(abs(m.b))}"
    bare = not factor and not shift
    whole = f"{{{x}}}^{_POWERS[m.name]}" if bare and m.name in _POWERS else None
    return f"{_sign(m.c)} {_factor(abs(m.c))}{whole or FUNCTIONS[m.name].latex.format(f'{factor}{x}{shift}')}"


def _factor(size: float) -> str:
    return "" if _digits(size) == "1" else _digits(size) + r" \, "


def _sign(value: float) -> str:
    return "-" if value < 0 else "+"


def _signed(value: float) -> str:
    return f"{_sign(value)} {_digits(abs(value))}"


def _digits(value: float) -> str:
    """Four digits, powers of ten as LaTeX writes them."""
    text = f"{value:.4g}"
    mantissa, _, power = text.partition("e")
    return rf"{mantissa} \cdot 10^{{{int(power)}}}" if power else text


# ---- Python


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
    lines += [_python_held(f"x{i + 1}", formula.ranges[0][i]) for i in used]
    for index, layer in enumerate(formula.nodes):
        last = index == len(formula.nodes) - 1
        later = {t.edge.source for nodes in formula.nodes[index + 1 : index + 2] for _, terms in nodes for t in terms}
        for j, (constant, terms) in enumerate(layer):
            if not last and j not in later:
                continue
            name = "z" if last else _python_symbol(index + 1, j)
            parts = [_exact(constant), *(_python_term(t, _python_symbol(index, t.edge.source)) for t in terms)]
            lines.append(f"    {name} = (\n        " + "\n        + ".join(parts) + "\n    )")
            lines.append(_python_held(name, formula.output_range if last else formula.ranges[index + 1][j]))
    return "\n".join([*lines, f"    return {_python_back(formula)}", ""])


def _returned(formula: Formula) -> str:
    if not formula.levels:
        return _one_line(json.dumps(formula.target))
    return f"the probability that {_one_line(json.dumps(formula.target))} is {_one_line(json.dumps(formula.levels[1]))}"


def _one_line(text: str) -> str:
    """Text that cannot end the docstring it stands in."""
    return json.dumps(text)[1:-1].replace('\\"', "'").replace("\\", "/").replace('"', "'")


def _python_symbol(layer: int, index: int) -> str:
    return f"x{index + 1}" if layer == 0 else f"z{layer}_{index + 1}"


def _python_held(name: str, held: Array) -> str:
    return f"    {name} = np.clip({name}, {_exact(held[0])}, {_exact(held[1])})"


def _exact(value: float) -> str:
    """A number for code: twelve digits, more than the formula is good for."""
    return f"{value:.12g}"


def _python_term(term: Term, x: str) -> str:
    m = term.match
    if not m.matched:
        grid, values = (", ".join(f"{v:.9g}" for v in a) for a in term.table)
        return f"{_exact(m.c)} * np.interp({x}, [{grid}], [{values}])"
    factor = "" if m.a == 1.0 else "-" if m.a == -1.0 else f"{_exact(m.a)} * "
    shift = f" {_sign(m.b)} {_exact(abs(m.b))}" if m.b else ""
    if m.name in _POWERS and not factor and not shift:
        return f"{_exact(m.c)} * {x} ** {_POWERS[m.name]}"
    return f"{_exact(m.c)} * {FUNCTIONS[m.name].code.format(f'{factor}{x}{shift}')}"


def _python_back(formula: Formula) -> str:
    transform = formula.transform
    if formula.levels:
        return "1 / (1 + np.exp(-z))"
    if transform.scale == "log":
        return f"np.exp(z) - {transform.shift!r}" if transform.shift else "np.exp(z)"
    if transform.scale == "rank":
        levels = np.linspace(0.0, 1.0, len(transform.points)).tolist() if len(transform.points) > 1 else [0.0]
        return f"np.interp(z, {levels}, {list(transform.points)})"
    return "z"


# ---- in sentences


def four_digits(value: float | None) -> str:
    """A number for a sentence: four digits, whole where it is large; nothing for None."""
    if value is None:
        return ""
    return f"{value:,.0f}" if 1e4 <= abs(value) < 1e9 else f"{value:,.4g}"


def errors(formula: Formula) -> str:
    """The error of the formula beside that of the network."""
    own, network = (four_digits(v) or "not finite" for v in (formula.error, formula.network_error))
    what = "Log-loss" if formula.levels else "RMSE"
    return f"{what} on the {'test' if formula.on_test else 'training'} rows: formula {own}, network {network}."


def remarks(formula: Formula) -> list[str]:
    """What to know of the formula."""
    count, unmatched = len(formula.terms), len(formula.unmatched)
    lines = ["The formula is an approximation of the network, not the network itself."]
    if formula.levels:
        lines.append(f"It gives the log-odds, of which p is the probability of '{formula.levels[1][:60]}'.")
    if unmatched:
        one = unmatched == 1
        lines.append(
            f"{unmatched} of {count} edges {'is' if one else 'are'} like none of the {len(FUNCTIONS)} functions (R² below "
            f"{MATCHED}); {'it stays' if one else 'they stay'} φ in the formula and a table in the code."
        )
    if formula.left_out:
        one = formula.left_out == 1
        lines.append(
            f"{formula.left_out} edge{'' if one else 's'} that account{'s' if one else ''} for less than "
            f"{100 * NEGLIGIBLE:g}% of {'its' if one else 'their'} layer {'is' if one else 'are'} left out."
        )
    return lines
