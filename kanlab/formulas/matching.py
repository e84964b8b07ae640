r"""Which elementary function a curve is: y ~ c f(a x + b) + d, by least squares, the simplest that does as well as any.

In the manner of pykan's `suggest_symbolic` (Liu et al. 2024, section 2.5), with every parameter fitted rather than searched
on a grid alone. Given a and b the best c and d are those of a regression, so that

    R^2(a, b) = corr(f(a x + b), y)^2

and only a and b are searched: from a coarse grid, then by Levenberg-Marquardt. Parameters that another one absorbs are held
(ln(a x + b) = ln a + ln(x + b/a)). The sine can bend itself into any parabola, and more parameters always fit better, so the
functions stand in an order of simplicity, and the first is taken whose unexplained share 1 - R^2 is at most twice the least,
or below 1e-4.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import least_squares

from kanlab.arrays import Array
from kanlab.formulas.expression import Call, Constant, Expression, Power, Product, Sum, exact, times

MATCHED = 0.98  # R^2 from which a curve counts as matched
AS_GOOD, EXACT = 2.0, 1e-4  # factor of the unexplained share, and the share that is as good as none
MOST_POINTS = 200
_FLAT = 1e-12  # spread of a curve, relative to its values, that is rounding


@dataclass(frozen=True)
class Function:
    """An elementary function. latex, code: with {} for the argument.

    starts: (m, 2) of (a, b) for x in [-1, 1].  free: which of a and b are searched on.  beyond: the argument must stay above
    0 there, so b is searched as 1 + e^t.
    """

    name: str
    latex: str
    code: str
    f: Callable[[Array], Array]
    starts: Array
    free: tuple[bool, bool] = (False, True)
    beyond: bool = False


def _pairs(a: ArrayLike, b: ArrayLike) -> Array:
    return np.array(np.meshgrid(a, b, indexing="ij"), dtype=float).reshape(2, -1).T


def _centred(widths: Array, centers: Array) -> Array:
    """a (x - center) as a x + b."""
    return np.array([(a, -a * c) for a in widths for c in centers])


_BEYOND = _pairs([1.0, -1.0], 1.0 + np.geomspace(1e-3, 10.0, 25))
_WIDE, _MIDDLES = np.geomspace(0.4, 15.0, 16), np.linspace(-1.2, 1.2, 13)

# simplest first
FUNCTIONS: dict[str, Function] = {
    f.name: f
    for f in (
        Function("linear", "{}", "{}", lambda v: v, _pairs([1.0], [0.0]), (False, False)),
        Function("square", r"\left({}\right)^2", "({}) ** 2", np.square, _pairs([1.0], np.linspace(-5, 5, 41))),
        Function("cube", r"\left({}\right)^3", "({}) ** 3", lambda v: v**3, _pairs([1.0], np.linspace(-3, 3, 41))),
        Function("exp", r"\exp\left({}\right)", "np.exp({})", np.exp,
                 _pairs(np.append(-np.geomspace(0.1, 12, 14), np.geomspace(0.1, 12, 14)), [0.0]), (True, False)),
        Function("log", r"\ln\left({}\right)", "np.log({})", np.log, _BEYOND, beyond=True),
        Function("sqrt", r"\sqrt{{{}}}", "np.sqrt({})", np.sqrt, _BEYOND, beyond=True),
        Function("1/x", r"\frac{{1}}{{{}}}", "1 / ({})", lambda v: 1 / v, _BEYOND, beyond=True),
        Function("abs", r"\left|{}\right|", "np.abs({})", np.abs, _pairs([1.0], np.linspace(-0.95, 0.95, 39))),
        Function("sin", r"\sin\left({}\right)", "np.sin({})", np.sin,
                 _pairs(np.linspace(0.5, 12.0, 47), np.linspace(0, np.pi, 13)), (True, True)),
        Function("tanh", r"\tanh\left({}\right)", "np.tanh({})", np.tanh, _centred(_WIDE, _MIDDLES), (True, True)),
        Function("gaussian", r"\exp\left(-\left({}\right)^2\right)", "np.exp(-(({}) ** 2))", lambda v: np.exp(-v * v),
                 _centred(_WIDE, _MIDDLES), (True, True)),
    )
}  # fmt: skip
POWERS = {"square": 2, "cube": 3}  # written so where the argument is a bare name


_ABSORBED = 30.0
_EVEN, _ODD = ("square", "abs", "gaussian"), ("cube", "1/x", "sin", "tanh")
_DEGREES = {"square": 2.0, "cube": 3.0, "sqrt": 0.5, "1/x": -1.0, "abs": 1.0}  # f(s v) = s^degree f(v) for s > 0


@dataclass(frozen=True)
class Match:
    """y ~ c f(a x + b) + d and the share R^2 of the variance of y it explains."""

    name: str
    a: float
    b: float
    c: float
    d: float
    r2: float

    @property
    def matched(self) -> bool:
        """Whether the formula may stand for the curve."""
        return self.r2 >= MATCHED

    def expression(self, x: Expression) -> Expression:
        """The match as an expression of an argument, its constants free, as few as its function needs."""
        inner = x if self.name == "linear" else _affine(self.a, x, self.b)
        powers = {"square": exact(2), "cube": exact(3), "sqrt": exact("1/2"), "1/x": exact(-1)}
        if self.name in powers:
            inner = Power(inner, powers[self.name])
        elif self.name != "linear":
            inner = Call(self.name, inner)
        return times(Constant(self.c), inner)

    def __call__(self, x: ArrayLike) -> Array:
        with np.errstate(all="ignore"):
            return self.c * FUNCTIONS[self.name].f(self.a * np.asarray(x, dtype=float) + self.b) + self.d


def _affine(a: float, x: Expression, b: float) -> Expression:
    scaled = x if a == 1.0 else Product((exact(-1), x)) if a == -1.0 else Product((Constant(a), x))
    return Sum((scaled, Constant(b))) if b else scaled


def matches(x: Array, y: Array) -> list[Match]:
    """Every function of the library fitted to a curve through x, y (n,), simplest first. Every point counts alike."""
    order = np.argsort(x, kind="stable")
    order = order[np.linspace(0, len(x) - 1, min(len(x), MOST_POINTS)).round().astype(int)]
    x, y = x[order], y[order]
    middle, half = (x[0] + x[-1]) / 2, (x[-1] - x[0]) / 2
    if not half > 0 or not y.std() > _FLAT * max(1.0, float(np.abs(y).max())):
        return [Match("linear", 0.0, 0.0, 0.0, float(y.mean()), 1.0)]
    u = (x - middle) / half
    found = [_fitted(function, u, y) for function in FUNCTIONS.values()]
    return [plain(Match(m.name, m.a / half, m.b - m.a * middle / half, m.c, m.d, m.r2)) for m in found if m]


def suggest(x: Array, y: Array) -> Match:
    """The simplest function that matches a curve as well as any."""
    found = matches(x, y)
    least = min(1 - m.r2 for m in found)
    chosen = next(m for m in found if 1 - m.r2 <= max(AS_GOOD * least, EXACT))
    plainer = _without_shift(chosen, x, y)
    return plainer if 1 - plainer.r2 <= max(AS_GOOD * (1 - chosen.r2), EXACT) else chosen


def _without_shift(m: Match, x: Array, y: Array) -> Match:
    """The same function with b = 0 and c and d fitted again; as it is where it is not defined then."""
    with np.errstate(all="ignore"):
        v = FUNCTIONS[m.name].f(m.a * x)
    if m.b == 0.0 or not np.isfinite(v).all() or not y.var() > 0:
        return m
    c, d = _regression(v, y)
    return replace(m, b=0.0, c=c, d=d, r2=max(0.0, 1.0 - float(np.mean((y - c * v - d) ** 2) / y.var())))


def plain(m: Match) -> Match:
    """The same curve with what another parameter can absorb taken out of a and b, and signs taken out where they can be."""
    a, b, c, d = float(m.a), float(m.b), float(m.c), float(m.d)
    if m.name == "linear":
        return replace(m, a=1.0, b=0.0, c=c * a, d=d + c * b)
    if m.name == "exp":
        if abs(b) > _ABSORBED:  # a narrow range far from 0: c would leave the floating-point range
            return replace(m, a=a, b=b, c=c, d=d)
        return replace(m, a=a, b=0.0, c=c * float(np.exp(b)), d=d)
    if m.name == "log":
        return replace(m, a=a / abs(a), b=b / abs(a), c=c, d=d + c * float(np.log(abs(a))))
    if m.name in _DEGREES:
        a, b, c = a / abs(a), b / abs(a), c * abs(a) ** _DEGREES[m.name]
    if a < 0 and m.name in _EVEN + _ODD:
        a, b, c = -a, -b, -c if m.name in _ODD else c
    if m.name == "sin":
        turns = round(b / np.pi)
        b, c = b - turns * float(np.pi), -c if turns % 2 else c
    return replace(m, a=a, b=b, c=c, d=d)


def _fitted(function: Function, u: Array, y: Array) -> Match | None:
    """The best (a, b) of a function on u in [-1, 1], None where it is not defined there."""
    scores = _r2(function, function.starts, u, y)
    if not np.isfinite(scores).any() or scores.max() < 0:
        return None
    start = function.starts[int(np.argmax(scores))]
    best = start
    free = np.array(function.free)
    if free.any():
        spread = y.std()

        def inner(p: Array) -> Array:
            at = start.copy()
            at[free] = 1.0 + np.exp(np.clip(p, -30, 30)) if function.beyond else p
            return at

        def residual(p: Array) -> Array:
            with np.errstate(all="ignore"):
                v = function.f(inner(p)[0] * u + inner(p)[1])
            v = np.where(np.isfinite(v), v, 0.0)
            c, d = _regression(v, y)
            return (y - c * v - d) / spread

        first = np.log(start[free] - 1.0) if function.beyond else start[free]
        refined = inner(least_squares(residual, first, method="lm", max_nfev=100).x)
        if _r2(function, refined[None], u, y)[0] > scores.max():
            best = refined
    v = function.f(best[0] * u + best[1])
    c, d = _regression(v, y)
    r2 = max(0.0, 1.0 - float(np.mean((y - c * v - d) ** 2) / y.var()))
    return Match(function.name, float(best[0]), float(best[1]), c, d, r2)


def _regression(v: Array, y: Array) -> tuple[float, float]:
    """c and d of least squares y ~ c v + d."""
    deviation = v - v.mean()
    square = float(deviation @ deviation)
    c = float(deviation @ (y - y.mean())) / square if square > 0 else 0.0
    return c, float(y.mean() - c * v.mean())


def _r2(function: Function, inner: Array, u: Array, y: Array) -> Array:
    """R^2 of each (a, b) of `inner` (m, 2); -1 where the function is not finite."""
    with np.errstate(all="ignore"):
        v = function.f(inner[:, :1] * u + inner[:, 1:])
        v = v - v.mean(axis=1, keepdims=True)
        deviation = y - y.mean()
        r2 = (v @ deviation) ** 2 / ((v * v).sum(axis=1) * (deviation @ deviation))
    return np.where(np.isfinite(r2), np.minimum(r2, 1.0), -1.0)
