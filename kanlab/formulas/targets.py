"""What a part of an expression would have to be for the whole to be right, row by row.

The target of the whole is y, of other likelihoods their working response eta + pull / curvature. A part's target is what the
inverse of everything above it makes of that, the other parts held as they are (semantic backpropagation: Pawlak, Wieloch &
Krawiec 2015); its weight says how much a change of it matters for the whole. Where an inverse is not defined at many rows, the
linearised one stands in its place.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Power, Product, Sum
from kanlab.formulas.functions import FUNCTIONS
from kanlab.formulas.losses import Loss
from kanlab.formulas.program import Program

_FEW = 0.1  # share of rows that may be without a target
_HEAVY = 100.0  # times the mean weight: no row counts for more


class Wanted(NamedTuple):
    """Of a part: its value (n,), the value it should have, and the weight of each row."""

    value: Array
    target: Array
    weight: Array


def targets(made: Program, X: Array, loss: Loss) -> list[Wanted | None]:
    """For every step of a program with the constants it has; None for constants and where nothing can be said."""
    n = X.shape[1]
    with np.errstate(all="ignore"):
        values = [np.broadcast_to(np.asarray(v, dtype=float), (n,)) for v in made.values(X, made.start)]
        found: list[Wanted | None] = [None] * len(values)
        pull, curvature = loss.pull(values[-1])
        found[-1] = Wanted(values[-1], values[-1] + pull / curvature, curvature)
        for index in range(len(values) - 1, -1, -1):
            wanted, (_, _, of), part = found[index], made.steps[index], made.parts[index]
            if wanted is None:
                continue
            for place, i in enumerate(of):
                if isinstance(part, Sum):
                    found[i] = _checked(values[i], wanted.target - (values[index] - values[i]), wanted.weight)
                elif isinstance(part, Product):
                    others = np.ones(n)
                    for j in of:
                        if j != i:
                            others = others * values[j]
                    found[i] = _checked(values[i], wanted.target / others, wanted.weight * others**2)
                elif isinstance(part, Power) and place == 0:
                    found[i] = _through_power(part, values[i], values[index], wanted)
                elif isinstance(part, Call):
                    found[i] = _through_call(part.function, values[i], values[index], wanted)
    return found


def _checked(value: Array, target: Array, weight: Array) -> Wanted | None:
    good = np.isfinite(target) & np.isfinite(weight) & (weight > 0)
    if np.mean(good) < 1 - _FEW or not np.isfinite(value).all():
        return None
    weight = np.where(good, weight, 0.0)
    weight = np.minimum(weight, _HEAVY * weight.mean())
    return Wanted(value, np.where(good, target, value), weight)


def _linearised(value: Array, whole: Array, slope: Array, wanted: Wanted) -> Wanted | None:
    return _checked(value, value + (wanted.target - whole) / slope, wanted.weight * slope**2)


def _through_power(part: Power, value: Array, whole: Array, wanted: Wanted) -> Wanted | None:
    p = part.exponent.value
    odd = p == round(p) and round(p) % 2 == 1
    size = np.abs(wanted.target) ** (1 / p)
    even = np.where(wanted.target > 0, np.where(value < 0, -size, size), np.nan)
    target = np.sign(wanted.target) * size if odd else even
    return _checked(value, target, wanted.weight * (p * np.abs(target) ** (p - 1)) ** 2) or _linearised(
        value, whole, p * np.abs(value) ** (p - 1) * (np.sign(value) if not odd else 1.0), wanted
    )


def _through_call(name: str, value: Array, whole: Array, wanted: Wanted) -> Wanted | None:
    function = FUNCTIONS[name]
    if function.inverse is not None:
        target = function.inverse(wanted.target)
        exactly = _checked(value, target, wanted.weight * function.slope(target, wanted.target) ** 2)
        if exactly is not None:
            return exactly
    return _linearised(value, whole, function.slope(value, whole), wanted)
