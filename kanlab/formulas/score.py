r"""The score of a formula: its description length, so that a search may weigh error against what is written.

    score = -2 log L + ln n (K + sum of function costs + a quarter an operation) + sum over exact constants of ln(1 + r)

-2 log L + K ln n is BIC (Schwarz 1978); a function or power costs as many constants as `kanlab.formulas.functions` says, and a
constant that is held at an exact number costs the choice of that number, the r-th of `EXACT_NUMBERS`, not the ln n of a fitted
one (Rissanen 1983), at half the price of a number in such a list, since formulas hold them so often. The lowest score is the
shortest description of the target by a formula.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Constant, Curve, Expression, Power, Product, Sum, exact_value, walk
from kanlab.formulas.fitting import Fitted, uncertainty
from kanlab.formulas.functions import FUNCTIONS, POWER_COST
from kanlab.formulas.losses import Loss

OPERATION_COST = 0.25
_TEXTS = (
    *("0", "1", "-1", "2", "-2", "1/2", "-1/2", "pi", "-pi", "3", "-3", "4", "-4", "2*pi", "-2*pi", "pi/2", "-pi/2"),
    *(
        "1/4",
        "-1/4",
        "3/2",
        "-3/2",
        "1/3",
        "-1/3",
        "5",
        "-5",
        "6",
        "8",
        "10",
        "2/3",
        "-2/3",
        "3/4",
        "-3/4",
        "pi/4",
        "e",
    ),
)
EXACT_NUMBERS: dict[str, float] = {text: exact_value(text) for text in _TEXTS}
_RANK = {text: rank for rank, text in enumerate(EXACT_NUMBERS)}


def function_cost(e: Expression) -> float:
    """Functions, powers and operations in units of a constant; a curve costs its points, a factor of -1 nothing."""
    cost = 0.0
    for part in walk(e):
        if isinstance(part, Call):
            cost += FUNCTIONS[part.function].cost
        elif isinstance(part, Power):
            cost += POWER_COST if part.exponent.is_free or part.exponent.value in (2, -1, 0.5) else 1.5 * POWER_COST
        elif isinstance(part, Sum | Product):
            signs = sum(1 for p in part.parts if isinstance(p, Constant) and p.exact in ("1", "-1", "0"))
            cost += OPERATION_COST * (len(part.parts) - 1 - (signs if isinstance(part, Product) else 0))
        elif isinstance(part, Curve):
            cost += len(part.x)
    return cost


def charge(e: Expression) -> float:
    """What the choice of exact constants adds to -2 log L; exponents are charged as powers, not here."""
    exponents = {id(part.exponent) for part in walk(e) if isinstance(part, Power)}
    found = (p for p in walk(e) if isinstance(p, Constant) and p.exact and id(p) not in exponents)
    return sum(math.log(1 + _RANK.get(c.exact, len(_RANK))) for c in found)


@dataclass(frozen=True, eq=False)
class Scored:
    """A fitted expression with the errors of its constants. rank: constants that the rows tell apart."""

    expression: Expression
    misfit: float
    rank: int
    errors: Array
    score: float


def scored(fitted: Fitted, X: Array, loss: Loss) -> Scored:
    """The score of a fit at columns X (d, n)."""
    e = fitted.expression
    known = uncertainty(e, X, loss, fitted.misfit)
    return Scored(e, fitted.misfit, known.rank, known.errors, score_of(e, fitted.misfit, known.rank, loss))


def score_of(e: Expression, misfit: float, n_constants: int, loss: Loss) -> float:
    """The score, with the constants counted already."""
    if not math.isfinite(misfit):
        return math.inf
    written = n_constants + loss.has_variance + function_cost(e)
    return loss.term(misfit) + math.log(loss.n) * written + charge(e)
