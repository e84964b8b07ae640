r"""An expression as a list of steps: its values at many rows, and their derivatives by every free constant.

The derivatives are taken backwards: with a_v = d eta / d v for every part v, which starts at 1 for the whole and goes to the
parts by the chain rule,

    sum:      a_part = a            product:  a_part = a prod of the other parts
    power:    a_base = a p v^(p-1),  a_p = a v^p ln v            function:  a_arg = a f'(arg)

the column of the Jacobian of a constant is its own a. All of them cost about two evaluations, however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, Variable
from kanlab.formulas.functions import FUNCTIONS

_CONSTANT, _VARIABLE, _SUM, _PRODUCT, _POWER, _CALL, _CURVE = range(7)


@dataclass(frozen=True, eq=False)
class Program:
    """Steps in the order in which they can be done, the whole last. start (m,): values of the free constants.

    steps: (what, its data, the steps it takes).  places: step of each free constant.
    needed: whether a free constant is in it.  parts: the expression of each step.
    """

    steps: tuple[tuple[int, Any, tuple[int, ...]], ...]
    places: tuple[int, ...]
    start: Array
    needed: tuple[bool, ...]
    parts: tuple[Expression, ...]

    def values(self, X: Array, p: Array) -> list[Any]:
        """The value of every step at columns X (d, n): (n,), or a number where no variable is in it."""
        values: list[Any] = []
        free = iter(p.tolist())
        for what, data, of in self.steps:
            if what == _CONSTANT:
                values.append(next(free) if data is None else data)
            elif what == _VARIABLE:
                values.append(X[data])
            elif what == _SUM:
                v = values[of[0]] + values[of[1]]
                for i in of[2:]:
                    v = v + values[i]
                values.append(v)
            elif what == _PRODUCT:
                v = values[of[0]] * values[of[1]]
                for i in of[2:]:
                    v = v * values[i]
                values.append(v)
            elif what == _POWER:
                values.append(_power(values[of[0]], values[of[1]]))
            elif what == _CALL:
                values.append(data.f(np.asarray(values[of[0]], dtype=float)))
            else:
                values.append(np.interp(values[of[0]], *data))
        return values

    def outputs(self, X: Array, p: Array | None = None) -> Array:
        """(n,) at columns X (d, n)."""
        with np.errstate(all="ignore"):
            last = self.values(X, self.start if p is None else p)[-1]
        return np.broadcast_to(np.asarray(last, dtype=float), X.shape[1:])

    def jacobian(self, X: Array, p: Array) -> tuple[Array, Array]:
        """Outputs (n,) and their derivatives (m, n) by the free constants."""
        values = self.values(X, p)
        n = X.shape[1]
        slopes = self.adjoints(values, self.needed)
        J = np.empty((len(self.places), n))
        for row, place in enumerate(self.places):
            J[row] = slopes[place]
        return np.broadcast_to(np.asarray(values[-1], dtype=float), (n,)), J

    def adjoints(self, values: list[Any], wanted: tuple[bool, ...]) -> list[Any]:
        """d eta / d v of every step that is wanted, and of those on the way; 0 for the others."""
        slopes: list[Any] = [0.0] * len(self.steps)
        slopes[-1] = 1.0
        for index in range(len(self.steps) - 1, -1, -1):
            what, data, of = self.steps[index]
            if not of or not wanted[index]:
                continue
            a = slopes[index]
            if what == _SUM:
                for i in of:
                    slopes[i] = slopes[i] + a
            elif what == _PRODUCT:
                for i in of:
                    if wanted[i]:
                        others = a
                        for j in of:
                            if j != i:
                                others = others * values[j]
                        slopes[i] = slopes[i] + others
            elif what == _POWER:
                base, exponent = values[of[0]], values[of[1]]
                if wanted[of[0]]:
                    slopes[of[0]] = slopes[of[0]] + a * exponent * _power(base, exponent - 1.0)
                if wanted[of[1]]:
                    slopes[of[1]] = slopes[of[1]] + a * values[index] * np.log(base)
            elif what == _CALL:
                argument = values[of[0]]
                slopes[of[0]] = slopes[of[0]] + a * data.slope(argument, values[index])
            else:
                slopes[of[0]] = slopes[of[0]] + a * _slope_of_table(values[of[0]], *data)
        return slopes


def _power(base: Any, exponent: float) -> Any:
    if exponent == 2.0:
        return base * base
    if exponent == 1.0:
        return base
    if exponent == -1.0:
        return 1.0 / np.asarray(base)
    if exponent == 0.5:
        return np.sqrt(base)
    if exponent == 3.0:
        return base * base * base
    return np.power(np.asarray(base, dtype=float), exponent)


def _slope_of_table(argument: Any, x: Array, y: Array) -> Array:
    where = np.clip(np.searchsorted(x, argument, side="right") - 1, 0, len(x) - 2)
    slope = np.diff(y) / np.diff(x)
    return np.where((argument < x[0]) | (argument > x[-1]), 0.0, slope[where])


def program(expression: Expression) -> Program:
    """The steps of an expression.

    >>> made = program(Product((Constant(2.0), Variable(0))))
    >>> made.outputs(np.array([[1.0, 3.0]])).tolist()
    [2.0, 6.0]
    """
    steps: list[tuple[int, Any, tuple[int, ...]]] = []
    places: list[int] = []
    start: list[float] = []
    needed: list[bool] = []
    parts: list[Expression] = []

    def add(e: Expression) -> int:
        if isinstance(e, Constant):
            if e.is_free:
                places.append(len(steps))
                start.append(e.value)
            return step(e, _CONSTANT, None if e.is_free else e.value, (), e.is_free)
        if isinstance(e, Variable):
            return step(e, _VARIABLE, e.index, (), False)
        if isinstance(e, Sum | Product):
            return step(e, _SUM if isinstance(e, Sum) else _PRODUCT, None, tuple(add(part) for part in e.parts))
        if isinstance(e, Power):
            return step(e, _POWER, None, (add(e.base), add(e.exponent)))
        if isinstance(e, Call):
            return step(e, _CALL, FUNCTIONS[e.function], (add(e.argument),))
        return step(e, _CURVE, (np.array(e.x), np.array(e.y)), (add(e.argument),))

    def step(e: Expression, what: int, data: Any, of: tuple[int, ...], free: bool | None = None) -> int:
        steps.append((what, data, of))
        needed.append(any(needed[i] for i in of) if free is None else free)
        parts.append(e)
        return len(steps) - 1

    add(expression)
    return Program(tuple(steps), tuple(places), np.array(start), tuple(needed), tuple(parts))


def outputs(expression: Expression, X: Array) -> Array:
    """Values (n,) of an expression at rows X (n, d), nan where it is not defined."""
    return program(expression).outputs(np.ascontiguousarray(np.asarray(X, dtype=float).T))
