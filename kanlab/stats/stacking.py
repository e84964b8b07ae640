"""How much of each of several models predicts best: stacking (Wolpert 1992; Breiman, Machine Learning 24, 1996).

Their predictions of rows left out are combined with shares that are not negative and add up to 1, and those are taken that
have the lowest loss. A share is a number that many rows decide, so little of what it gains is chance; a model that says
nothing beyond the others gets next to none.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from kanlab.arrays import Array

LEAST_SHARE = 0.05  # below that a model is not worth having
_STEP = 1e-6  # of a share, for the slopes of the loss
_DIGITS = 4  # of a share: finer than the rows can tell


def stacking_shares(
    predictions: Sequence[Array], y: Array, losses: Callable[[Array, Array], Array] | None = None
) -> Array:
    """The shares (m,) of m models whose combined predictions have the lowest sum of losses.

    A model of less than LEAST_SHARE is left out, and the others are combined anew.

    Parameters
    ----------
    predictions : sequence of ndarray of shape (n,) or (n, classes)
        Of the rows, each by a fit without it.
    y : ndarray of shape (n,)
    losses : function of (predictions, y) to (n,), optional
        Convex in the predictions; by default squared differences.

    Returns
    -------
    ndarray of shape (m,)
        From 0 to 1, adding up to 1.

    Examples
    --------
    >>> y = np.array([0.0, 1.0, 2.0, 3.0])
    >>> stacking_shares([y, np.zeros(4)], y).tolist(), stacking_shares([y + 1, y - 1], y).tolist()
    ([1.0, 0.0], [0.5, 0.5])
    """
    loss = losses or (lambda predicted, target: (predicted - target) ** 2)
    stacked = np.stack(predictions)
    kept = list(range(len(predictions)))
    while True:
        found = _lowest(stacked[kept], y, loss)
        weak = int(found.argmin())
        if len(kept) == 1 or found[weak] >= LEAST_SHARE:
            break
        del kept[weak]
    shares = np.zeros(len(predictions))
    shares[kept] = np.round(found, _DIGITS)
    shares[kept[int(found.argmax())]] += 1.0 - shares.sum()
    return np.round(shares, _DIGITS)


def _lowest(stacked: Array, y: Array, loss: Callable[[Array, Array], Array]) -> Array:
    """Shares of all of (m, n, ...) predictions."""
    from scipy.optimize import minimize

    m = len(stacked)
    if m == 1:
        return np.ones(1)
    alone = np.array([loss(one, y).sum() for one in stacked])
    scale = float(alone.mean()) or 1.0

    def of(shares: Array) -> float:
        return float(loss(np.tensordot(shares, stacked, axes=1), y).sum()) / scale

    def slopes(shares: Array) -> Array:
        at = of(shares)
        return np.array([of(shares + _STEP * (np.eye(m)[i] - shares)) - at for i in range(m)]) / _STEP

    found = minimize(
        of, np.full(m, 1.0 / m), jac=slopes, method="SLSQP", bounds=[(0.0, 1.0)] * m,
        constraints={"type": "eq", "fun": lambda s: s.sum() - 1.0, "jac": lambda s: np.ones(m)},
        options={"ftol": 1e-12, "maxiter": 200},
    )  # fmt: skip
    shares = np.clip(found.x, 0.0, None)
    shares = shares / shares.sum() if np.isfinite(shares).all() and shares.sum() > 0 else np.full(m, 1.0 / m)
    best = np.eye(m)[int(alone.argmin())]
    return shares if of(shares) < of(best) else best  # never worse than the best of them alone
