"""Non-dominated points of two objectives, both to be small."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from kanlab.arrays import Mask


def non_dominated(a: ArrayLike, b: ArrayLike) -> Mask:
    """Mask of the points no other point dominates.

    A point dominates another that it equals or betters in both objectives and betters in one. Equal points do not
    dominate each other; points that are not finite are never on the front. O(n log n).

    Parameters
    ----------
    a, b : array_like of shape (n,)
        The two objectives.

    Returns
    -------
    ndarray of bool, shape (n,)

    Examples
    --------
    >>> non_dominated([1, 2, 3, 3], [9.0, 4.0, 5.0, 1.0]).tolist()
    [True, True, False, True]
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    mask = np.zeros(x.shape, dtype=bool)
    usable = np.flatnonzero(np.isfinite(x) & np.isfinite(y))
    if not len(usable):
        return mask
    # by x and within equal x by y: the first of each group is its lowest, and all smaller x lie before it
    order = usable[np.lexsort((y[usable], x[usable]))]
    starts = np.flatnonzero(np.r_[True, x[order[1:]] != x[order[:-1]]])  # of the groups of equal x
    least = y[order[starts]]
    below = least < np.minimum.accumulate(np.r_[np.inf, least[:-1]])  # all of smaller x
    sizes = np.diff(starts, append=len(order))
    mask[order] = np.repeat(below, sizes) & (y[order] == np.repeat(least, sizes))
    return mask


def knee(a: ArrayLike, b: ArrayLike) -> int | None:
    """Index of the point of a front farthest below the chord of its ends, both axes scaled to [0, 1] (Branke et al. 2004).

    Parameters
    ----------
    a, b : array_like of shape (n,)
        The points of the front, on the scales the caller chooses (rss on a logarithmic one, say).

    Returns
    -------
    int or None
        None for fewer than 3 points, and where an axis has no extent.

    Examples
    --------
    >>> knee([1, 2, 10], [9.0, 2.0, 1.0])
    1
    """
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    if len(x) < 3:
        return None
    span_x, span_y = np.ptp(x), np.ptp(y)
    if span_x == 0 or span_y == 0:
        return None
    return int(np.argmax(1 - (x - x.min()) / span_x - (y - y.min()) / span_y))
