"""A formula fitted to the rows of a table, and scored beside the networks of its study.

Of more than two classes a formula has one output for each but the first, the log-odds against that. Each is searched for in
the rows of those two classes alone (Begg & Gray 1984, Biometrika 71); the constants of all are then fitted together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from kanlab.arrays import Array
from kanlab.data.dataset import Dataset
from kanlab.formulas.breaks import breaks
from kanlab.formulas.expression import Expression
from kanlab.formulas.fitting import fit, with_errors
from kanlab.formulas.front import FoundFormula
from kanlab.formulas.losses import BERNOULLI, POISSON, SQUARES, Loss
from kanlab.formulas.multinomial import fit_together
from kanlab.formulas.program import outputs
from kanlab.formulas.score import charge, function_cost, scored
from kanlab.stats.criteria import aicc_of
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS
from kanlab.stats.metrics import Scores

_KINDS = {CLASSIFICATION: BERNOULLI, COUNTS: POISSON}


def problems(data: Dataset) -> list[tuple[Array, Loss]]:
    """Columns X (d, n) and the loss of every output, on the training rows."""
    X = np.ascontiguousarray(data.X_train.T)
    if data.task == MULTICLASS:
        found = []
        for level in range(1, len(data.levels)):
            rows = np.flatnonzero((data.y_train == 0) | (data.y_train == level))
            found.append((np.ascontiguousarray(X[:, rows]), Loss.of(BERNOULLI, data.y_train[rows] == level)))
        return found
    return [(X, Loss.of(_KINDS.get(data.task, SQUARES), data.y_train, data.w_train))]


def evaluated(
    expressions: Sequence[Expression], data: Dataset, *, count_sigma2: bool, origin: str, iterations: int = 60
) -> FoundFormula:
    """The formula with its constants fitted once more to all training rows, their standard errors, and its scores."""
    fitted, rank, exact, score = [], 0, 0.0, 0.0
    if data.task == MULTICLASS:
        expressions = fit_together(expressions, np.ascontiguousarray(data.X_train.T), data.y_train, iterations)
        iterations = 0
    for e, (X, loss) in zip(expressions, problems(data), strict=True):
        one = scored(fit(e, X, loss, iterations), X, loss)
        fitted.append(with_errors(one.expression, one.errors))
        rank, exact, score = rank + one.rank, exact + charge(one.expression), score + one.score
    n_params = rank + (count_sigma2 and data.likelihood.counts_variance)

    def predict(X: Array) -> Array:
        values = [outputs(e, X) for e in fitted]
        return data.likelihood.mean(values[0] if len(values) == 1 else np.column_stack(values))

    with np.errstate(all="ignore"):
        errors = data.errors(predict)
    misfit = errors.misfit
    finite = misfit is not None and np.isfinite(misfit)
    if data.task == MULTICLASS and finite:  # the rows of two classes at a time do not add up to the likelihood of all
        written = rank + sum(map(function_cost, fitted))
        score = float(misfit or 0.0) + float(np.log(data.n)) * written + exact
    aicc = aicc_of(data.likelihood.term(misfit, data.n), data.n, n_params) + exact if finite and misfit else None
    scores = replace(errors, n_params=float(n_params), aicc=aicc if aicc is not None and np.isfinite(aicc) else None)
    score = score if np.isfinite(score) else 1e300
    return FoundFormula(tuple(fitted), _finite(scores), score, origin=origin, breaks=breaks(fitted, data.X_train))


def _finite(scores: Scores) -> Scores:
    """None in place of what is not finite, as where a formula is not defined at a test row."""
    kept = {name: value if value is None or np.isfinite(value) else None for name, value in scores.errors().items()}
    return replace(Scores.from_dict(kept), n_params=scores.n_params, aicc=scores.aicc)
