"""From raw rows to what a fit works on: checked, scaled, and in an order of their own.

Inputs are mapped to [-1, 1], targets to mean 0 and variance 1. Rows and columns are then put into an order that depends
on the values alone, so that the order a table happens to have changes nothing, not even rounding or random starts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array, Index
from kanlab.errors import FitError
from kanlab.language import say
from kanlab.stats.likelihood import CLASSIFICATION, COUNTS, MULTICLASS, REGRESSION, TaskName, log_mean_scaling

NEGLIGIBLE_SPREAD = 1e-12  # relative to the values: a column that varies less is constant


@dataclass(frozen=True, eq=False)
class ScaledRows:
    """x (d, n), columns in the order `columns` of the caller's; y (m, n); offsets and scales in the caller's order.

    weights: (n,) of the rows, in units of the caller's; None where all weigh the same.
    """

    x: Array
    y: Array
    columns: Index
    x_offset: Array
    x_scale: Array
    y_offset: Array
    y_scale: Array
    weights: Array | None = None


def scaled_rows(
    X: ArrayLike, Y: ArrayLike, task: TaskName = REGRESSION, weights: ArrayLike | None = None
) -> ScaledRows:
    """Check and scale X (n, d) and Y (n,) or (n, m). Raises FitError where they cannot be fitted.

    Classes stay as they are: Y holds zeros and ones, one target of two classes, or a column for each of several, in which a
    row has a single 1. So do counts, whole numbers from 0 on, of which offset and scale are those of the logarithm of their
    mean (kanlab.solver.poisson). weights: (n,), how precise each target of a quantity is; offset and scale are then of
    weighted targets.
    """
    classes = task in (CLASSIFICATION, MULTICLASS)
    inputs, targets = np.asarray(X, dtype=float), np.asarray(Y, dtype=float)
    if targets.ndim == 1:
        targets = targets[:, None]
    if inputs.ndim != 2 or targets.ndim != 2 or inputs.shape[1] == 0 or targets.shape[1] == 0:
        raise FitError(
            say(
                "X must have shape (n, d) and Y (n,) or (n, m), not {of_x} and {of_y}.",
                of_x=inputs.shape,
                of_y=targets.shape,
            )
        )
    if len(inputs) != len(targets):
        raise FitError(
            say(
                "X has {inputs} rows and Y {targets}; they must have the same.",
                inputs=len(inputs),
                targets=len(targets),
            )
        )
    if len(inputs) < 2:
        raise FitError(say("A fit needs at least two rows."))
    if not (np.isfinite(inputs).all() and np.isfinite(targets).all()):
        raise FitError(say("X or Y holds missing or infinite values; fill or drop those rows before fitting."))
    if classes and not ((targets == 0.0) | (targets == 1.0)).all():
        raise FitError(say("A fit to classes needs targets that hold 0 and 1 and nothing else."))
    if classes and targets.shape[1] > 1 and (targets.shape[1] == 2 or (targets.sum(axis=1) != 1.0).any()):
        raise FitError(
            say("A fit to classes needs one target of 0 and 1, or three or more with a single 1 in every row.")
        )
    if task == COUNTS and not (targets.shape[1] == 1 and (targets >= 0.0).all() and (targets % 1.0 == 0.0).all()):
        raise FitError(say("A fit to counts needs one target of whole numbers, none of them below 0."))
    low, high = inputs.min(axis=0), inputs.max(axis=0)
    half = high / 2 - low / 2
    x_offset, x_scale = low + half, _usable(half, np.maximum(abs(low), abs(high)))
    ordered = np.sort(targets, axis=0)  # sums in an order of their own, so that they do not depend on the table's
    with np.errstate(over="ignore", invalid="ignore"):
        y_offset = np.where(ordered[-1] > ordered[0], ordered.mean(axis=0), ordered[0])
        y_scale = _usable((ordered - y_offset).std(axis=0), abs(targets).max(axis=0))
    precision = None if weights is None else _checked_weights(weights, len(targets), task)
    if precision is not None:
        y_offset, deviation = weighted_scaling(targets, precision)
        y_scale = _usable(deviation, abs(targets).max(axis=0))
    if classes:
        y_offset, y_scale = np.zeros(targets.shape[1]), np.ones(targets.shape[1])
    if not (np.isfinite(y_offset).all() and np.isfinite(y_scale).all()):
        raise FitError(say("Y holds values too large to square; divide it by a constant first."))
    x, y = ((inputs - x_offset) / x_scale).T, ((targets - y_offset) / y_scale).T
    if task == COUNTS:
        (offset, scale), y = log_mean_scaling(targets), targets.T
        y_offset, y_scale = np.array([offset]), np.array([scale])
    columns = np.array(sorted(range(len(x)), key=lambda i: _column_key(x[i], y)), dtype=np.intp)
    x = x[columns]
    rows = np.lexsort((*y[::-1], *x[::-1]) if precision is None else (precision, *y[::-1], *x[::-1]))
    return ScaledRows(
        np.ascontiguousarray(x[:, rows]), np.ascontiguousarray(y[:, rows]), columns, x_offset, x_scale, y_offset, y_scale,
        None if precision is None else precision[rows],
    )  # fmt: skip


def weighted_scaling(targets: Array, weights: Array) -> tuple[Array, Array]:
    """Weighted means and standard deviations (m,) of targets (n, m), added up in an order of their own."""
    order = np.lexsort((weights, *targets.T))
    y, w = targets[order], weights[order] / weights[order].sum()
    with np.errstate(over="ignore", invalid="ignore"):
        center = w @ y
        return center, np.sqrt(w @ (y - center) ** 2)


def _checked_weights(weights: ArrayLike, n: int, task: TaskName) -> Array:
    found = np.asarray(weights, dtype=float)
    if task != REGRESSION:
        raise FitError(
            say("Weights that say how precise a target is are those of a quantity, not of classes or counts.")
        )
    if found.shape != (n,) or not (np.isfinite(found).all() and (found > 0.0).all()):
        raise FitError(say("The weights of a fit must be {n} finite numbers above 0, one a row.", n=n))
    return found


def _usable(spread: Array, size: Array) -> Array:
    """The spread, or 1 where it is rounding."""
    return np.where(spread > NEGLIGIBLE_SPREAD * size, spread, 1.0)


def _column_key(x: Array, y: Array) -> tuple[float, ...]:
    """Sums over rows that do not depend on their order, not even in the last digit: what is added up is sorted first."""
    terms = (x * y.sum(axis=0), x, x * x * y.sum(axis=0))
    return tuple(float(np.sort(t).sum()) for t in terms)
