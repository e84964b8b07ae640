r"""Splines of a given shape as linear maps of coefficients, some of which are at least 0.

A spline whose B-spline coefficients run up runs up, and one whose control polygon, the coefficients c_b over the Greville
abscissae xi_b = (t_{b+1} + ... + t_{b+k}) / k, is convex is convex: its derivative has the coefficients
(c_{b+1} - c_b) / (xi_{b+1} - xi_b), a spline of its own (de Boor, A Practical Guide to Splines, 1978, chapter XI). So

    runs up            c_b = sum_{m <= b} a_m                                            a >= 0
    convex             c_b = a_0 (xi_b - xi_0) + sum_m a_m (xi_b - xi_m)_+               a_m >= 0; a_0 >= 0 where it runs up
    convex, down       c_b = a_0 (xi_last - xi_b) + sum_m a_m (xi_m - xi_b)_+            a >= 0
    straight           c_b = a_0 (xi_b - xi_0)

and what runs down or is concave is minus one of them. None has a constant: a node takes its own range, and the output has one.
"""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array, Mask


def greville(knots: Array, k: int) -> Array:
    """xi (G + k,) of knots (G + 2k + 1,)."""
    return np.array([knots[b + 1 : b + 1 + k].mean() for b in range(len(knots) - k - 1)])


def edge_basis(knots: Array, k: int, direction: int, curvature: int, *, straight: bool = False) -> tuple[Array, Mask]:
    """B (G + k, p) and which of the p numbers must be at least 0.

    direction: 1 for splines that run up, -1 down, 0 either.  curvature: 1 for convex ones, -1 concave, 0 either.

    >>> B, held = edge_basis(np.array([-1.0, 0.0, 1.0, 2.0]), 1, direction=-1, curvature=0)
    >>> B.tolist(), held.tolist()
    ([[-0.0], [-1.0]], [True])
    """
    xi = greville(knots, k)
    size = len(xi)
    if straight:
        slope = (xi - xi[0])[:, None] / (xi[-1] - xi[0])
        return (direction or 1) * slope, np.array([direction != 0])
    if curvature == 0:
        return (direction or 1) * np.tril(np.ones((size, size)))[:, 1:], np.full(size - 1, direction != 0)
    span = xi[-1] - xi[0]
    if direction * curvature >= 0:
        B = np.maximum(xi[:, None] - xi[:-1], 0.0) / span
    else:
        B = np.maximum(xi[1:] - xi[:, None], 0.0)[:, ::-1] / span
    held = np.ones(size - 1, dtype=bool)
    held[0] = direction != 0
    return curvature * B, held
