"""Whether a formula divides by zero, or is not defined, between the rows it was fitted to.

A quotient can pass through its training rows and be of any size between two of them, which no error of rows shows. So it is
looked at between them: at mixtures of two rows, and at the signs that its denominators have there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Expression, Power, walk
from kanlab.formulas.program import outputs

BETWEEN = 2048  # mixtures of rows that are looked at


def breaks(expressions: Sequence[Expression], X: Array) -> bool:
    """Whether a formula is not finite somewhere between training rows X (n, d).

    A denominator of both signs is zero between them, however narrow the gap is.

    Examples
    --------
    >>> import numpy as np
    >>> from kanlab.formulas.expression import Constant, Power, Sum, Variable, exact
    >>> X = np.array([[1.0], [2.0], [4.0]])
    >>> breaks([Power(Sum((Variable(0), Constant(-3.0))), exact(-1))], X), breaks([Power(Variable(0), exact(-1))], X)
    (True, False)
    """
    points = np.concatenate([X, _between(X)])
    with np.errstate(all="ignore"):
        for e in expressions:
            if not np.isfinite(outputs(e, points)).all():
                return True
            for part in walk(e):
                if isinstance(part, Power) and part.exponent.value < 0:
                    below = outputs(part.base, points)
                    if below.min() <= 0.0 <= below.max():
                        return True
    return False


def _between(X: Array) -> Array:
    """Mixtures (BETWEEN, d) of two training rows; the same for the same rows."""
    rng = np.random.default_rng(len(X))
    first, second = rng.integers(len(X), size=(2, BETWEEN))
    share = rng.uniform(size=(BETWEEN, 1))
    return np.asarray(share * X[first] + (1.0 - share) * X[second])
