r"""The step of a quadratic model some of whose unknowns must stay at least 0, by block principal pivoting.

    minimise  p'H p / 2 - g'p    with x_i + p_i >= 0 for the unknowns that are held

The unknowns are divided into those at their bound and the others, which solve a linear system; what comes out with the wrong
sign changes sides, all at once while their number falls and one at a time otherwise, which ends (Kim & Park, Fast nonnegative
matrix factorization: an active-set-like method and comparisons, SIAM J. Sci. Comput. 33, 2011).
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from kanlab.arrays import Array, Mask

ROUNDING = 1e-11  # of the largest term: a sign below it is none
PATIENCE = 3  # exchanges of all at once that need not lower the number of wrong signs
MOST_EXCHANGES = 200


def bounded_step(H: Array, g: Array, x: Array, held: Mask) -> Array | None:
    """p (n,), for H (n, n) positive definite; None where H is not.

    >>> bounded_step(np.eye(2), np.array([-3.0, 1.0]), np.array([1.0, 0.0]), np.array([True, True])).tolist()
    [-1.0, 1.0]
    """
    at_bound = held & (x <= 0.0) & (g < 0.0)
    fewest, patience, p = len(x) + 1, PATIENCE, np.zeros_like(x)
    for _ in range(MOST_EXCHANGES):
        free = np.flatnonzero(~at_bound)
        p = np.where(at_bound, -x, 0.0)
        if len(free):
            right = (g - H @ p)[free]
            factor, failed = lapack.dpotrf(H[np.ix_(free, free)], lower=1, overwrite_a=1, clean=0)
            if failed:
                return None
            p[free] = lapack.dpotrs(factor, right, lower=1)[0]
        rise, size = H @ p - g, np.abs(H) @ np.abs(p) + np.abs(g)
        below = held & ~at_bound & (x + p < -ROUNDING * (np.abs(x) + np.abs(p)))
        wrong = below | (at_bound & (rise < -ROUNDING * size))
        count = int(wrong.sum())
        if count == 0:
            break
        if count < fewest:
            fewest, patience = count, PATIENCE
        elif patience:
            patience -= 1
        else:
            wrong[: np.flatnonzero(wrong)[-1]] = False
        at_bound = at_bound ^ wrong
    return np.where(held, np.maximum(p, -x), p)
