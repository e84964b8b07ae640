"""Which rows a fold of a cross-validation holds out."""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array, Mask


def fold_rows(n: int, fold: int, folds: int, seed: int, y: Array | None = None) -> Mask:
    """Mask (n,) of the rows held out in one fold of a cross-validation; of classes y (n,), as many of each in every fold.

    >>> sum(fold_rows(7, fold, 3, seed=0).astype(int) for fold in range(3)).tolist()
    [1, 1, 1, 1, 1, 1, 1]
    """
    held = np.zeros(n, dtype=bool)
    order = np.random.default_rng(seed).permutation(n)
    if y is not None:
        order = order[np.argsort(y[order], kind="stable")]
    held[order[fold::folds]] = True
    return held
