"""Which features a network of few rows is fitted to: forward selection on the training rows, before any training.

Each step takes the column that, as a line and a square beside those chosen already, lowers AIC most (orthogonal matching
pursuit on pairs x, x^2; Pati, Rezaiifar & Krishnaprasad 1993). It is part of the fit and done anew on whatever rows that is
given, so that folds, rows left out and permuted targets pay for the choice; in AICc it is charged `subset_charge`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Array

NEGLIGIBLE = 1e-9  # of a column of length 1: what the columns chosen before leave of it below this is rounding


def screened(X: ArrayLike, y: ArrayLike, most: int, weights: Array | None = None) -> tuple[int, ...]:
    """The columns of X (n, d) that say most of y (n,), of classes 0 and 1, or of y (n, m); at most so many, ascending.

    weights: (n,), of rows that are not equally precise.

    >>> X = np.random.default_rng(0).normal(size=(40, 6))
    >>> screened(X, X[:, 1] ** 2 - X[:, 4], most=2)
    (1, 4)
    """
    rows, left = np.asarray(X, dtype=float), np.asarray(y, dtype=float).reshape(len(np.asarray(y)), -1)
    if most >= rows.shape[1]:
        return tuple(range(rows.shape[1]))
    w = np.ones(len(rows)) if weights is None else weights / weights.mean()
    root = np.sqrt(w)[:, None]
    left = root * (left - np.average(left, axis=0, weights=w))
    line = _unit(root * (rows - np.average(rows, axis=0, weights=w)), negligible=0.0)
    square = (line / root) ** 2
    square = root * (square - np.average(square, axis=0, weights=w))
    square = _unit(square - line * np.sum(line * square, axis=0))
    chosen: list[int] = []
    for _ in range(most):
        gain, dof = np.zeros(line.shape[1]), np.zeros(line.shape[1])
        for part in (line, square):
            gain += np.sum((part.T @ left) ** 2, axis=1)
            dof += part.any(axis=0)
        total = max(float(np.sum(left**2)), np.finfo(float).tiny)
        lowered = (
            len(rows) * left.shape[1] * np.log1p(-np.minimum(gain / total, 1.0 - 1e-12)) + 2.0 * dof * left.shape[1]
        )
        lowered[chosen] = np.inf
        best = int(np.argmin(lowered))
        chosen.append(best)
        for taken in (line[:, best].copy(), square[:, best].copy()):
            left = left - np.outer(taken, taken @ left)
            line, square = (part - np.outer(taken, taken @ part) for part in (line, square))
        line = _unit(line)
        square = _unit(square - line * np.sum(line * square, axis=0))
    return tuple(sorted(chosen))


def _unit(columns: Array, negligible: float = NEGLIGIBLE) -> Array:
    """Columns of length 1; 0 where next to nothing is left of one."""
    length = np.linalg.norm(columns, axis=0)
    return np.where(length > negligible, columns / np.where(length > negligible, length, 1.0), 0.0)
