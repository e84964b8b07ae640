"""Constants put at 0, 1, small whole numbers, fractions, pi and e where the rows do not tell them from these.

A free constant is tried at every number of the list within three of its standard errors and a few percent, all others
fitted again; it stays where the score falls: an exact constant is charged the choice of its number instead of the ln n of a
fitted one. Of constants that say the same twice one goes before (`kanlab.formulas.redundancy`); one that the rows still do not
determine by itself is put at 1 or -1, where that costs nothing.
"""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Constant, Expression, complexity, exact, free_constants, with_constants
from kanlab.formulas.fitting import Fitted, fit
from kanlab.formulas.growth import Budget
from kanlab.formulas.losses import Loss
from kanlab.formulas.redundancy import without_redundant
from kanlab.formulas.score import EXACT_NUMBERS, Scored, scored
from kanlab.formulas.simplify import simplified

_ERRORS = 3.0  # standard errors
_ROUNDING = 1e-6  # relative: what an exact fit leaves
_PLAIN, _SPECIAL = 0.05, 0.01  # relative: how near a whole number, and a fraction, pi or e, has to be in any case
_MOST_TRIES = 3


def snapped(e: Expression, X: Array, loss: Loss, budget: Budget) -> Scored:
    """The expression with as many constants exact as lowers its score. X (d, n)."""
    now = scored(_fit(without_redundant(e), X, loss, budget, 30), X, loss)
    now = _all_at_once(now, X, loss, budget)
    moved = True
    while moved and not budget.is_over:
        moved = False
        for place in range(len(free_constants(now.expression))):
            better = _one(now, place, X, loss, budget)
            if better is not None:
                now, moved = better, True
                break
    return now


def _fit(e: Expression, X: Array, loss: Loss, budget: Budget, iterations: int = 10) -> Fitted:
    found = fit(e, X, loss, iterations)
    budget.spend(found.evaluations, loss.n, complexity(e))
    return found


def near(value: float, error: float) -> list[str]:
    """The numbers of the list that a constant may be, the simplest first.

    >>> near(3.1415, 0.001)
    ['pi']
    """
    if not np.isfinite(error):
        return ["1" if value > 0 else "-1"]
    found = []
    for text, number in EXACT_NUMBERS.items():
        most = (_PLAIN if text.lstrip("-").isdigit() else _SPECIAL) * abs(value) if number else np.inf
        if abs(value - number) <= min(_ERRORS * error, most) + _ROUNDING * abs(value):
            found.append(text)
    return found[:_MOST_TRIES]


def _all_at_once(now: Scored, X: Array, loss: Loss, budget: Budget) -> Scored:
    """Every constant that has a number near it, at once, where that lowers the score."""
    values = [c.value for c in free_constants(now.expression)]
    sure = [(near(v, s) if np.isfinite(s) else []) for v, s in zip(values, now.errors.tolist(), strict=True)]
    if not any(sure):
        return now
    free = iter(sure)

    def of(_: int, c: Constant) -> Constant:
        if not c.is_free:
            return c
        options = next(free)
        return exact(min(options, key=lambda t: abs(EXACT_NUMBERS[t] - c.value))) if options else c

    tried = scored(_fit(simplified(with_constants(now.expression, of)), X, loss, budget), X, loss)
    return tried if tried.score < now.score else now


def _one(now: Scored, place: int, X: Array, loss: Loss, budget: Budget) -> Scored | None:
    """One free constant, by its place among them, at the best number near it; None where none lowers the score."""
    value, error = free_constants(now.expression)[place].value, float(now.errors[place])
    best: Scored | None = None
    for text in near(value, error):
        place_of_free = -1

        def of(_: int, c: Constant, text: str = text) -> Constant:
            nonlocal place_of_free
            place_of_free += c.is_free
            return exact(text) if c.is_free and place_of_free == place else c

        e = simplified(with_constants(now.expression, of))
        tried = scored(_fit(e, X, loss, budget, 10 if np.isfinite(error) else 30), X, loss)
        if tried.score < (best or now).score - 1e-9:
            best = tried
    return best
