"""Whether the rows say where a formula goes between them: no sine or cosine may turn where no row is.

Rows tell a sine from a faster one only where its argument moves by at most half a period from a row to the next (Nyquist's
rate). One that moves further can be bent to the few rows beyond a gap at will, and the error of rows left out does not show
it: its frequency was chosen with all rows in sight.
"""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Expression, walk
from kanlab.formulas.program import program

PERIODIC = ("sin", "cos")


def widest_gap(values: Array) -> float:
    """The largest difference of neighbours of some values in order.

    >>> widest_gap(np.array([3.0, 1.0, 1.5]))
    1.5
    """
    return float(np.diff(np.sort(values)).max(initial=0.0))


def is_sampled(e: Expression, X: Array) -> bool:
    """Whether every sine and cosine has a row in each half period that it passes, at columns X (d, n).

    >>> from kanlab.formulas.expression import Variable
    >>> is_sampled(Call("sin", Variable(0)), np.array([[0.0, 3.0, 6.0]]))
    True
    >>> is_sampled(Call("sin", Variable(0)), np.array([[0.0, 3.0, 7.0]]))
    False
    """
    with np.errstate(all="ignore"):
        arguments = [
            program(part.argument).outputs(X)
            for part in walk(e)
            if isinstance(part, Call) and part.function in PERIODIC
        ]
        return not any(widest_gap(np.broadcast_to(v, X.shape[1:])) > np.pi for v in arguments)
