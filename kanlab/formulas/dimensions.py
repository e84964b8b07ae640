r"""Whether the units of a formula can add up: linear equations in the units that its constants carry.

A unit is a vector of exponents. Every part of a formula has one that is linear in those of its constants and columns,

    sum: all terms the same      product: the sum of its factors'      power: p times the base's      function: 0 and gives 0

|v| gives what it takes; a curve takes and gives anything. Constants that are fitted, or held at a decimal number, may carry a
unit; a column without one may be in anything. Where the equations have no solution, other exact numbers but 1 and -1 may
carry a unit too, since a search may have found them near by chance. Equations are put in reduced row echelon form one by one;
the first that contradicts those before is what does not add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import (
    Constant,
    Curve,
    Expression,
    Power,
    Product,
    Sum,
    Variable,
    is_decimal,
    walk,
)

_ROUNDING = 1e-9
_KEEPS = ("abs",)


@dataclass(frozen=True)
class Clash:
    """What does not add up. parts: two terms of a sum, an argument and its function, or the whole alone.

    units: exponents of the columns' units for each, and None where that is not settled; a number without unit is all 0. Of
    the whole the second is the target's.
    """

    parts: tuple[Expression, ...]
    units: tuple[Array | None, ...]


@dataclass(frozen=True)
class Dimensions:
    """clash: None where the units add up.  constants: of those that must carry a unit, by their place among all constants of
    the formula, the exponents of the columns' units (d + 1,), the target's last.
    """

    clash: Clash | None = None
    constants: dict[int, Array] = field(default_factory=dict)


def dimensions(expressions: Sequence[Expression], known: Sequence[Array | None], target: Array | None) -> Dimensions:
    """Whether the units of a formula add up.

    known: of every column its exponents of base dimensions, None where it has no unit.  target: the same, of what every output
    is in; zeros for log-odds and logarithms, None where that is not known.
    """
    found = _solved(expressions, known, target, any_number=False)
    if found.clash is None:
        return found
    freer = _solved(expressions, known, target, any_number=True)
    return found if freer.clash else freer


@dataclass(eq=False)
class _Equations:
    """Rows [a | b] with a u + b = 0: u the units of what has none yet, b exponents of the columns' units.

    basis: base dimensions of each of these.
    """

    unknowns: int
    basis: Array
    rows: list[Array] = field(default_factory=list)
    pivots: list[int] = field(default_factory=list)

    def reduced(self, row: Array) -> Array:
        """A row with all that the equations settle put in."""
        for pivot, of in zip(self.pivots, self.rows, strict=True):
            row = row - row[pivot] * of
        return np.where(np.abs(row) < _ROUNDING, 0.0, row)

    def add(self, row: Array) -> bool:
        """Whether the equation row = 0 can hold beside the others; then it is one of them."""
        row = self.reduced(row)
        free = np.flatnonzero(row[: self.unknowns])
        if not len(free):
            return bool((np.abs(row[self.unknowns :] @ self.basis) < _ROUNDING).all())
        row = row / row[free[0]]
        self.rows = [other - other[free[0]] * row for other in self.rows] + [row]
        self.pivots.append(int(free[0]))
        return True

    def settled(self, row: Array) -> Array | None:
        """The unit of a part, where it does not hang on others."""
        row = self.reduced(row)
        return None if row[: self.unknowns].any() else row[self.unknowns :]


class _Found(Exception):
    def __init__(self, clash: Clash) -> None:
        self.clash = clash


def _solved(
    expressions: Sequence[Expression], known: Sequence[Array | None], target: Array | None, *, any_number: bool
) -> Dimensions:
    units = [*known, target]
    size = next((len(u) for u in units if u is not None), 1)
    basis = np.array([np.zeros(size) if u is None else u for u in units])
    parts = [part for e in expressions for part in walk(e)]
    carriers = [i for i, c in enumerate(p for p in parts if isinstance(p, Constant)) if _carries(c, any_number)]
    others = [i for i, u in enumerate(units) if u is None]
    curves = sum(isinstance(part, Curve) for part in parts)
    unknowns = len(carriers) + len(others) + curves
    equations = _Equations(unknowns, basis)
    place, curve = -1, len(carriers) + len(others)

    def column(i: int) -> Array:
        row = np.zeros(unknowns + len(units))
        row[len(carriers) + others.index(i) if units[i] is None else unknowns + i] = 1.0
        return row

    def same(one: tuple[Expression, Array], other: tuple[Expression, Array]) -> None:
        if not equations.add(one[1] - other[1]):
            raise _Found(Clash((one[0], other[0]), tuple(equations.settled(row) for _, row in (one, other))))

    def of(e: Expression) -> Array:
        nonlocal place, curve
        if isinstance(e, Constant):
            place += 1
            row = np.zeros(unknowns + len(units))
            if place in carriers:
                row[carriers.index(place)] = 1.0
            return row
        if isinstance(e, Variable):
            return column(e.index)
        if isinstance(e, Sum):
            rows = [(part, of(part)) for part in e.parts]
            for other in rows[1:]:
                same(rows[0], other)
            return rows[0][1]
        if isinstance(e, Product):
            return np.sum([of(part) for part in e.parts], axis=0)
        if isinstance(e, Power):
            base = of(e.base)
            place += 1  # an exponent is a number
            return base * e.exponent.value
        inside = of(e.argument)
        if isinstance(e, Curve):
            row = np.zeros_like(inside)
            row[curve] = 1.0
            curve += 1
            return row
        if e.function not in _KEEPS:
            same((e.argument, inside), (e, np.zeros_like(inside)))
            return np.zeros_like(inside)
        return inside

    try:
        for e in expressions:
            row, wanted = of(e), column(len(units) - 1)
            if not equations.add(row - wanted):
                raise _Found(Clash((e,), (equations.settled(row), equations.settled(wanted))))
    except _Found as found:
        return Dimensions(found.clash)
    settled = {c: equations.settled(np.eye(unknowns + len(units))[i]) for i, c in enumerate(carriers)}
    return Dimensions(
        None, {c: u for c, u in settled.items() if u is not None and (np.abs(u @ basis) > _ROUNDING).any()}
    )


def _carries(c: Constant, any_number: bool) -> bool:
    return c.is_free or is_decimal(c) or (any_number and c.exact not in ("0", "1", "-1"))
