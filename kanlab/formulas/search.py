"""The search for formulas of a table, in parts that workers do side by side, and what it comes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kanlab.data.dataset import Dataset
from kanlab.formulas.evaluation import evaluated, problems
from kanlab.formulas.expression import Expression
from kanlab.formulas.front import FoundFormula, FoundFormulas
from kanlab.formulas.networks import alternatives, network_expressions
from kanlab.formulas.options import FormulaOptions
from kanlab.formulas.selection import held_out_losses
from kanlab.kan.edges import Curves, curves_of
from kanlab.kan.network import FittedKan

Candidate = tuple[Expression, ...]
_ALTERNATIVES = 8


def search_part(data: Dataset, part: str, networks: Sequence[FittedKan], options: FormulaOptions) -> list[Candidate]:
    """The formulas that one part of a search comes to."""
    found: list[Candidate] = []
    for curves in _curves(data, networks):
        found += alternatives(curves, _ALTERNATIVES)
    return found


def drawn(data: Dataset, repeat: int, seed: int) -> Dataset:
    """The rows of a repeat: the training rows for 0, else as many drawn from them with replacement."""
    if not repeat:
        return data
    rows = np.sort(np.random.default_rng([seed, repeat]).integers(0, data.n, data.n))
    return replace(data, X_train=data.X_train[rows], y_train=data.y_train[rows])


def _curves(data: Dataset, networks: Sequence[FittedKan]) -> list[Curves]:
    return [curves_of(network, data.X_train) for network in networks]


def concluded(
    data: Dataset,
    candidates: Sequence[Sequence[Candidate]],
    network: FittedKan | None,
    options: FormulaOptions,
    *,
    count_sigma2: bool,
) -> FoundFormulas:
    """The front of the formulas of all parts, with the recommended one.

    candidates: of the training rows, then of other rows drawn from them, for the stability.  network: that of the study, a
    candidate too.
    """
    entries = [evaluated(c, data, count_sigma2=count_sigma2, origin="search") for c in candidates[0]]
    if network is not None:
        own = network_expressions(curves_of(network, data.X_train))
        entries.append(evaluated(own, data, count_sigma2=count_sigma2, origin="network"))
    scores = None if network is None else data.errors(network.predict)
    return replace(front(data, entries), network=scores, repeats=options.repeats)


def front(data: Dataset, entries: Sequence[FoundFormula]) -> FoundFormulas:
    """The formulas that no shorter one beats on rows left out, and which to take."""
    losses = [held_out_losses(e.expressions, problems(data)) for e in entries]
    means = [float(l.mean()) for l in losses]
    order = sorted(range(len(entries)), key=lambda i: (entries[i].complexity, means[i]))
    kept: list[int] = []
    for i in order:
        if np.isfinite(means[i]) and (not kept or means[i] < means[kept[-1]]):
            kept.append(i)
    best = min(range(len(entries)), key=lambda i: entries[i].score)
    if best not in kept:
        kept = sorted([*kept, best], key=lambda i: (entries[i].complexity, means[i]))
    lowest = min(kept, key=lambda i: means[i])
    chosen = []
    for i in kept:
        difference = losses[i] - losses[lowest]
        error = float(difference.std(ddof=1) / np.sqrt(len(difference))) if np.isfinite(difference).all() else None
        tied = error is not None and means[i] - means[lowest] <= error
        held_out = means[i] if np.isfinite(means[i]) else None
        chosen.append(replace(entries[i], held_out=held_out, held_out_se=error, tied=tied))
    reason = "Its description is the shortest: the fewest constants and functions for what it leaves unexplained."
    return FoundFormulas(tuple(chosen), kept.index(best), reason)
