r"""Functions of one variable that stand outside everything else, taken off: y = f(x_j) g(others) or y = c f(x_j) + g(others).

What is left, y / f or y - c f, is a function of fewer variables, with weights f^2 or 1. So d tanh(a - b c) becomes
tanh(a - b c), whose link a search tries first, where the whole has none. Whether f is one of these is an F-test: with P a
polynomial of degree 3 (2 where the rows are few), weighted least squares of

    y / f ~ P(x_j, others)    against    y / f ~ P(others)

tell whether anything of x_j is left there; x_j has to matter before. Of the f that leave nothing the one is taken whose
P(others) is nearest to y, and what is left is looked at again. A y of one sign is looked at by its logarithm too, where
products are sums (the separability of AI Feynman, which looks at a network: Udrescu & Tegmark 2020, Science Advances 6).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement

import numpy as np
from scipy.stats import f as f_distribution

from kanlab.arrays import Array
from kanlab.formulas.expression import Constant, Expression, Sum, times
from kanlab.formulas.losses import SQUARES, Loss
from kanlab.formulas.program import program

FACTOR, TERM = "factor", "term"
_MATTERS, _NOTHING_LEFT = 1e-6, 1e-3  # p-values: x_j matters below the one, and nothing of it is left above the other
_ROWS_A_COLUMN = 4  # of the polynomial, at least
_LEAST = 1e-14  # share of the squares that is rounding
_MOST_VARIABLES = 10
_CHECKED = 12  # functions that the F-test is made of, at most
_HEAVY = 100.0  # times the mean weight: no row counts for more


@dataclass(frozen=True)
class Peeled:
    """What was taken off, the outermost first, as (FACTOR or TERM, expression); left: the variables of the rest."""

    steps: tuple[tuple[str, Expression], ...]
    left: tuple[int, ...]

    def rest(self, X: Array, loss: Loss) -> Loss | None:
        """What is left of the target at columns X (d, n), with the weights it then has; None where that is not finite."""
        y, w = loss.y, loss.w
        with np.errstate(all="ignore"):
            for kind, e in self.steps:
                v = program(e).outputs(X)
                y, w = (y / v, w * v * v) if kind == FACTOR else (y - v, w)
        good = np.isfinite(y) & np.isfinite(w)
        if good.mean() < 0.98 or not w[good].mean() > 0:
            return None
        w = np.where(good, w, 0.0)
        return Loss.of(SQUARES, np.where(good, y, 0.0), np.minimum(w, _HEAVY * w.mean()))

    def around(self, inner: Expression) -> Expression:
        """The whole of an expression for the rest."""
        for kind, e in reversed(self.steps):
            inner = times(e, inner) if kind == FACTOR else Sum((inner, e))
        return inner


def peeled(X: Array, loss: Loss, functions: Callable[[int], Sequence[Expression]]) -> Peeled | None:
    """Everything that comes off y at columns X (d, n), one after the other; None where nothing does, or nothing would stay.

    functions: of a variable, that may be taken off.
    """
    if not loss.has_variance or not 2 <= len(X) <= _MOST_VARIABLES:
        return None
    found = Peeled((), tuple(range(len(X))))
    with np.errstate(all="ignore"):
        while len(found.left) > 1:
            rest = found.rest(X, loss)
            step = None if rest is None else _step(X, rest, found.left, functions)
            if step is None:
                break
            j, kind, e = step
            found = Peeled((*found.steps, (kind, e)), tuple(i for i in found.left if i != j))
    return found if found.steps else None


def _step(
    X: Array, loss: Loss, left: tuple[int, ...], functions: Callable[[int], Sequence[Expression]]
) -> tuple[int, str, Expression] | None:
    """What comes off best: the variable, how, and the function."""
    powers = _exponents(len(left), loss.n)
    if powers is None:
        return None
    y, root = loss.y, np.sqrt(loss.w)
    one_sign = bool((y > 0).all() or (y < 0).all())
    z = np.log(np.abs(y)) if one_sign else y
    plain, logs = _polynomial(X[list(left)], powers), _polynomial(_logarithms(X[list(left)]), powers)
    tried: list[tuple[float, int, str, Expression, Callable[[], float]]] = []
    for place, j in enumerate(left):
        held = powers[:, place] > 0  # columns with x_j
        of_term = _Comparison(plain * root[:, None], held)
        if not of_term.p(y * root) < _MATTERS:
            continue
        of_log = _Comparison(logs * (root * np.abs(y))[:, None], held) if one_sign else None
        for e in functions(j):
            v = program(e).outputs(X)
            if not np.isfinite(v).all():
                continue
            c, without, p = of_term.beside(v * root, y * root)
            if c:
                tried.append((without, j, TERM, times(Constant(c), e), p))
            if not (np.abs(v) > 1e-9 * np.abs(v).max()).all():
                continue
            of_factor = _Comparison(plain * (root * v)[:, None], held)
            tests, left_over = [partial(of_factor.p, y * root)], of_factor.without(y * root)
            if of_log is not None:
                t = (z - np.log(np.abs(v))) * root * np.abs(y)
                tests, left_over = [*tests, partial(of_log.p, t)], min(left_over, of_log.without(t))
            tried.append((left_over, j, FACTOR, e, partial(_highest, tests)))
    for _, j, kind, e, p in sorted(tried, key=lambda t: t[0])[:_CHECKED]:
        if p() > _NOTHING_LEFT:
            return j, kind, e
    return None


def _exponents(d: int, n: int) -> np.ndarray | None:
    """Of the monomials of degree 3, or 2 where the rows do not carry these; None where they do not either."""
    for degree in (3, 2):
        found = [()] + [c for k in range(1, degree + 1) for c in combinations_with_replacement(range(d), k)]
        if len(found) * _ROWS_A_COLUMN <= n:
            return np.array([np.bincount(c, minlength=d) for c in found], dtype=int)
    return None


def _logarithms(X: Array) -> Array:
    """Each variable that is positive by its logarithm."""
    return np.array([np.log(x) if x.min() > 0 else x for x in X])


def _polynomial(X: Array, exponents: np.ndarray) -> Array:
    """Monomials of the variables X (d, n), brought to [-1, 1], as columns."""
    low, high = X.min(axis=1)[:, None], X.max(axis=1)[:, None]
    U = np.ones((4, *X.shape))
    for k in range(1, 4):
        U[k] = U[k - 1] * np.where(high > low, (2 * X - low - high) / np.where(high > low, high - low, 1.0), 0.0)
    columns = np.ones((len(exponents), X.shape[1]))
    for i in range(len(X)):
        columns *= U[exponents[:, i], i]
    return columns.T


class _Comparison:
    """Least squares by the columns of A (n, m) without those that are `held`, and by all of them."""

    def __init__(self, A: Array, held: np.ndarray) -> None:
        self.few = int((~held).sum())
        self._Q, R = np.linalg.qr(np.column_stack([A[:, ~held], A[:, held]]))
        size = np.abs(np.diag(R))
        self._Q[:, size <= 1e-10 * size.max()] = 0.0
        self.n, self.m = A.shape

    def without(self, z: Array) -> float:
        """The mean square that the columns without the held ones leave of z (n,)."""
        c = self._Q[:, : self.few].T @ z
        return max(float(z @ z - c @ c), _LEAST * float(z @ z)) / (self.n - self.few)

    def p(self, z: Array) -> float:
        """Of the F-test that the held columns say nothing of z."""
        c = self._Q.T @ z
        return _p(float(c[self.few :] @ c[self.few :]), self._left(z, c), self.m - self.few, self.n - self.m)

    def beside(self, v: Array, z: Array) -> tuple[float, float, Callable[[], float]]:
        """The coefficient of v (n,) beside the columns without the held ones, the mean square left, and the p-value then."""
        Q = self._Q[:, : self.few]
        apart = v - Q @ (Q.T @ v)
        size = float(apart @ apart)
        if not size > 1e-10 * float(v @ v):
            return 0.0, float("inf"), lambda: 0.0
        r = z - Q @ (Q.T @ z)
        c = float(apart @ r) / size
        after = max(float(r @ r) - c * c * size, _LEAST * float(z @ z))
        return c, after / (self.n - self.few - 1), lambda: self.p(z - c * v)

    def _left(self, z: Array, c: Array) -> float:
        return max(float(z @ z - c @ c), _LEAST * float(z @ z))


def _highest(tests: Sequence[Callable[[], float]]) -> float:
    return max(test() for test in tests)


def _p(gained: float, left: float, more: int, rows: int) -> float:
    return float(f_distribution.sf(gained / more / (left / rows), more, rows)) if left > 0 else 1.0
