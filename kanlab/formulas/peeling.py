r"""Functions of one variable that stand outside everything else, taken off: y = f(x_j) g(others) or y = c f(x_j) + g(others).

What is left, y / f or y - c f, is a function of fewer variables, with weights f^2 or 1. So d tanh(a - b c) becomes
tanh(a - b c), whose link a search tries first, where the whole has none. Whether f is one of these is an F-test: with P a
polynomial of degree 2 to 6, as the rows carry it, weighted least squares of

    y / f ~ P(x_j, others)    against    y / f ~ P(others)

tell whether anything of x_j is left there; x_j has to matter before. Of the f that leave nothing the one is taken whose
P(others) is nearest to y, and what is left is looked at again. A y of one sign is looked at by its logarithm too, where
products are sums (the separability of AI Feynman, which looks at a network: Udrescu & Tegmark 2020, Science Advances 6).

A term may also stand in a power, y^(1/p) = c f(x_j) + g(others) with p among 1/2, -1, -1/2 and 2, and a factor may have a
constant of its own, which is fitted (`kanlab.formulas.fitted_factors`). Rows behind a power are weighted so that their squares
are those of y: one list ranks everything, by what it leaves and what it takes to write.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations_with_replacement
from math import comb

import numpy as np
from scipy.stats import f as f_distribution

from kanlab.arrays import Array
from kanlab.formulas.expression import Constant, Expression, Power, Sum, exact, free_constants, times
from kanlab.formulas.fitted_factors import fitted_factors
from kanlab.formulas.functions import POWER_COST
from kanlab.formulas.losses import SQUARES, Loss
from kanlab.formulas.program import program
from kanlab.formulas.score import function_cost

FACTOR, TERM, LINK = "factor", "term", "link"
LINKS = ("1/2", "-1", "-1/2", "2")  # exponents of powers that a sum may stand in
_MATTERS, _NOTHING_LEFT = 1e-6, 1e-3  # p-values: x_j matters below the one, and nothing of it is left above the other
_ROWS_A_COLUMN = 4  # of the polynomial, at least
_DEGREE, _COLUMNS = 6, 40  # of the polynomial at most; of degree 3 and 2 as many columns as the rows carry
_LEAST = 1e-14  # share of the squares that is rounding
_MOST_VARIABLES = 10
_RANKED = 60  # rows that the ranking pretends there are
_CHECKED = 40  # functions that the F-test is made of, at most
_WORSE = 2.0  # times what a polynomial of all variables leaves: behind a link no more may be left
_HEAVY = 100.0  # times the mean weight: no row counts for more
_FITTED_VARIABLES = 4  # up to which factors with a constant are fitted


@dataclass(frozen=True)
class Peeled:
    """What was taken off, the outermost first, as (FACTOR or TERM, expression) or (LINK, exponent of the power it is in).

    left: the variables of the rest.
    """

    steps: tuple[tuple[str, Expression], ...]
    left: tuple[int, ...]

    def rest(self, X: Array, loss: Loss) -> Loss | None:
        """What is left of the target at columns X (d, n), with the weights it then has; None where that is not finite."""
        y, w = loss.y, loss.w
        with np.errstate(all="ignore"):
            for kind, e in self.steps:
                if kind == LINK:
                    y, w = _behind(e, y, w)
                    continue
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
            if kind == LINK:
                assert isinstance(e, Constant)
                inner = Power(inner, e)
            else:
                inner = times(e, inner) if kind == FACTOR else Sum((inner, e))
        return inner


def _behind(exponent: Expression, y: Array, w: Array) -> tuple[Array, Array]:
    """z of y = z^p, and weights that make its squares those of y."""
    assert isinstance(exponent, Constant)
    p = exponent.value
    one_sign = bool((y > 0).all()) or (p == -1 and bool((y < 0).all()))
    z = np.sign(y) * np.abs(y) ** (1 / p) if one_sign else np.full(len(y), np.nan)
    return z, w * (p * np.abs(z) ** (p - 1)) ** 2


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
            powers = _exponents(len(found.left), loss.n)
            if rest is None or powers is None:
                break
            links = () if any(kind == LINK for kind, _ in found.steps) else LINKS
            tried = _plain(X, rest, found.left, powers, functions)
            step = _first([*tried, *_further(X, rest, found.left, powers, functions, links)], rest.n)
            if step is None:
                break
            j, steps = step
            found = Peeled((*found.steps, *steps), tuple(i for i in found.left if i != j))
    return found if found.steps else None


@dataclass(frozen=True)
class _Tried:
    """One function of variable j as it may come off. left_over: mean square that the others then leave; p: of the F-test."""

    left_over: float
    j: int
    steps: tuple[tuple[str, Expression], ...]
    p: Callable[[], float]

    def value(self, n: int) -> float:
        """As of a score, of fewer rows than there are, since what a polynomial leaves is no noise."""
        cost = sum(function_cost(e) + len(free_constants(e)) for _, e in self.steps)
        cost += sum(POWER_COST for kind, _ in self.steps if kind == LINK)
        return _RANKED * float(np.log(max(self.left_over, 1e-300))) + float(np.log(n)) * cost


def _first(tried: Sequence[_Tried], n: int) -> tuple[int, tuple[tuple[str, Expression], ...]] | None:
    """The variable and the steps of the best, of those after which nothing of the variable is left."""
    for t in sorted(tried, key=lambda t: t.value(n))[:_CHECKED]:
        if t.p() > _NOTHING_LEFT:
            return t.j, t.steps
    return None


def _plain(
    X: Array, loss: Loss, left: tuple[int, ...], powers: np.ndarray, functions: Callable[[int], Sequence[Expression]]
) -> list[_Tried]:
    """Factors and terms without a constant inside."""
    y, root = loss.y, np.sqrt(loss.w)
    one_sign = bool((y > 0).all() or (y < 0).all())
    z = np.log(np.abs(y)) if one_sign else y
    plain, logs = _polynomial(X[list(left)], powers), _polynomial(_logarithms(X[list(left)]), powers)
    tried: list[_Tried] = []
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
                tried.append(_Tried(without, j, ((TERM, times(Constant(c), e)),), p))
            if not (np.abs(v) > 1e-9 * np.abs(v).max()).all():
                continue
            of_factor = _Comparison(plain * (root * v)[:, None], held)
            tests, left_over = [partial(of_factor.p, y * root)], of_factor.without(y * root)
            if of_log is not None:
                t = (z - np.log(np.abs(v))) * root * np.abs(y)
                tests, left_over = [*tests, partial(of_log.p, t)], min(left_over, of_log.without(t))
            tried.append(_Tried(left_over, j, ((FACTOR, e),), partial(_highest, tests)))
    return tried


def _further(
    X: Array, loss: Loss, left: tuple[int, ...], powers: np.ndarray, functions: Callable[[int], Sequence[Expression]],
    links: Sequence[str],
) -> list[_Tried]:  # fmt: skip
    """Terms behind a link, and factors with a constant inside."""
    y, root = loss.y, np.sqrt(loss.w)
    plain = _polynomial(X[list(left)], powers)
    mattering = [
        (j, powers[:, place] > 0)
        for place, j in enumerate(left)
        if _Comparison(plain * root[:, None], powers[:, place] > 0).p(y * root) < _MATTERS
    ]
    whole = _Comparison(plain * root[:, None], powers.sum(axis=1) > 0).whole(y * root)
    tried: list[_Tried] = []
    for link in map(exact, links):
        z, w = _behind(link, y, loss.w)
        if np.isfinite(z).all() and np.isfinite(w).all() and w.mean() > 0:
            w = np.minimum(w, _HEAVY * w.mean())
            tried += [
                _Tried(t, j, ((LINK, link), (TERM, times(Constant(c), e))), p)
                for j, c, e, t, p in _terms(X, z, w, plain, mattering, functions)
                if t < _WORSE * whole
            ]
    if len(left) <= _FITTED_VARIABLES:
        for j, held in mattering:
            for e in fitted_factors(j, X[j], plain[:, ~held], y, loss.w, functions(j)):
                of_factor = _Comparison(plain * (root * program(e).outputs(X))[:, None], held)
                tried.append(_Tried(of_factor.without(y * root), j, ((FACTOR, e),), partial(of_factor.p, y * root)))
    return tried


def _terms(
    X: Array, z: Array, w: Array, plain: Array, mattering: Sequence[tuple[int, np.ndarray]],
    functions: Callable[[int], Sequence[Expression]],
) -> Iterator[tuple[int, float, Expression, float, Callable[[], float]]]:  # fmt: skip
    """Of each function of a variable that matters: variable, coefficient in z, function, what is left, and the F-test."""
    root = np.sqrt(w)
    for j, held in mattering:
        compared = _Comparison(plain * root[:, None], held)
        for e in functions(j):
            v = program(e).outputs(X)
            if np.isfinite(v).all():
                c, left_over, p = compared.beside(v * root, z * root)
                if c:
                    yield j, c, e, left_over, p


def _exponents(d: int, n: int) -> np.ndarray | None:
    """Of the monomials of the highest degree that the rows carry; None where they do not carry degree 2."""
    for degree in range(_DEGREE, 1, -1):
        columns = comb(d + degree, degree)
        if columns * _ROWS_A_COLUMN <= n and (columns <= _COLUMNS or degree <= 3):
            found = [()] + [c for k in range(1, degree + 1) for c in combinations_with_replacement(range(d), k)]
            return np.array([np.bincount(c, minlength=d) for c in found], dtype=int)
    return None


def _logarithms(X: Array) -> Array:
    """Each variable that is positive by its logarithm."""
    return np.array([np.log(x) if x.min() > 0 else x for x in X])


def _polynomial(X: Array, exponents: np.ndarray) -> Array:
    """Monomials of the variables X (d, n), brought to [-1, 1], as columns."""
    low, high = X.min(axis=1)[:, None], X.max(axis=1)[:, None]
    U = np.ones((_DEGREE + 1, *X.shape))
    for k in range(1, _DEGREE + 1):
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

    def whole(self, z: Array) -> float:
        """The mean square that all columns leave."""
        return self._left(z, self._Q.T @ z) / max(self.n - self.m, 1)

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
