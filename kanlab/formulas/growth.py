"""Formulas grown from short ones: each part extended by what explains best what is missing there, a beam kept at every step.

A step takes every formula of the beam and every part of it, asks the dictionary what would bring the part nearest to its
target (`kanlab.formulas.targets`), and fits all constants of the most promising new formulas together. The next beam holds the
best of these, a few of each kind of root, so that a link such as exp or a square root is not lost while it is still poor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kanlab.arrays import Array
from kanlab.formulas.dictionary import Dictionary
from kanlab.formulas.expression import (
    Call,
    Constant,
    Expression,
    Power,
    Product,
    Sum,
    Variable,
    complexity,
    exact,
    free_constants,
    times,
    total,
    variables,
)
from kanlab.formulas.fitting import fit
from kanlab.formulas.losses import Loss
from kanlab.formulas.periods import is_sampled
from kanlab.formulas.program import program
from kanlab.formulas.score import function_cost, score_of
from kanlab.formulas.simplify import Path, at, places, replaced, simplified
from kanlab.formulas.targets import Wanted, targets

LINKS: tuple[tuple[str, str], ...] = (
    ("power", "-1"), ("power", "1/2"), ("power", "-1/2"), ("power", "2"), ("power", "-2"), ("exp", ""), ("log", ""),
    ("asin", ""), ("tanh", ""), ("sin", ""),
)  # fmt: skip
FACTOR_LINKS = (("power", "-1"), ("power", "1/2"), ("power", "-1/2"), ("exp", ""))
BOUNDED = frozenset({"tanh", "sin"})
SHORT = 12.0  # rows that a ranking by brevity pretends there are
_LONGEST = 60  # complexity
_ITERATIONS = 12


class Known(NamedTuple):
    """A fitted formula in a search."""

    score: float
    expression: Expression
    misfit: float


@dataclass(eq=False)
class Budget:
    """Evaluations that are left; one counts its operations times its rows, in units of 1000 rows and 10 operations."""

    left: float
    spent: float = field(default=0.0)

    def spend(self, evaluations: float, rows: int, size: int) -> None:
        # a step in Python costs about what it costs at 700 rows
        cost = evaluations * (rows + 700) / 1700 * size / 10
        self.left -= cost
        self.spent += cost

    @property
    def is_over(self) -> bool:
        return self.left <= 0

    def part(self, share: float) -> Budget:
        """A budget of its own of a share of what is left, which is taken off here."""
        given = Budget(self.left * share)
        self.left -= given.left
        return given

    def back(self, other: Budget) -> None:
        """Take back what a part did not spend."""
        self.left += other.left
        self.spent += other.spent


def refitted(e: Expression, X: Array, loss: Loss, budget: Budget, iterations: int = _ITERATIONS) -> Known:
    """The formula with its constants fitted, and its score with every constant counted; infinite if a sine is not sampled."""
    found = fit(e, X, loss, iterations)
    budget.spend(found.evaluations, loss.n, complexity(e))
    misfit = found.misfit if is_sampled(found.expression, X) else float("inf")
    return Known(score_of(found.expression, misfit, len(free_constants(e)), loss), found.expression, misfit)


def grown(
    seeds: Sequence[Expression], X: Array, loss: Loss, dictionary: Dictionary, budget: Budget,
    *, width: int = 10, tries: int = 12, levels: int = 8, known: float = np.inf,
) -> list[Known]:  # fmt: skip
    """All formulas that were fitted on the way, best first. X (d, n), loss: of the rows searched.

    known: a score that is reached already; what is not better in three steps ends there.
    """
    beam = [refitted(simplified(e), X, loss, budget) for e in seeds]
    beam = [k for k in beam if np.isfinite(k.score)]
    archive, seen = list(beam), {_mark(k) for k in beam}
    exact_at = _exact_misfit(loss)
    best, calm = min((known, *(k.score for k in beam))), -1 if np.isfinite(known) else 0
    for level in range(levels):
        children: list[Known] = []
        for parent in beam:
            if budget.is_over:
                break
            for e in promising(parent.expression, X, loss, dictionary, tries if level else 6 * tries, budget):
                if budget.is_over:
                    break
                child = refitted(e, X, loss, budget)
                if np.isfinite(child.score) and _mark(child) not in seen and child.misfit < parent.misfit * (1 + 1e-9):
                    seen.add(_mark(child))
                    children.append(child)
        children.sort(key=lambda k: k.score)
        archive += children
        most = (
            3 * width if not level else width if level == 1 else width // 2 + 1
        )  # at first every link is worth a look
        beam = _spread(children, 1, most // 2)
        chosen = {id(k) for k in beam}
        short = sorted((k for k in children if id(k) not in chosen), key=lambda k: _by_brevity(k, loss))
        beam += _spread(short, 2 if not level else 1, most - len(beam))
        if not beam or budget.is_over:
            break
        calm = calm + 1 if beam[0].score > best - 1e-9 else 0
        best = min(best, beam[0].score)
        if calm >= 2 or beam[0].misfit < exact_at:
            break
    return sorted(archive, key=lambda k: k.score)


def _by_brevity(k: Known, loss: Loss) -> float:
    cost = function_cost(k.expression) + len(free_constants(k.expression))
    return SHORT * float(np.log(max(k.misfit, 1e-300))) + float(np.log(loss.n)) * cost


def _exact_misfit(loss: Loss) -> float:
    return 1e-14 * float(np.sum((loss.y - loss.y.mean()) ** 2)) if loss.has_variance else 0.0


def _mark(k: Known) -> tuple[float, int]:
    """Formulas that fit alike and are as long count as one."""
    return float(f"{k.misfit:.7g}"), complexity(k.expression)


def root_kind(e: Expression) -> str:
    """What stands at the root, through a constant factor and a constant term."""
    if isinstance(e, Sum | Product):
        rest = [p for p in e.parts if not isinstance(p, Constant)]
        if len(rest) == 1:
            return root_kind(rest[0])
        return e.kind
    return e.function if isinstance(e, Call) else f"power {e.exponent.exact}" if isinstance(e, Power) else e.kind


def _spread(children: Sequence[Known], of_a_kind: int, most: int) -> list[Known]:
    """The first `most`, at most so many of a kind of root."""
    kinds: dict[str, int] = {}
    kept: list[Known] = []
    for k in children:
        kind = root_kind(k.expression)
        if len(kept) < most and kinds.get(kind, 0) < of_a_kind:
            kinds[kind] = kinds.get(kind, 0) + 1
            kept.append(k)
    return kept


# ---- what to try


class _Idea(NamedTuple):
    """An extension of one place. misfit, cost: what is then left, and constants and functions of the whole formula."""

    misfit: float
    cost: float
    where: tuple[Path, str, tuple[int, ...]]
    build: Callable[[], Expression | None]

    def value(self, n: float, price: float) -> float:
        return n * float(np.log(self.misfit)) + price * self.cost


def promising(
    e: Expression, X: Array, loss: Loss, dictionary: Dictionary, most: int, budget: Budget
) -> Iterator[Expression]:
    """New formulas, the likeliest first: by turns those that explain most and short ones; few of one place and kind."""
    ideas, price = list(_ideas(e, X, loss, dictionary, budget)), float(np.log(loss.n))
    if not ideas:
        return
    rankings = [sorted(ideas, key=lambda i: i.value(n, price)) for n in (loss.n, SHORT)]
    counts: dict[object, int] = {}
    given, seen = 0, {id(None)}
    made = set[Expression]()
    for idea in (i for pair in zip(*rankings, strict=True) for i in pair):
        if id(idea) in seen:
            continue
        seen.add(id(idea))
        if counts.get(idea.where, 0) >= 2 or counts.get(idea.where[:2], 0) >= 5:
            continue
        built = idea.build()
        if built is None:
            continue
        new = simplified(built)
        if new in made or complexity(new) > _LONGEST:
            continue
        made.add(new)
        for key in (idea.where, idea.where[:2]):
            counts[key] = counts.get(key, 0) + 1
        given += 1
        yield new
        if given == most:
            return


def _ideas(e: Expression, X: Array, loss: Loss, dictionary: Dictionary, budget: Budget) -> Iterator[_Idea]:
    """Every part of an expression extended, multiplied, put in another's place, or joined by a factor behind a link."""
    wanted = targets(program(e), X, loss)
    cost = function_cost(e) + len(free_constants(e))
    for (path, part), w in zip(places(e), wanted, strict=True):
        if (isinstance(part, Constant) and path) or w is None:
            continue
        parent = at(e, path[:-1]) if path else None
        yield from _Place(e, path, part, parent, w, X, loss, dictionary, cost, budget).ideas()


@dataclass(frozen=True)
class _Place:
    """One part of an expression and what is wanted of it."""

    whole: Expression
    path: Path
    part: Expression
    parent: Expression | None
    wanted: Wanted
    X: Array
    loss: Loss
    dictionary: Dictionary
    cost: float
    budget: Budget

    def ideas(self) -> Iterator[_Idea]:
        value, target, weight = self.wanted
        ones, varies = np.ones(len(value)), bool(variables(self.part))
        scaled = isinstance(self.parent, Product) and sum(not isinstance(p, Constant) for p in self.parent.parts) == 1
        if not isinstance(self.parent, Sum) and not scaled:
            base = np.column_stack([ones, value]) if varies else ones[:, None]
            yield from self._of(
                "add",
                target,
                weight,
                base,
                None,
                self._sum,
                pairs=not isinstance(self.part, Variable),
                terms=3 if not varies else 1,
            )
        if varies and not isinstance(self.parent, Product) and not isinstance(self.part, Variable):
            yield from self._of(
                "times", target, weight, np.column_stack([value, ones]), value,
                lambda c, phi: Sum((times(self.part, Sum((Constant(c[0]), times(Constant(c[2]), phi)))), Constant(c[1]))),
                constants=2,
            )  # fmt: skip
        if varies and self.path and not scaled and complexity(self.part) <= 16:
            yield from self._of(
                "replace", target, weight, ones[:, None], None,
                lambda c, phi: Sum((times(Constant(c[1]), phi), Constant(c[0]))),
                less=function_cost(self.part) + len(free_constants(self.part)),
            )  # fmt: skip
        if not self.path or (len(self.path) == 1 and isinstance(self.parent, Sum) and varies):
            yield from self._links(value, target, weight, ones, varies)

    def _links(self, value: Array, target: Array, weight: Array, ones: Array, varies: bool) -> Iterator[_Idea]:
        """A link G(c0 + c1 phi) in place of a constant, or as another factor."""
        for name, exponent, scale in self._scaled(FACTOR_LINKS if varies else LINKS, target):
            with np.errstate(all="ignore"):
                t = target / value if varies else target / scale
                w = weight * value**2 if varies else weight
                inner, slope = _inverse(name, exponent, t)
                w = w * slope**2
                good = np.isfinite(inner) & np.isfinite(w) & (w > 0)
            if np.mean(good) < 0.95:
                continue
            w = np.where(good, w, 0.0)
            w = np.minimum(w, 100 * w.mean())

            def build(
                c: Array, phi: Expression, name: str = name, exponent: str = exponent, scale: float = scale
            ) -> Expression:
                argument = Sum((times(Constant(c[1]), phi), Constant(c[0])))
                linked = Power(argument, exact(exponent)) if exponent else Call(name, argument)
                if varies:
                    return times(self.part, linked)
                return linked if scale == 1 else times(Constant(scale), linked)

            cost = function_cost(Power(Constant(1.0), exact(exponent)) if exponent else Call(name, Constant(1.0)))
            yield from self._of(
                f"link {name}{exponent}", np.where(good, inner, 0.0), w, ones[:, None], None, build, pairs=not varies,
                constants=1 + cost + (scale != 1), most=4, terms=4 if not varies else 3,
            )  # fmt: skip

    def _scaled(self, links: Sequence[tuple[str, str]], target: Array) -> Iterator[tuple[str, str, float]]:
        """Links that are allowed; one that ends at -1 and 1 also at where the target ends, and beyond."""
        end = float(np.quantile(np.abs(target), 0.98))
        for name, exponent in links:
            if not self.dictionary.allowed(name):
                continue
            yield name, exponent, 1.0
            if name in BOUNDED and end > 0:
                yield from ((name, exponent, factor * end) for factor in (1.02, 1.3))

    def _sum(self, c: Array, phi: Expression) -> Expression:
        new = times(Constant(c[-1]), phi)
        if not variables(self.part):
            return Sum((new, Constant(c[0])))
        if (self.path and not isinstance(self.part, Sum)) or _has_constant(self.part):
            return Sum((self.part, new))
        return Sum((self.part, new, Constant(c[0])))

    def _of(
        self, kind: str, target: Array, weight: Array, base: Array, multiplier: Array | None,
        build: Callable[[Array, Expression], Expression], *, pairs: bool = False, constants: float = 1, less: float = 0.0,
        most: int = 6, terms: int = 1,
    ) -> Iterator[_Idea]:  # fmt: skip
        self.budget.spend(6 if pairs else 3, self.loss.n, 10)
        mean = float(weight.mean())
        varies, few = bool(variables(self.part)), self.dictionary.rows
        of_few = (target[few], weight[few], base[few], None if multiplier is None else multiplier[few])
        found = (
            self.dictionary.best(*of_few, self.loss.n, most, pairs=pairs)
            if terms == 1
            else self.dictionary.pursued(
                *of_few[:3], self.loss.n, most, terms, pairs=pairs, starts=1 if self.path or varies else 3
            )
        )
        for extension in found:

            def built(phis: tuple[Expression, ...] = extension.terms) -> Expression | None:
                with np.errstate(all="ignore"):
                    columns = [
                        program(phi).outputs(self.X) * (1.0 if multiplier is None else multiplier) for phi in phis
                    ]
                    root = np.sqrt(weight)
                    A = np.column_stack([base, *columns]) * root[:, None]
                    scale = np.linalg.norm(A, axis=0)
                    if not np.isfinite(scale).all():
                        return None
                    scale[scale == 0] = 1.0
                    c = np.linalg.lstsq(A / scale, target * root, rcond=1e-10)[0] / scale
                if not np.isfinite(c).all() or c[-1] == 0:
                    return None
                size = c[-len(phis)] or 1.0
                rest = [
                    times(Constant(b / size), phi) for b, phi in zip(c[len(c) - len(phis) + 1 :], phis[1:], strict=True)
                ]
                return replaced(
                    self.whole, self.path, build(np.append(c[: base.shape[1]], size), total([phis[0], *rest]))
                )

            cost = self.cost - less + constants + extension.cost
            where = (self.path, kind, (len(extension.terms), *variables(total(extension.terms))))
            yield _Idea(max(extension.misfit * mean * self.loss.n / len(target[few]), 1e-300), cost, where, built)


def _has_constant(e: Expression) -> bool:
    return isinstance(e, Sum) and any(isinstance(p, Constant) for p in e.parts)


def _inverse(name: str, exponent: str, t: Array) -> tuple[Array, Array]:
    """The argument at which a link takes the values t, and its slope there."""
    if exponent:
        p = exact(exponent).value
        good = np.where(t > 0, t, np.nan) if (t > 0).mean() > 0.9 or p != -1 else t
        inner = np.abs(good) ** (1 / p) * np.sign(good)
        return inner, p * np.abs(inner) ** (p - 1)
    if name == "sin":
        inner = np.arcsin(t)
        return inner, np.cos(inner)
    from kanlab.formulas.functions import FUNCTIONS

    function = FUNCTIONS[name]
    assert function.inverse is not None
    inner = function.inverse(t)
    return inner, function.slope(inner, t)


def rational_seed(X: Array, loss: Loss) -> Expression | None:
    """P / Q with both linear in the features and their products of two, by least squares of y Q = P; None of many features."""
    d = len(X)
    if d > 4 or not loss.has_variance:
        return None
    singles: list[Expression] = [Variable(i) for i in range(d)]
    basis = singles + [Product((singles[i], singles[j])) for i in range(d) for j in range(i + 1, d)]
    columns = np.array([program(e).outputs(X) for e in basis])
    ones = np.ones((1, X.shape[1]))
    A = np.vstack([ones, columns, -columns * loss.y]).T
    scale = np.linalg.norm(A, axis=0)
    if not (scale > 0).all() or not np.isfinite(scale).all() or len(scale) * 3 > loss.n:
        return None
    c = np.linalg.lstsq(A / scale, loss.y, rcond=1e-9)[0] / scale
    above = Sum(
        (*(times(Constant(v), e) for v, e in zip(c[1 : len(basis) + 1].tolist(), basis, strict=True)), Constant(c[0]))
    )
    below = Sum((*(times(Constant(v), e) for v, e in zip(c[len(basis) + 1 :].tolist(), basis, strict=True)), exact(1)))
    return Product((above, Power(below, exact(-1))))


def monomial_seed(X: Array, loss: Loss) -> Expression | None:
    """c prod x_i^p_i by least squares of logarithms, exponents rounded to halves; None where a sign changes."""
    y = loss.y
    used = [i for i, x in enumerate(X) if x.min() > 0]
    if not used or not loss.has_variance or not ((y > 0).all() or (y < 0).all()):
        return None
    A = np.column_stack([np.ones(len(y)), *np.log(X[used])])
    c = np.linalg.lstsq(A, np.log(np.abs(y)), rcond=1e-9)[0]
    powers = np.round(2 * c[1:]) / 2
    factors = [
        Power(Variable(i), exact(f"{int(2 * p)}/2" if p % 1 else int(p)))
        for i, p in zip(used, powers.tolist(), strict=True)
        if p and abs(p) <= 4
    ]
    return times(Constant(float(np.sign(y[0]) * np.exp(c[0]))), *factors) if factors else None


def constant_seed(loss: Loss) -> Expression:
    """The best constant."""
    return total([Constant(loss.constant())])
