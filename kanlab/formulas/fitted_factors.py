r"""Factors of one variable that have a constant of their own: y = f(x_j) g(others) with f one of

    (1 + k h)^p  with p among 1, -1, 1/2, -1/2 and h among x, x^2, exp x, sin x, cos x;     exp(k x),  exp(k x^2),  x^k

k is found by variable projection (Golub & Pereyra 1973): with g = P a a polynomial of the other variables, P (n, m), a is at
its best for every k, and Gauss-Newton steps in both,

    y - f P a ~ f P da + (df/dk) P a dk

start from the k that is right to first order, of y ~ P a + q k h y with q = p, and q = 1 of the exponentials. h is brought to
|h| <= 1 and 1 + k h stays above 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Constant, Expression, Power, Sum, Variable, exact, times
from kanlab.formulas.program import program

EXPONENTS = ("1", "-1", "1/2", "-1/2")
_STEPS = 6
_LEAST, _MOST, _MOST_EXPONENT = 0.03, 50.0, 12.0  # 1 + k h at least, |k| at most, and of exponentials


def fitted_factors(
    j: int, x: Array, P: Array, y: Array, w: Array, functions: Sequence[Expression]
) -> Iterator[Expression]:
    """The factors f of variable j at x (n,) at their best k, with h among the functions of the library.

    P (n, m): the polynomial of the other variables; y, w (n,): the target and its weights.
    """
    X = np.zeros((j + 1, len(x)))
    X[j] = x
    exponential = any(isinstance(e, Call) and e.function == "exp" for e in functions)
    for e in functions:
        kind, of_call = _kind(e), isinstance(e, Call)
        if not kind:
            continue
        h = program(e).outputs(X)
        size = float(np.abs(h).max())
        if not np.isfinite(h).all() or not size > 0:
            continue
        if kind != "log":
            for exponent in map(exact, EXPONENTS):
                k = _constant(h / size, exponent.value, P, y, w)
                if k is not None:
                    inside = Sum((times(Constant(k / size), e), exact(1)))
                    yield inside if exponent.value == 1 else Power(inside, exponent)
        if kind == "log" or (exponential and not of_call):
            k = _constant(h / size, None, P, y, w)
            if k is not None:
                c = Constant(k / size)
                yield Power(Variable(j), c) if kind == "log" else Call("exp", times(c, e))


def _kind(e: Expression) -> str:
    """x, x^2, and exp, sin, cos and log of x; "" for others."""
    if isinstance(e, Power):
        return "square" if isinstance(e.base, Variable) and e.exponent.exact == "2" else ""
    if isinstance(e, Call):
        return e.function if e.function in ("exp", "sin", "cos", "log") and isinstance(e.argument, Variable) else ""
    return "itself" if isinstance(e, Variable) else ""


def _constant(h: Array, p: float | None, P: Array, y: Array, w: Array) -> float | None:
    """k of the least squares, of exp(k h) where p is None; None where it leaves its range, or is nothing."""
    k = float(np.clip(_solved(np.column_stack([P, (p or 1.0) * h * y]), y, w)[-1], -0.9, 2.0))
    for _ in range(_STEPS):
        inside = np.exp(k * h) if p is None else 1 + k * h
        if not inside.min() > (0 if p is None else _LEAST) or abs(k) > (_MOST_EXPONENT if p is None else _MOST):
            return None
        f = inside if p is None else inside**p
        A = f[:, None] * P
        g = P @ _solved(A, y, w)
        slope = h * f if p is None else p * h * f / inside
        step = float(_solved(np.column_stack([A, slope * g]), y - f * g, w)[-1])
        if not np.isfinite(step):
            return None
        while p is not None and (1 + (k + step) * h).min() <= _LEAST and abs(step) > 1e-9:
            step /= 2
        k += step
    return k if 1e-3 < abs(k) < (_MOST_EXPONENT if p is None else _MOST) else None


def _solved(A: Array, y: Array, w: Array) -> Array:
    """Weighted least squares."""
    root = np.sqrt(w)
    A = A * root[:, None]
    scale = np.linalg.norm(A, axis=0)
    scale[scale == 0] = 1.0
    c: Array = np.linalg.lstsq(A / scale, y * root, rcond=1e-10)[0]
    return c / scale
