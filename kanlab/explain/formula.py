r"""A fitted network as a formula: every edge by the elementary function it is most like.

Edges that account for next to nothing are left out; an edge that is like none of the functions stays a table of its curve.
The coefficients of the last layer are then fitted once more, by least squares, to what the network says of its training rows.
The formula is an approximation of the network; its error stands beside the network's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.data.transforms import Transform
from kanlab.explain.symbolic import FUNCTIONS, MATCHED, Match, plain, suggest
from kanlab.kan.edges import Curves, Edge
from kanlab.selection.measures import four_digits
from kanlab.stats.likelihood import CLASSIFICATION, LIKELIHOODS, MULTICLASS, REGRESSION
from kanlab.text import agreeing

MUCH_WORSE = 1.25  # times the error of the network
NEGLIGIBLE = 0.01  # share of the score of its layer below which an edge is left out
TABLE_POINTS = 41


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


class Equation(NamedTuple):
    """A node of a formula: a constant and the terms that add up to it."""

    layer: int
    node: int
    constant: float
    terms: tuple[Term, ...]
    is_output: bool


@dataclass(frozen=True, eq=False)
class Formula:
    """Layers of nodes, each a constant and the terms that enter it, on the scale the target was fitted on.

    left_out: edges that were negligible.  ranges: for every layer (n_in, 2), to which its inputs are held.
    output_range: (m, 2), to which the outputs are.
    error, network_error: RMSE in units of the data on the test rows, or on the training rows where there are none (on_test).
    levels: of a target of classes; the formula is then that of the log-odds of each but the first against that, one output
    each, and the error a log-loss.
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

    def equations(self) -> Iterator[Equation]:
        """The nodes that something takes, layer by layer; the output comes last."""
        for index, layer in enumerate(self.nodes):
            taken = {t.edge.source for later in self.nodes[index + 1 : index + 2] for _, terms in later for t in terms}
            is_output = index == len(self.nodes) - 1
            for j, (constant, terms) in enumerate(layer):
                if is_output or j in taken:
                    yield Equation(index, j, constant, terms, is_output)

    def predict(self, X: ArrayLike) -> Array:
        """Outputs (n,) at inputs X (n, d), on the scale of the fit; of classes probabilities as a network's."""
        task = REGRESSION if not self.levels else CLASSIFICATION if len(self.levels) == 2 else MULTICLASS
        return LIKELIHOODS[task].mean(self.outputs(X))

    def outputs(self, X: ArrayLike) -> Array:
        """What the formula says at inputs X (n, d): (n,) on the scale of the fit, or log-odds, of many classes (n, m)."""
        low, high = self.output_range.T
        z = np.clip(self.values(X, len(self.nodes)).T, low, high)
        return z[:, 0] if z.shape[1] == 1 else z

    def values(self, X: ArrayLike, layers: int) -> Array:
        """The nodes that come after the first `layers`, shape (nodes, n), at inputs X (n, d)."""
        z = np.asarray(X, dtype=float).T
        for nodes, held in zip(self.nodes[:layers], self.ranges[:layers], strict=True):
            z = np.clip(z, held[:, :1], held[:, 1:])
            z = np.array([constant + sum(t(z[t.edge.source]) for t in terms) + 0 * z[0] for constant, terms in nodes])
        return z


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
    last = network.output_range * network.y_scale[:, None] + network.y_offset[:, None]
    made = Formula(
        tuple(nodes), (first, *network.ranges[1:]), last, data.features, data.target, data.target_transform, left_out,
        levels=data.levels,
    )  # fmt: skip
    outputs = replace(network, task=REGRESSION).predict(data.X_train)  # of classes the log-odds, which never saturate
    made = _last_layer_again(made, data.X_train, outputs.reshape(data.n, -1))
    for index in range(1, curves.depth):
        made = _hidden_in_plain_units(made, index, data.X_train)
    on_test = bool(len(data.y_test))
    X, y = (data.X_test, data.y_test) if on_test else (data.X_train, data.y_train)
    own, theirs = (data.error(predict(X), y) for predict in (made.predict, network.predict))
    return replace(made, error=own, network_error=theirs, on_test=on_test)


def _last_layer_again(made: Formula, X: Array, wanted: Array) -> Formula:
    """The constants and the factors of the last layer by least squares, for outputs `wanted` (n, m); terms that then do the
    same share the factor.
    """
    z = made.values(X, len(made.nodes) - 1)
    z = np.clip(z, made.ranges[-1][:, :1], made.ranges[-1][:, 1:])
    last = tuple(_node_again(node, z, values) for node, values in zip(made.nodes[-1], wanted.T, strict=True))
    return replace(made, nodes=(*made.nodes[:-1], last))


def _node_again(node: tuple[float, tuple[Term, ...]], z: Array, wanted: Array) -> tuple[float, tuple[Term, ...]]:
    _, terms = node
    columns = np.array([t(z[t.edge.source]) for t in terms]).reshape(len(terms), len(wanted))
    if not np.isfinite(columns).all():
        return node
    means, spread = columns.mean(axis=1), columns.std(axis=1)
    spread = np.where(spread > 0, spread, 1.0)
    design = (columns - means[:, None]) / spread[:, None]
    factors, *_ = np.linalg.lstsq(design.T, wanted - wanted.mean(), rcond=1e-6)
    factors = factors / spread
    again = tuple(Term(t.edge, replace(t.match, c=t.match.c * f)) for t, f in zip(terms, factors.tolist(), strict=True))
    return float(wanted.mean() - factors @ means), again


def _hidden_in_plain_units(made: Formula, index: int, X: Array) -> Formula:
    """Nodes of a hidden layer in units in which the formula is short: what their only function does to them is absorbed.

    z' = p z + q, with p and q such that the function's a is 1 and its b 0 (and its factor 1, for a line and an exponential);
    a node that several functions or a table take is brought to a standard deviation of 1.
    """
    z = made.values(X, index)
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


# ---- in words


def sign(value: float) -> str:
    """What stands before the size of a number."""
    return "-" if value < 0 else "+"


def errors(formula: Formula) -> str:
    """The error of the formula beside that of the network."""
    own, network = (four_digits(v) or "not finite" for v in (formula.error, formula.network_error))
    what = "Log-loss" if formula.levels else "RMSE"
    return f"{what} on the {'test' if formula.on_test else 'training'} rows: formula {own}, network {network}."


def remarks(formula: Formula) -> list[str]:
    """What to know of the formula."""
    count, unmatched = len(formula.terms), len(formula.unmatched)
    lines = ["The formula is an approximation of the network, not the network itself."]
    own, network = formula.error, formula.network_error
    if own is not None and network and not own <= MUCH_WORSE * network:
        times = f"{own / network:,.1f} times as large" if np.isfinite(own) else "not finite"
        lines.insert(0, f"It does not stand for its network: its error is {times}. Predict with the network.")
    if len(formula.levels) > 2:
        first = formula.levels[0][:60]
        lines.append(f"It gives the log-odds of each class against '{first}', of which softmax makes probabilities.")
    elif formula.levels:
        lines.append(f"It gives the log-odds; p is the probability of '{formula.levels[1][:60]}'.")
    if unmatched:
        match, stays = agreeing(unmatched, "matches", "match"), agreeing(unmatched, "It is", "They are")
        lines.append(
            f"{unmatched} of {count} edges {match} none of the {len(FUNCTIONS)} functions (R² below {MATCHED}). "
            f"{stays} φ in the formula, and a table in the code."
        )
    if formula.left_out:
        contribute = agreeing(
            formula.left_out, "edge is left out because it contributes", "edges are left out because each contributes"
        )
        lines.append(f"{formula.left_out} {contribute} less than {100 * NEGLIGIBLE:g}% of its layer.")
    return lines
