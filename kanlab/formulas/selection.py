"""Which of many formulas are kept, and which is recommended.

Each formula's constants are fitted again without a tenth of the training rows, ten times; the mean loss of the rows left out
is its held-out error. The front holds the formulas that no shorter one beats in that error; those whose error is within one
standard error of the lowest are tied. Recommended is the simplest of those (the one-standard-error rule, Breiman et al. 1984),
of equally simple ones that of the lowest score (`kanlab.formulas.score`); one that divides by zero between training rows
gives way to a tied one that does not. The test rows decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.formulas.evaluation import problems
from kanlab.formulas.expression import Call, Expression, Power, variables, walk
from kanlab.formulas.fitting import fit
from kanlab.formulas.front import EDITED, FoundFormula, FoundFormulas
from kanlab.formulas.losses import EXACT
from kanlab.formulas.multinomial import fit_together
from kanlab.formulas.options import POWER
from kanlab.formulas.program import outputs
from kanlab.language import marked

FOLDS = 10
MOST_ROWS = 4000  # that the held-out error is taken from


def held_out_losses(expressions: Sequence[Expression], data: Dataset, copies_of: np.ndarray | None = None) -> Array:
    """The loss of every row, left out of the fit that predicts it: squared on the scale of the fit, or its deviance.

    copies_of: of rows drawn with replacement the row that each is; the copies of one are left out together.
    """
    rows = np.linspace(0, data.n - 1, min(data.n, MOST_ROWS)).round().astype(int)
    part = data.of_rows(rows)
    # rows are dealt out in a fixed random order, so that sorted tables leave no stretch out
    drawn = rows if copies_of is None else copies_of[rows]
    _, places = np.unique(drawn, return_inverse=True)
    different = int(places.max()) + 1
    fold = (np.random.default_rng(different).permutation(different) % min(FOLDS, different))[places]
    outputs_ = np.empty((part.n, len(expressions)))
    for k in range(int(fold.max()) + 1):
        held, kept = fold == k, fold != k
        known = part.of_rows(kept)
        if len(expressions) > 1:
            again = fit_together(expressions, np.ascontiguousarray(known.X_train.T), known.y_train, iterations=8)
        else:
            again = tuple(
                fit(e, X, loss, 8).expression for e, (X, loss) in zip(expressions, problems(known), strict=True)
            )
        for j, e in enumerate(again):
            outputs_[held, j] = outputs(e, part.X_train[held])
    return row_losses(outputs_, part)


def row_losses(eta: Array, data: Dataset) -> Array:
    """The loss of each training row at outputs eta (n, m); infinite where they are not defined."""
    with np.errstate(all="ignore"):
        if not data.levels:
            values = data.losses(data.likelihood.mean(eta[:, 0]))
        else:
            logits = np.column_stack([np.zeros(data.n), eta])
            values = 2 * (np.logaddexp.reduce(logits, axis=1) - logits[np.arange(data.n), data.y_train.astype(int)])
    return np.where(np.isfinite(values), values, np.inf)


def front(
    data: Dataset,
    entries: Sequence[FoundFormula],
    required: Sequence[tuple[int, str]] = (),
    copies_of: np.ndarray | None = None,
) -> FoundFormulas:
    """The formulas that no shorter one beats on rows left out, and which to take. copies_of: as of `held_out_losses`."""
    losses = [held_out_losses(e.expressions, data, copies_of) for e in entries]
    means = [float(values.mean()) for values in losses]
    order = sorted(range(len(entries)), key=lambda i: (entries[i].complexity, means[i], i))
    able = [i for i in order if all(holds(entries[i], *pair) for pair in required)] or order
    best = min(able, key=lambda i: (not np.isfinite(means[i]), entries[i].score))
    slack = rounding(data, means)
    kept: list[int] = []
    for i in order:
        if i == best or (np.isfinite(means[i]) and (not kept or means[i] < min(means[k] for k in kept) - slack)):
            kept.append(i)
    lowest = min(kept, key=lambda i: means[i])
    chosen = []
    for i in kept:
        with np.errstate(all="ignore"):
            difference = losses[i] - losses[lowest]
        known = bool(np.isfinite(difference).all())
        error = float(difference.std(ddof=1) / np.sqrt(len(difference))) if known and len(difference) > 1 else None
        tied = error is not None and means[i] - means[lowest] <= error + slack
        held_out = means[i] if np.isfinite(means[i]) else None
        chosen.append(replace(entries[i], held_out=held_out, held_out_se=error, tied=tied))
    place, reason = recommended(chosen, [i in able for i in kept])
    return FoundFormulas(tuple(chosen), place, reason)


def rounding(data: Dataset, means: Sequence[float]) -> float:
    """A difference of held-out errors that says nothing: that of two exact formulas, or of two ways to write one."""
    exact = 0.0 if data.has_deviance else EXACT**2 * float(np.var(data.y_train))
    return exact + 1e-9 * min((m for m in means if np.isfinite(m)), default=0.0)


def recommended(formulas: Sequence[FoundFormula], able: Sequence[bool]) -> tuple[int, str]:
    """The place of the recommended one of a front, and why. able: whether each holds what is required of it."""
    may = [i for i in range(len(formulas)) if able[i]] or list(range(len(formulas)))
    shortest = min(may, key=lambda i: (formulas[i].held_out is None, formulas[i].score))
    tied = [i for i in may if formulas[i].tied]
    if not tied:
        return shortest, REASON
    whole = [i for i in tied if not formulas[i].breaks]
    simplest = min(whole or tied, key=lambda i: (formulas[i].complexity, formulas[i].score))
    if simplest == shortest:
        return shortest, REASON
    if formulas[shortest].breaks and shortest in tied:
        return simplest, WHOLE_REASON
    return simplest, HELD_OUT_REASON.format(complexity=formulas[shortest].complexity)


def preferred(found: FoundFormulas, adds_up: Sequence[bool]) -> FoundFormulas:
    """The same, another tied formula recommended where the units of the recommended one do not add up and those of that do.

    adds_up: of each formula.
    """
    if adds_up[found.recommended]:
        return found
    able = [i for i, f in enumerate(found.formulas) if f.tied and f.origin != EDITED and adds_up[i]]
    able = [i for i in able if all(holds(found.formulas[i], *pair) for pair in found.required)]
    able = [i for i in able if not found.formulas[i].breaks] or able
    if not able:
        return found
    place = min(able, key=lambda i: (found.formulas[i].complexity, found.formulas[i].score))
    return replace(found, recommended=place, reason=UNITS_REASON)


UNITS_REASON = marked(
    "It is the simplest whose units add up, of those within one standard error of the lowest error on rows left out."
)
WHOLE_REASON = marked(
    "It is the simplest that is defined everywhere between the training rows, of those "
    "within one standard error of the lowest error on rows left out."
)
REASON = marked("Its description is the shortest: the fewest constants and functions for what it leaves unexplained.")
HELD_OUT_REASON = marked(
    "It is the simplest whose error on rows left out is within one standard error of the "
    "lowest. The shortest description by the score is that of another formula, of "
    "complexity {complexity}."
)


def holds(found: FoundFormula, feature: int, function: str) -> bool:
    """Whether a formula has a feature inside a function."""
    return any(
        feature in variables(part)
        for e in found.expressions
        for part in walk(e)
        if (isinstance(part, Call) and part.function == function) or (isinstance(part, Power) and function == POWER)
    )
