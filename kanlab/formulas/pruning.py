"""A formula made shorter: terms, factors and functions it does without go, the constants fitted again each time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, complexity, exact
from kanlab.formulas.growth import Budget, Known, refitted
from kanlab.formulas.losses import Loss
from kanlab.formulas.simplify import at, places, replaced, simplified


def shorter(e: Expression) -> Iterator[Expression]:
    """The expression with one term, factor or function less."""
    seen = {e}
    for path, part in places(e):
        tries: list[Expression] = []
        if path:
            parent = at(e, path[:-1])
            if isinstance(parent, Sum | Product):
                tries.append(replaced(e, path, None))
        if isinstance(part, Call):
            tries.append(replaced(e, path, part.argument))
        if isinstance(part, Power):
            tries.append(replaced(e, path, part.base))
            if part.exponent.is_free:
                tries += [replaced(e, path, Power(part.base, exact(text))) for text in _near(part.exponent)]
        for tried in map(simplified, tries):
            if tried not in seen:
                seen.add(tried)
                yield tried


def _near(exponent: Constant) -> list[str]:
    """Halves next to a free exponent."""
    twice = int(np.floor(2 * exponent.value))
    return [str(t // 2) if t % 2 == 0 else f"{t}/2" for t in (twice, twice + 1) if t]


def pruned(known: Known, X: Array, loss: Loss, budget: Budget) -> Known:
    """Shortened as long as that lowers the score."""
    while not budget.is_over:
        better = known
        for e in shorter(known.expression):
            if budget.is_over:
                break
            found = refitted(e, X, loss, budget, 15)
            if found.score < better.score - 1e-9 or (
                found.score <= better.score + 1e-9 and complexity(found.expression) < complexity(better.expression)
            ):
                better = found
        if better is known:
            return known
        known = better
    return known
