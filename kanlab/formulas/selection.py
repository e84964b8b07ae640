"""Which of many formulas are kept, and which is recommended.

Each formula's constants are fitted again without a tenth of the training rows, ten times; the mean loss of the rows left out
is its held-out error. The front holds the formulas that no shorter one beats in that error. Recommended is the one of lowest
score, the shortest description of the target (`kanlab.formulas.score`); those whose held-out error is within one standard
error of the lowest are tied. The test rows decide nothing.
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
from kanlab.formulas.front import FoundFormula, FoundFormulas
from kanlab.formulas.multinomial import fit_together
from kanlab.formulas.options import POWER
from kanlab.formulas.program import outputs

FOLDS = 10
MOST_ROWS = 4000  # that the held-out error is taken from


def held_out_losses(expressions: Sequence[Expression], data: Dataset) -> Array:
    """The loss of every row, left out of the fit that predicts it: squared on the scale of the fit, or its deviance."""
    rows = np.linspace(0, data.n - 1, min(data.n, MOST_ROWS)).round().astype(int)
    part = replace(data, X_train=data.X_train[rows], y_train=data.y_train[rows])
    # rows are dealt out in a fixed random order, so that sorted tables leave no stretch out
    fold = np.random.default_rng(part.n).permutation(part.n) % min(FOLDS, part.n)
    outputs_ = np.empty((part.n, len(expressions)))
    for k in range(int(fold.max()) + 1):
        held, kept = fold == k, fold != k
        known = replace(part, X_train=part.X_train[kept], y_train=part.y_train[kept])
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
            values = (data.y_train - eta[:, 0]) ** 2
        else:
            logits = np.column_stack([np.zeros(data.n), eta])
            values = 2 * (np.logaddexp.reduce(logits, axis=1) - logits[np.arange(data.n), data.y_train.astype(int)])
    return np.where(np.isfinite(values), values, np.inf)


def front(data: Dataset, entries: Sequence[FoundFormula], required: Sequence[tuple[int, str]] = ()) -> FoundFormulas:
    """The formulas that no shorter one beats on rows left out, and which to take."""
    losses = [held_out_losses(e.expressions, data) for e in entries]
    means = [float(values.mean()) for values in losses]
    order = sorted(range(len(entries)), key=lambda i: (entries[i].complexity, means[i], i))
    able = [i for i in order if all(holds(entries[i], *pair) for pair in required)] or order
    best = min(able, key=lambda i: (not np.isfinite(means[i]), entries[i].score))
    kept: list[int] = []
    for i in order:
        if i == best or (np.isfinite(means[i]) and (not kept or means[i] < min(means[k] for k in kept))):
            kept.append(i)
    lowest = min(kept, key=lambda i: means[i])
    chosen = []
    for i in kept:
        with np.errstate(all="ignore"):
            difference = losses[i] - losses[lowest]
        known = bool(np.isfinite(difference).all())
        error = float(difference.std(ddof=1) / np.sqrt(len(difference))) if known and len(difference) > 1 else None
        tied = error is not None and means[i] - means[lowest] <= error
        held_out = means[i] if np.isfinite(means[i]) else None
        chosen.append(replace(entries[i], held_out=held_out, held_out_se=error, tied=tied))
    return FoundFormulas(tuple(chosen), kept.index(best), REASON)


REASON = "Its description is the shortest: the fewest constants and functions for what it leaves unexplained."


def holds(found: FoundFormula, feature: int, function: str) -> bool:
    """Whether a formula has a feature inside a function."""
    return any(
        feature in variables(part)
        for e in found.expressions
        for part in walk(e)
        if (isinstance(part, Call) and part.function == function) or (isinstance(part, Power) and function == POWER)
    )
