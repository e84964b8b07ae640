"""Whether a model keeps to what is demanded of its effects, looked up at many points: for models that are not built to."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.shapes import Shape

ROWS, STEPS, PAIRS = 20, 101, 400  # rows whose feature is moved, steps over its range, and pairs of moves
TOLERANCE = 1e-6  # of the spread of the predictions: what rounding may do


def violations(predict: Callable[[Array], Array], X: Array, shape: Shape) -> tuple[int, ...]:
    """The columns of X (n, d) whose demand a model breaks within the range of these rows, ascending.

    predict: rows (m, d) to outputs (m,), or of several (m, outputs), of which every one is to keep the demands: of classes see
    `against_others`. It is asked for ROWS rows with each column that is demanded something of moved over
    its range in STEPS, and for PAIRS pairs of moves of each pair of columns that may not interact.

    >>> X = np.random.default_rng(0).uniform(-1, 1, (50, 2))
    >>> violations(lambda x: x[:, 0] ** 2 * x[:, 1], X, Shape(up=(0,), convex=(0,))), violations(np.sum, X, Shape())
    ((0,), ())
    """
    return tuple(sorted(set(_broken(predict, X, shape)))) if shape and len(X) else ()


def against_others(log_odds: Array, of_class: int | None) -> Array:
    """Log-odds (n, classes - 1) of one class against each other, of those of every class against the first; as they are for
    None.

    >>> against_others(np.array([[1.0, 3.0]]), 2).tolist(), against_others(np.array([[1.0, 3.0]]), 0).tolist()
    ([[3.0, 2.0]], [[-1.0, -3.0]])
    """
    if of_class is None:
        return log_odds
    logits = np.column_stack([np.zeros(len(log_odds)), log_odds])
    return np.asarray(logits[:, [of_class]] - np.delete(logits, of_class, axis=1))


def _broken(predict: Callable[[Array], Array], X: Array, shape: Shape) -> Iterator[int]:
    outputs = np.reshape(predict(X[:1]), (1, -1)).shape[1]
    for output in range(outputs):
        yield from _broken_by_one(lambda rows: np.reshape(predict(rows), (len(rows), -1))[:, output], X, shape)  # noqa: B023


def _broken_by_one(predict: Callable[[Array], Array], X: Array, shape: Shape) -> Iterator[int]:
    spread = float(np.ptp(predict(X))) or 1.0
    chosen = X[np.linspace(0, len(X) - 1, min(ROWS, len(X))).round().astype(int)]
    low, high = X.min(axis=0), X.max(axis=0)
    for column in dict.fromkeys((*shape.up, *shape.down, *shape.convex, *shape.concave, *shape.linear, *shape.zero)):
        rows = np.repeat(chosen, STEPS, axis=0)
        rows[:, column] = np.tile(np.linspace(low[column], high[column], STEPS), len(chosen))
        values = predict(rows).reshape(len(chosen), STEPS) / spread
        first, second = np.diff(values), np.diff(values, 2)
        worst = [-(first * shape.direction(column)).min(), -(second * shape.curvature(column)).min()]
        if column in shape.linear:
            worst.append(np.abs(first - first.mean()).max())
        if column in shape.zero:
            worst.append(np.abs(first).max())
        if not max(worst) <= TOLERANCE:  # of what is not defined neither
            yield column
    rng = np.random.default_rng(0)
    for pair in shape.apart:
        at = X[rng.integers(0, len(X), PAIRS)]
        to = low[list(pair)] + rng.random((PAIRS, 2)) * (high - low)[list(pair)]
        one, other = at.copy(), at.copy()
        one[:, pair[0]], other[:, pair[1]] = to[:, 0], to[:, 1]
        both = one.copy()
        both[:, pair[1]] = to[:, 1]
        mixed = predict(both) - predict(one) - predict(other) + predict(at)
        if not np.abs(mixed).max() / spread <= TOLERANCE:
            yield from pair
