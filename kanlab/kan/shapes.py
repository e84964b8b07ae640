"""What is demanded of a network's effects, by the column of its inputs, and which structure that asks for.

A node of a constrained network receives one group of features, and whatever it hands on, edge after edge to the output, has a
shape of its own:

    monotone        its first edge runs up or down, and every edge after the node runs up: so does their composition
    convex          its first edge is convex, and every edge after the node is convex and runs up; concave likewise
    linear          a straight edge into a node of its own, the line, whose edges are all straight: one slope, whatever the
                    other features are
    no effect       no edge
    no interaction  two features never share a node, nor do a convex and a concave one

A free feature may share nodes with constrained ones. Nothing is lost by edges that run up: a node that ought to turn it down
receives it the other way round, and one that bends both ways is the sum of two.

Of c classes, three and more, c - 1 outputs decide, and what is demanded is demanded of each of them: of the log-odds of the
class `of_class` against each of the others. Edges that run up to all of these outputs make every one of them run up, and with
them the probability of the class, 1 / (1 + sum_j exp(-u_j)). No interaction, linear and no effect are of all log-odds at once,
whichever class they are taken against. A linear feature has a slope for each output, and a line for itself.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import combinations

from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION, TaskName

OF_COLUMNS = ("up", "down", "convex", "concave", "linear", "zero")
OF_A_CLASS = ("up", "down", "convex", "concave")  # what, of three and more classes, is demanded of one of them


@dataclass(frozen=True)
class Shape:
    """Demands on the effects of inputs, each named by its column.

    Parameters
    ----------
    up, down, convex, concave, linear, zero : tuple of int
        Columns whose effect is such.
    apart : tuple of pairs of int
        Columns that do not interact.
    of_class : int, optional
        Of three and more classes, the one whose log-odds against each other class are up, down, convex or concave.

    Examples
    --------
    >>> shape = Shape(up=(0,), apart=((0, 1),))
    >>> bool(shape), bool(Shape()), shape.groups(3)
    (True, False, ((0, 2), (1, 2)))
    """

    up: tuple[int, ...] = ()
    down: tuple[int, ...] = ()
    convex: tuple[int, ...] = ()
    concave: tuple[int, ...] = ()
    linear: tuple[int, ...] = ()
    zero: tuple[int, ...] = ()
    apart: tuple[tuple[int, int], ...] = ()
    of_class: int | None = None

    def __bool__(self) -> bool:
        return bool(self.apart) or any(getattr(self, kind) for kind in OF_COLUMNS)

    def to_json(self) -> str:
        """As JSON, without what is not demanded."""
        return json.dumps({name: value for name, value in asdict(self).items() if value not in ((), None)})

    @classmethod
    def from_json(cls, text: str) -> Shape:
        """The inverse of `to_json`."""
        content = json.loads(text)
        apart, of_class = tuple((a, b) for a, b in content.pop("apart", ())), content.pop("of_class", None)
        return cls(**{name: tuple(value) for name, value in content.items()}, apart=apart, of_class=of_class)

    @property
    def columns(self) -> int:
        """As many inputs a network has at least, for all columns that are named to be among them."""
        flat = [c for kind in OF_COLUMNS for c in getattr(self, kind)]
        return max([*flat, *(c for pair in self.apart for c in pair)], default=-1) + 1

    @property
    def adds_up(self) -> bool:
        """Whether the output must be a sum as it is, which holding it to a range would spoil.

        Of classes that goes for monotone effects as well: their outputs are held as log-odds against the first class, and
        those against another are differences of two.
        """
        return self.bends or bool(self.linear or self.apart) or self.of_class is not None

    @property
    def bends(self) -> bool:
        """Whether some effect is to be convex or concave, beyond the training rows as well."""
        return bool(self.convex or self.concave)

    def moved(self, to: Sequence[int]) -> Shape:
        """The same of columns in another order, or of some of them: column i is then `to[i]`, or left out where that is -1."""
        of = {kind: tuple(sorted(to[c] for c in getattr(self, kind) if to[c] >= 0)) for kind in OF_COLUMNS}
        pairs = (sorted((to[a], to[b])) for a, b in self.apart)
        of_class = self.of_class if any(of[kind] for kind in OF_A_CLASS) else None
        return Shape(**of, apart=tuple(sorted((a, b) for a, b in pairs if a >= 0)), of_class=of_class)

    def only(self, columns: Sequence[int], d: int) -> Shape:
        """The same of some of d columns."""
        to = [-1] * d
        for position, column in enumerate(columns):
            to[column] = position
        return self.moved(to)

    def kept_by_averages(self, task: TaskName) -> bool:
        """Whether the mean of predictions that keep to it does so as well.

        It does of a quantity. What is demanded of log-odds, or of the logarithm of a count, a mean of probabilities or counts
        need not keep: it keeps what is monotone, of counts what is convex too (a sum of such functions has a convex
        logarithm), and of three and more classes, where the log-odds are against each other class, neither.

        >>> Shape(up=(0,)).kept_by_averages("counts"), Shape(apart=((0, 1),)).kept_by_averages("classification")
        (True, False)
        """
        kept = {
            REGRESSION: set(OF_COLUMNS),
            CLASSIFICATION: {"up", "down", "zero"},
            COUNTS: {"up", "down", "zero", "convex"},
            MULTICLASS: {"zero"},
        }[task]
        others = any(getattr(self, kind) for kind in OF_COLUMNS if kind not in kept)
        return task == REGRESSION or not (others or self.apart)

    def groups(self, d: int) -> tuple[tuple[int, ...], ...]:
        """The features that may share a node, a tuple a group; together they hold every pair that may interact."""
        return _groups(self, d)

    def lines(self, outputs: int = 1) -> int:
        """Nodes for linear features: one for all of them, of several outputs one for each, whose slopes differ."""
        return len(self.linear) if outputs > 1 else int(bool(self.linear))

    def direction(self, column: int) -> int:
        """1 where the effect of a column runs up, -1 where it runs down, 0 where it may do both."""
        return (column in self.up) - (column in self.down)

    def curvature(self, column: int) -> int:
        """1 where the effect of a column is convex, -1 where it is concave, 0 where it may be both."""
        return (column in self.convex) - (column in self.concave)

    def handed_on(self, group: Sequence[int]) -> tuple[int, int]:
        """Direction and curvature of every edge after a node of a group."""
        curvature = next((self.curvature(c) for c in group if self.curvature(c)), 0)
        return int(bool(curvature) or any(self.direction(c) for c in group)), curvature


@lru_cache(maxsize=64)
def _groups(shape: Shape, d: int) -> tuple[tuple[int, ...], ...]:
    """A cover, by few groups of features without a conflict, of all pairs that have none."""
    features = [c for c in range(d) if c not in shape.linear and c not in shape.zero]
    conflicts = {frozenset(pair) for pair in shape.apart}
    conflicts |= {frozenset((a, b)) for a in shape.convex for b in shape.concave}
    conflicted = [c for c in features if any(c in pair for pair in conflicts)]
    everywhere = [c for c in features if c not in conflicted]
    open_pairs = [p for p in combinations(conflicted, 2) if frozenset(p) not in conflicts]
    found: list[tuple[int, ...]] = []
    while open_pairs:
        group = list(open_pairs[0])
        while True:
            fit = [c for c in conflicted if c not in group and all(frozenset((c, g)) not in conflicts for g in group)]
            if not fit:
                break
            group.append(max(fit, key=lambda c: (sum(c in p and bool(set(p) & set(group)) for p in open_pairs), -c)))
        found.append(tuple(sorted([*group, *everywhere])))
        open_pairs = [p for p in open_pairs if not set(p) <= set(group)]
    for c in conflicted:
        if not any(c in group for group in found):
            found.append(tuple(sorted([c, *everywhere])))
    if not found and features:
        found.append(tuple(features))
    return tuple(found)


def n_params_shaped(
    shape: Shape,
    d: int,
    neuron_num: int,
    grid: int,
    k: int,
    depth: int,
    rule: str,
    values: Sequence[int] = (),
    outputs: int = 1,
) -> int:
    """Counted parameters of a constrained network, by a rule of `kanlab.kan.parameter_count.n_params`.

    Its edges are splines alone: beside the constant, of which a node has one, an edge carries G + k - 1, or one less than its
    input has distinct values. An inequality holds a coefficient and does not take it away. A linear feature carries its slope,
    one for each output.

    >>> n_params_shaped(Shape(linear=(1,)), 2, 1, 3, 3, 1, "identifiable", outputs=2)
    20
    """
    groups = shape.groups(d) or ((),)  # none where every feature is linear
    of_nodes = [groups[j % len(groups)] for j in range(neuron_num)]
    edges, slopes = sum(map(len, of_nodes)) + neuron_num * outputs, len(shape.linear) * outputs
    beside = sum(sum(g == other for other in of_nodes) for g in of_nodes) * (depth - 1)
    each = {"trainable": grid + k + 2, "coefficients": grid + k, "article": 4}
    if rule in each:
        return each[rule] * (edges + beside) + slopes
    most = grid + k - 1
    first = sum(1 + sum(min(most, values[c] - 1) if values else most for c in group) for group in of_nodes)
    return first + beside * most + neuron_num * (depth - 1) + outputs * (neuron_num * most + 1) + slopes
