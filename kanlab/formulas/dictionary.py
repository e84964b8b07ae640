r"""What an expression may be extended by: elementary functions of a feature, or of two, as columns at the rows searched.

An atom phi is a function of one argument u, which is a feature, or x_i - x_j, x_i + x_j, x_i x_j, x_i / x_j or
x_i^2 + x_j^2. Its inner constants lie on a grid here and are fitted later. How much less a target t with weights w is left
unexplained by

    t ~ span(base) + c g phi

with a multiplier g is known for all atoms at once from products of matrices: with Q an orthonormal basis of sqrt(w) base, and
r the residual of sqrt(w) t,

    gain(phi) = (phi' h)^2 / (phi^2' (g^2 w) - |phi' (g sqrt(w) Q)|^2),    h = g sqrt(w) r

and the same for all products of two atoms phi psi, whose sums are entries of Phi' diag(h) Phi. It is the score test of adding
a term, made exact (orthogonal least squares: Chen, Billings & Luo 1989).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, Variable, exact, free_constants
from kanlab.formulas.periods import widest_gap
from kanlab.formulas.program import program
from kanlab.formulas.score import function_cost

MOST_ATOMS, MOST_NATURAL, MOST_ROWS = 2400, 260, 128
_HIGHER = ("3/2", "-3/2", "-3", "4", "-4", "5", "-5")
_SHORT = 12.0  # rows that a ranking by brevity pretends there are
_PARALLEL = 1e-4  # share of a column outside the span of the base below which it adds nothing


@dataclass(frozen=True)
class Extension:
    """Atoms or products of two, as terms. misfit: what they leave unexplained.  cost: of functions and inner constants."""

    terms: tuple[Expression, ...]
    misfit: float
    cost: float


@dataclass(frozen=True, eq=False)
class Atoms:
    """Expressions and their values (n, K), brought to length sqrt(n). costs (K,): in units of a constant."""

    expressions: tuple[Expression, ...]
    values: NDArray[np.float32]
    squares: NDArray[np.float32]
    scale: Array
    costs: Array

    @classmethod
    def of(cls, expressions: Sequence[Expression], X: Array, most: int) -> Atoms:
        """Those that are finite at every row and vary, each function once, at columns X (d, n)."""
        kept: list[Expression] = []
        columns, scales = [], []
        with np.errstate(all="ignore"):
            for e in expressions:
                v = program(e).outputs(X)
                scale = float(np.sqrt(np.mean(v * v)))
                if len(kept) < most and np.isfinite(v).all() and 1e-12 < scale < 1e12 and np.ptp(v) > 1e-9 * scale:
                    kept.append(e)
                    columns.append(v / scale)
                    scales.append(scale)
        values = np.array(columns, dtype=np.float32).reshape(len(kept), X.shape[1]).T.copy()
        costs = np.array([function_cost(e) + len(free_constants(e)) for e in kept])
        return cls(tuple(kept), values, values * values, np.array(scales), costs)


class Dictionary:
    """All atoms of a table, at every few of the rows searched. library: functions that are allowed.

    rows: those, as a slice of the columns X (d, n) it is made of.
    """

    def __init__(self, X: Array, library: Sequence[str]) -> None:
        self.rows = slice(None, None, max(1, X.shape[1] // MOST_ROWS))
        self.X, self.library = np.ascontiguousarray(X[:, self.rows]), frozenset(library)
        arguments = [Variable(i) for i in range(len(X))]
        derived = list(self._derived())
        singles = [e for u in arguments for e in (*self._natural(u), *self._gridded(u))]
        of_two = [e for u in derived for e in self._natural(u)]
        self.atoms = Atoms.of([*singles, *of_two], self.X, MOST_ATOMS)
        each = [e for u in arguments for e in self._natural(u)]
        few = [e for u in derived for e in self._few(u)] if len(X) <= 4 else []
        self.natural = Atoms.of([*each, *few], self.X, MOST_NATURAL)

    def _derived(self) -> Iterator[Expression]:
        """Arguments made of two features: difference, sum, product, ratio, squared distance."""
        for i, j in combinations(range(min(len(self.X), 9)), 2):
            x, y = Variable(i), Variable(j)
            yield Sum((x, Product((exact(-1), y))))
            yield Sum((x, y))
            yield Product((x, y))
            if _apart_from_zero(self.X[j]):
                yield Product((x, Power(y, exact(-1))))
            if _apart_from_zero(self.X[i]):
                yield Product((y, Power(x, exact(-1))))
            if self.allowed("power"):
                yield Sum((Power(x, exact(2)), Power(y, exact(2))))

    def allowed(self, name: str) -> bool:
        """Whether a function is in the library."""
        return name in self.library

    def of_variable(self, index: int) -> list[Expression]:
        """Functions of one variable without constants, and higher powers than stand in sums."""
        u, x = Variable(index), self.X[index]
        found = list(self._natural(u))
        if self.allowed("power") and x.min() > 0:
            found += [Power(u, exact(p)) for p in _HIGHER]
        return found

    def _few(self, u: Expression) -> Iterator[Expression]:
        """The functions of an argument of two features that stand in products."""
        yield u
        if self.allowed("power"):
            yield Power(u, exact(2))
        for name in ("sin", "cos"):
            if self.allowed(name):
                yield Call(name, u)
        if self.allowed("exp"):
            yield Call("exp", Product((exact(-1), u)))

    def _natural(self, u: Expression) -> Iterator[Expression]:
        """Functions without constants, or with those that textbooks have."""
        with np.errstate(all="ignore"):
            x = program(u).outputs(self.X)
        size, apart = float(np.abs(x).max()), _apart_from_zero(x)
        yield u
        if self.allowed("power"):
            yield Power(u, exact(2))
            yield Power(u, exact(3))
            if apart:
                yield Power(u, exact(-1))
                yield Power(u, exact(-2))
            if x.min() > 0:
                yield Power(u, exact("1/2"))
                if apart:
                    yield Power(u, exact("-1/2"))
        if x.min() > 0 and self.allowed("log"):
            yield Call("log", u)
        if size < 30 and self.allowed("exp"):
            yield Call("exp", u)
            yield Call("exp", Product((exact(-1), u)))
            yield Call("exp", Product((Constant(-0.5), Power(u, exact(2)))))
        if 0.3 < size < 60:
            for factor in (exact(1), exact("1/2"), exact(2), exact("pi")):
                v = u if factor.exact == "1" else Product((factor, u))
                for name in ("sin", "cos"):
                    if self.allowed(name):
                        yield Call(name, v)
        if self.allowed("tanh"):
            yield Call("tanh", u)
        if size < 1:
            for name in ("asin", "atanh"):
                if self.allowed(name):
                    yield Call(name, u)
        if self.allowed("abs") and x.min() < 0 < x.max():
            yield Call("abs", u)

    def _gridded(self, u: Variable) -> Iterator[Expression]:
        """Functions with free inner constants, at starts all over the range."""
        x = self.X[u.index]
        low, high = float(x.min()), float(x.max())
        middle, half = (low + high) / 2, (high - low) / 2
        if not half > 0:
            return

        def inner(a: float, b: float) -> Expression:
            """a times the argument scaled to [-1, 1], plus b."""
            return Sum((Product((Constant(a / half), u)), Constant(b - a * middle / half)))

        if self.allowed("sin"):
            widest = widest_gap(x) / half
            for a in (a for a in np.geomspace(0.7, 14.0, 12).tolist() if a * widest <= np.pi):
                for b in (0.0, np.pi / 3, 2 * np.pi / 3):
                    yield Call("sin", inner(a, float(b)))
        if self.allowed("exp"):
            for a in (0.3, 0.7, 1.5, 3.0, 6.0):
                yield Call("exp", Product((Constant(a / half), u)))
                yield Call("exp", Product((Constant(-a / half), u)))
        for name in ("gaussian", "tanh", "atan", "erf"):
            if self.allowed(name):
                for a in (1.2, 3.0, 7.0):
                    for center in (-0.6, 0.0, 0.6):
                        yield Call(name, inner(a, -a * center))
        for beyond in (1.03, 1.15, 1.5, 2.5):
            for sign in (1.0, -1.0):
                v = inner(sign, beyond)
                if self.allowed("power"):
                    yield Power(v, exact(-1))
                    yield Power(v, exact("1/2"))
                    yield Power(v, exact(-2))
                    yield Power(v, exact("-1/2"))
                if self.allowed("log"):
                    yield Call("log", v)
        if low > 0 and self.allowed("power"):
            for p in (-1.5, -0.7, 0.7, 1.5, 2.5):
                yield Power(u, Constant(p))
        if self.allowed("asin"):
            for a in (0.5, 0.8, 0.97):
                yield Call("asin", inner(a, 0.0))
        if self.allowed("abs"):
            for center in (-0.6, -0.3, 0.0, 0.3, 0.6):
                yield Call("abs", inner(1.0, -center))
        if self.allowed("cosh"):
            yield Call("cosh", inner(2.0, 0.0))

    def best(
        self, t: Array, w: Array, base: Array, g: Array | None, n: int, most: int, *, pairs: bool
    ) -> list[Extension]:
        """The atoms, and products of two, after which t is best explained for what they cost, in no order.

        base (n, b); n: rows of the score.  most: of atoms and of products each, by the score and by brevity.
        """
        w = w / w.mean()
        root = np.sqrt(w)
        Q, _ = np.linalg.qr(base * root[:, None])
        z = root * t
        r = z - Q @ (Q.T @ z)
        left = float(r @ r)
        if not left > 0:
            return []
        weight = root if g is None else root * g
        top = float(np.abs(weight).max())
        if not 0 < top < 1e15:
            return []
        h, G, W = (a.astype(np.float32) for a in (weight * r, weight[:, None] * Q, weight * weight))
        found: list[Extension] = []

        def take(numerator: Array, norm: Array, full: Array, costs: Array, of: Callable[[int], Expression]) -> None:
            with np.errstate(all="ignore"):
                gain = np.where(norm > _PARALLEL * full, numerator**2 / norm, 0.0).ravel()
            misfit, costs = np.maximum(left - gain.astype(float), 1e-12 * left), costs.ravel()
            logs, chosen = np.log(misfit), []
            for rows in (n, _SHORT):
                value = rows * logs + np.log(n) * costs
                chosen += np.argpartition(value, min(most, value.size) - 1)[:most].tolist()
            for k in dict.fromkeys(chosen):
                if gain[k] > 0:
                    found.append(Extension((of(k),), float(misfit[k]), float(costs[k])))

        D = self.atoms.values
        if D.shape[1]:
            cross = D.T @ G
            full = self.atoms.squares.T @ W
            take(
                D.T @ h,
                full - np.sum(cross * cross, axis=1),
                full,
                self.atoms.costs,
                self.atoms.expressions.__getitem__,
            )
        if pairs and self.natural.values.shape[1]:
            P, squares = self.natural.values, self.natural.squares
            full = (squares * W[:, None]).T @ squares
            norm = full.copy()
            for q in G.T:
                norm -= ((P * q[:, None]).T @ P) ** 2
            costs = self.natural.costs[:, None] + self.natural.costs[None, :] + 0.25
            lower = np.tril(np.ones(norm.shape, dtype=bool))
            norm[lower] = -1.0  # each product once, and no squares
            take((P * h[:, None]).T @ P, norm, full, costs, self._pair)
        return found

    def pursued(
        self, t: Array, w: Array, base: Array, n: int, most: int, terms: int, *, pairs: bool, starts: int = 1
    ) -> list[Extension]:
        """Sums of up to so many terms, each the best beside those before it, by the score and by brevity.

        starts: first terms that are tried by each of the two.
        Orthogonal matching pursuit (Pati, Rezaiifar & Krishnaprasad 1993). The first term alone as `best` has it.
        """
        first = self.best(t, w, base, None, n, most, pairs=pairs)
        found = list(first)

        def value(e: Extension, rows: float) -> float:
            return rows * float(np.log(max(e.misfit, 1e-300))) + float(np.log(n)) * e.cost

        begun = [(rows, e) for rows in (n, _SHORT) for e in sorted(first, key=lambda e: value(e, rows))[:starts]]
        for rows, start in begun:
            so_far, columns, options = Extension((), 0.0, 0.0), base, [start]
            for _ in range(terms):
                if not options:
                    break
                chosen = min(options, key=lambda e: value(e, rows))
                so_far = Extension(
                    (*so_far.terms, *chosen.terms), chosen.misfit, so_far.cost + chosen.cost + bool(so_far.terms) * 1.25
                )
                if len(so_far.terms) > 1:
                    found.append(so_far)
                with np.errstate(all="ignore"):
                    column = program(chosen.terms[0]).outputs(self.X)
                columns = np.column_stack([columns, column / (np.abs(column).max() or 1.0)])
                options = self.best(t, w, columns, None, n, 1, pairs=pairs)
        return found

    def _pair(self, k: int) -> Expression:
        first, second = divmod(k, len(self.natural.expressions))
        return Product((self.natural.expressions[first], self.natural.expressions[second]))


def _apart_from_zero(x: Array) -> bool:
    low, high = float(x.min()), float(x.max())
    return (low > 0 or high < 0) and min(abs(low), abs(high)) > 1e-3 * max(abs(low), abs(high))
