"""The search for formulas of a table, in parts that workers do side by side, and what it comes to.

Formulas are grown on some of the rows (`kanlab.formulas.growth`), or taken from networks; the most promising are fitted to
all, shortened, tried with other functions in their places, and their constants made exact where the rows allow it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.formulas.dictionary import Dictionary
from kanlab.formulas.evaluation import evaluated, problems
from kanlab.formulas.expression import (
    Call,
    Constant,
    Expression,
    Power,
    Variable,
    children,
    complexity,
    renumbered,
    walk,
)
from kanlab.formulas.front import FoundFormula, FoundFormulas
from kanlab.formulas.growth import (
    Budget,
    Known,
    constant_seed,
    grown,
    monomial_seed,
    promising,
    rational_seed,
    refitted,
)
from kanlab.formulas.losses import Loss
from kanlab.formulas.networks import alternatives, network_expressions
from kanlab.formulas.options import POWER, FormulaOptions
from kanlab.formulas.parts import GROWTH
from kanlab.formulas.peeling import peeled
from kanlab.formulas.periods import is_sampled
from kanlab.formulas.program import outputs as values_at
from kanlab.formulas.pruning import pruned
from kanlab.formulas.selection import front
from kanlab.formulas.simplify import simplified
from kanlab.formulas.snapping import snapped
from kanlab.kan.edges import Curves, curves_of
from kanlab.kan.network import FittedKan
from kanlab.kan.shape_check import against_others, violations
from kanlab.kan.shapes import Shape
from kanlab.stats.likelihood import MULTICLASS

Candidate = tuple[Expression, ...]
GROWN_ROWS, ALL_ROWS = 256, 2000  # rows that formulas are grown on, and finished on
BUDGET = 60000.0  # of effort 1, in units of kanlab.formulas.growth.Budget
PEELED_ROWS = 400  # that say what is taken off before
_INSIDE, _TAKEN_BACK = 0.35, 20  # share of the evaluations for what is then left, and formulas of it that are looked at
_ALTERNATIVES, _FINISHED, _SHORT_ONES, _ROUNDS = 8, 7, 6, 3


def search_part(data: Dataset, part: str, networks: Sequence[FittedKan], options: FormulaOptions) -> list[Candidate]:
    """The formulas that one part of a search comes to, one expression an output."""
    outputs = problems(data)
    if part == GROWTH:
        found = [searched(X, loss, options, share=1 / len(outputs)) for X, loss in outputs]
        most = max(map(len, found))
        return [tuple(of[min(i, len(of) - 1)] for of in found) for i in range(most)]
    return _from_networks([curves_of(network, data.X_train) for network in networks], outputs, options)


def searched(
    X: Array, loss: Loss, options: FormulaOptions, share: float = 1.0, seeds: Sequence[Expression] = ()
) -> list[Expression]:
    """Formulas of one output, the best first, then shorter ones. X (d, n)."""
    budget = Budget(BUDGET * options.effort * share)
    few = _evenly(loss.n, GROWN_ROWS)
    X_few, loss_few = np.ascontiguousarray(X[:, few]), loss.at(few)
    dictionary = Dictionary(X_few, options.library)
    begun = [constant_seed(loss), monomial_seed(X_few, loss_few), rational_seed(X_few, loss_few)]
    growing = budget.part(0.6)
    inside = growing.part(_INSIDE)
    archive = _inside(X, loss, few, dictionary, inside)
    growing.back(inside)
    known = min((k.score for k in archive), default=np.inf)
    begun += seeds
    archive += grown([e for e in begun if e is not None], X_few, loss_few, dictionary, growing, known=known)
    archive.sort(key=lambda k: k.score)
    budget.back(growing)
    return _finished(
        [k for k in archive if allowed(k.expression, options)], X, loss, dictionary, (X_few, loss_few), budget
    )


def _inside(X: Array, loss: Loss, few: np.ndarray, dictionary: Dictionary, budget: Budget) -> list[Known]:
    """Formulas grown for what is left of the target after functions of one variable are taken off, these around them.

    few: the rows they are grown on.
    """
    rows = _evenly(loss.n, PEELED_ROWS)
    taken = peeled(np.ascontiguousarray(X[:, rows]), loss.at(rows), dictionary.of_variable)
    rest = None if taken is None else taken.rest(X[:, few], loss.at(few))
    if taken is None or rest is None:
        return []
    X_rest = np.ascontiguousarray(X[list(taken.left)][:, few])
    seeds = [constant_seed(rest), monomial_seed(X_rest, rest), rational_seed(X_rest, rest)]
    found = grown(
        [e for e in seeds if e is not None], X_rest, rest, Dictionary(X_rest, tuple(dictionary.library)), budget
    )
    whole = [simplified(taken.around(renumbered(k.expression, taken.left))) for k in found[:_TAKEN_BACK]]
    again = [refitted(e, np.ascontiguousarray(X[:, few]), loss.at(few), budget) for e in whole]
    return [k for k in again if np.isfinite(k.score)]


def allowed(e: Expression, options: FormulaOptions) -> bool:
    """Whether an expression holds functions of the library alone."""
    library = set(options.library)
    held = {part.function for part in walk(e) if isinstance(part, Call)}
    return held <= library and (POWER in library or not any(isinstance(part, Power) for part in walk(e)))


def _evenly(n: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _finished(
    archive: Sequence[Known], X: Array, loss: Loss, dictionary: Dictionary, of_few: tuple[Array, Loss], budget: Budget
) -> list[Expression]:
    rows = _evenly(loss.n, ALL_ROWS)
    X, loss = np.ascontiguousarray(X[:, rows]), loss.at(rows)
    again = [refitted(k.expression, X, loss, budget, 20) for k in archive[:30]]
    again = sorted((k for k in again if np.isfinite(k.score)), key=lambda k: k.score)
    best = _distinct(again, _FINISHED)
    done: list[tuple[float, Expression]] = []
    for known in best:
        if done and budget.is_over:
            break
        finished = _polished(known, X, loss, dictionary, of_few, budget)
        done.append((finished.score, finished.expression))
    done.sort(key=lambda f: f[0])
    longest = complexity(done[0][1]) if done else 0
    short = []
    for known in _front_of(archive, longest):
        final = snapped(simplified(known.expression), X, loss, Budget(500.0))
        short.append(final.expression)
    found = [e for _, e in done] + short
    return [e for e in found if is_sampled(e, X)] or found


def _distinct(known: Sequence[Known], most: int) -> list[Known]:
    kept: list[Known] = []
    for k in known:
        if len(kept) < most and all(abs(k.score - o.score) > 1e-4 * max(1.0, abs(o.score)) for o in kept):
            kept.append(k)
    return kept


def _front_of(archive: Sequence[Known], longest: int) -> list[Known]:
    """The formulas shorter than `longest` that no shorter one beats, at most so many."""
    ordered = sorted(
        (k for k in archive if complexity(k.expression) < longest), key=lambda k: (complexity(k.expression), k.misfit)
    )
    kept: list[Known] = []
    for k in ordered:
        if not kept or k.misfit < 0.98 * kept[-1].misfit:
            kept.append(k)
    return [kept[i] for i in _evenly(len(kept), _SHORT_ONES)] if kept else []


def _polished(
    known: Known, X: Array, loss: Loss, dictionary: Dictionary, of_few: tuple[Array, Loss], budget: Budget
) -> Known:
    """Shortened, extended or changed where that lowers the score, and its constants made exact."""
    own = budget.part(0.3)
    known = pruned(known, X, loss, own)
    for _ in range(_ROUNDS):
        if own.is_over:
            break
        extended = [refitted(e, X, loss, own, 15) for e in promising(known.expression, *of_few, dictionary, 10, own)]
        better = min(
            (pruned(k, X, loss, own) for k in extended if k.score < known.score + 25),
            key=lambda k: k.score,
            default=known,
        )
        if not better.score < known.score - 1e-6:
            break
        known = better
    final = snapped(known.expression, X, loss, own)
    after = pruned(Known(final.score, final.expression, final.misfit), X, loss, own)
    if after.expression != final.expression:
        final = snapped(after.expression, X, loss, own)
    budget.back(own)
    return Known(final.score, final.expression, final.misfit)


def _from_networks(
    curves: Sequence[Curves], outputs: Sequence[tuple[Array, Loss]], options: FormulaOptions
) -> list[Candidate]:
    found: list[tuple[float, Candidate]] = []
    for of_network in curves:
        for candidate in alternatives(of_network, _ALTERNATIVES):
            if not all(allowed(e, options) for e in candidate):
                continue
            budget = Budget(BUDGET)
            known = [
                refitted(simplified(e), X, loss, budget, 20) for e, (X, loss) in zip(candidate, outputs, strict=True)
            ]
            found.append((sum(k.score for k in known), tuple(k.expression for k in known)))
    found.sort(key=lambda f: f[0])
    finished = []
    for score, candidate in found[:2]:
        if not np.isfinite(score):
            continue
        one = []
        for e, (X, loss) in zip(candidate, outputs, strict=True):
            budget = Budget(BUDGET * options.effort * 0.1)
            shortest = pruned(refitted(e, X, loss, budget, 30), X, loss, budget)
            one.append(snapped(shortest.expression, X, loss, budget).expression)
        finished.append(tuple(one))
    return finished


def drawn(data: Dataset, repeat: int, seed: int) -> Dataset:
    """The rows of a repeat: the training rows for 0, else as many drawn from them with replacement."""
    return data.of_rows(drawn_rows(data, repeat, seed)) if repeat else data


def drawn_rows(data: Dataset, repeat: int, seed: int) -> np.ndarray:
    """Their places among the training rows, in order."""
    return np.sort(np.random.default_rng([seed, repeat]).integers(0, data.n, data.n))


def concluded(
    data: Dataset,
    candidates: Sequence[Sequence[Candidate]],
    network: FittedKan | None,
    options: FormulaOptions,
    *,
    count_sigma2: bool,
    shape_of_effects: Shape = Shape(),
) -> FoundFormulas:
    """The front of the formulas of all parts, with the recommended one.

    candidates: of the training rows, then of other rows drawn from them, for the stability.  network: that of the study, a
    candidate too.  shape_of_effects: what is demanded of them; a formula that breaks it, looked up at many points
    (kanlab.kan.shape_check), is none of the front, and where all of them do the mean is.
    """
    entries = [evaluated(c, data, count_sigma2=count_sigma2, origin="search") for c in dict.fromkeys(candidates[0])]
    if network is not None:
        own = network_expressions(curves_of(network, data.X_train))
        entries.append(evaluated(own, data, count_sigma2=count_sigma2, origin="network"))
        if shape_of_effects:  # as it is it keeps to them, which refitted constants need not
            entries.append(evaluated(own, data, count_sigma2=count_sigma2, origin="network", iterations=0))
    made = front(data, _keeping(shape_of_effects, entries, data, count_sigma2), options.required)
    shapes = []
    for repeat, of_rows in enumerate(candidates[1:], start=1):
        rows, again = drawn_rows(data, repeat, options.seed), drawn(data, repeat, options.seed)
        known = [evaluated(c, again, count_sigma2=count_sigma2, origin="search") for c in dict.fromkeys(of_rows)]
        known = _keeping(shape_of_effects, known, again, count_sigma2)
        best = front(again, known, options.required, copies_of=rows) if known else None
        shapes.append(shape(best.formulas[best.recommended].expressions) if best else "")
    found_again = [
        replace(f, found_in=shapes.count(shape(f.expressions)) if options.repeats else None) for f in made.formulas
    ]
    scores = None if network is None else data.errors(network.predict)
    return replace(
        made, formulas=tuple(found_again), network=scores, repeats=options.repeats, required=options.required
    )


def _keeping(demanded: Shape, entries: list[FoundFormula], data: Dataset, count_sigma2: bool) -> list[FoundFormula]:
    """Those that keep to the shape of effects; the mean where none does."""
    if not demanded:
        return entries
    kept = [e for e in entries if not breaks(e.expressions, data, demanded)]
    mean: tuple[Constant, ...] = (Constant(float(np.average(data.y_train, weights=data.w_train))),)
    if data.task == MULTICLASS:
        shares = np.bincount(data.y_train.astype(int), minlength=len(data.levels)) + 0.5
        mean = tuple(Constant(float(np.log(share / shares[0]))) for share in shares[1:])
    return kept or [evaluated(mean, data, count_sigma2=count_sigma2, origin="search")]


def breaks(expressions: Sequence[Expression], data: Dataset, demanded: Shape) -> tuple[int, ...]:
    """The columns whose demand a formula does not keep, looked up at many points; of classes that of their log-odds."""

    def values(X: Array) -> Array:
        each = [values_at(e, X) for e in expressions]
        return each[0] if len(each) == 1 else against_others(np.column_stack(each), demanded.of_class)

    return violations(values, data.X_train, demanded)


def shape(expressions: Sequence[Expression]) -> str:
    """An expression without the values of its constants, its terms in one order: what makes two formulas the same one."""

    def of(e: Expression) -> str:
        if isinstance(e, Constant):
            return "c"
        if isinstance(e, Variable):
            return f"x{e.index}"
        name = e.function if isinstance(e, Call) else f"^{e.exponent.value:.3g}" if isinstance(e, Power) else e.kind
        parts = [of(part) for part in (children(e)[:1] if isinstance(e, Power) else children(e))]
        return f"{name}({','.join(sorted(p for p in parts if p != 'c'))})"

    return ";".join(map(of, expressions))
