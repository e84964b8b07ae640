"""The functions a formula may hold, with derivatives and what each costs in the score.

A formula is charged for its functions as for its constants: `cost` is in units of one constant (kanlab.formulas.score). The
ones that textbooks use most cost least.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from kanlab.arrays import Array

Values = Callable[[Array], Array]


@dataclass(frozen=True)
class Function:
    """A function of one argument.

    f(v); slope(v, f(v)) its derivative.  inverse: of f where it has one, on its main branch; nan beyond its range.
    latex, code: with {} for the argument.  domain: where the argument may be, for a sentence; "" for everywhere.
    """

    name: str
    f: Values
    slope: Callable[[Array, Array], Array]
    cost: float
    latex: str
    code: str
    inverse: Values | None = None
    domain: str = ""


def _root(v: Array) -> Array:
    return np.sqrt(np.where(v >= 0, v, np.nan))


def _erf(v: Array) -> Array:
    from scipy.special import erf  # here, so that what names a function does without it

    return np.asarray(erf(v))


def _logarithm(v: Array) -> Array:
    return np.log(np.where(v > 0, v, np.nan))


def _inside(f: Values, low: float, high: float) -> Values:
    """f within (low, high), nan elsewhere."""
    return lambda v: f(np.where((v > low) & (v < high), v, np.nan))


FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("exp", np.exp, lambda v, f: f, 1.0, r"\exp\left({}\right)", "np.exp({})", _logarithm),
        Function("log", _logarithm, lambda v, f: 1 / v, 1.0, r"\ln\left({}\right)", "np.log({})", np.exp, "above 0"),
        Function("sin", np.sin, lambda v, f: np.cos(v), 1.5, r"\sin\left({}\right)", "np.sin({})"),
        Function("cos", np.cos, lambda v, f: -np.sin(v), 1.5, r"\cos\left({}\right)", "np.cos({})"),
        Function("tanh", np.tanh, lambda v, f: 1 - f * f, 2.0, r"\tanh\left({}\right)", "np.tanh({})",
                 _inside(np.arctanh, -1, 1)),
        Function("abs", np.abs, lambda v, f: np.sign(v), 1.5, r"\left|{}\right|", "np.abs({})"),
        Function("asin", np.arcsin, lambda v, f: 1 / np.sqrt(1 - v * v), 2.5, r"\arcsin\left({}\right)", "np.arcsin({})",
                 _inside(np.sin, -np.pi / 2, np.pi / 2), "between -1 and 1"),
        Function("atan", np.arctan, lambda v, f: 1 / (1 + v * v), 2.5, r"\arctan\left({}\right)", "np.arctan({})",
                 _inside(np.tan, -np.pi / 2, np.pi / 2)),
        Function("atanh", np.arctanh, lambda v, f: 1 / (1 - v * v), 2.5, r"\operatorname{{artanh}}\left({}\right)",
                 "np.arctanh({})", np.tanh, "between -1 and 1"),
        Function("cosh", np.cosh, lambda v, f: np.sinh(v), 2.5, r"\cosh\left({}\right)", "np.cosh({})"),
        Function("gaussian", lambda v: np.exp(-v * v), lambda v, f: -2 * v * f, 2.0, r"\exp\left(-\left({}\right)^2\right)",
                 "np.exp(-(({}) ** 2))"),
        Function("erf", _erf, lambda v, f: 2 / np.sqrt(np.pi) * np.exp(-v * v), 3.0, r"\operatorname{{erf}}\left({}\right)",
                 "_erf({})"),
    )
}  # fmt: skip

POWER_COST = 1.0  # of a power other than 1; a square costs as much as any
ODD = frozenset({"sin", "tanh", "asin", "atan", "atanh", "erf"})  # f(-v) = -f(v)
EVEN = frozenset({"cos", "abs", "cosh", "gaussian"})  # f(-v) = f(v)
