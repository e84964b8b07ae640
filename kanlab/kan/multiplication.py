r"""Multiplication nodes z = a(x) b(x) of a network (MultKAN; Liu et al. 2024, arXiv 2408.10205), written as sums and squares.

a and b are sums of edges like those of any node, and what leaves z is a line. In a network they stand as two nodes that add
up, u and v, from which squares go to the targets:

    s a b = s/4 (u^2 - v^2),    u = a + b,    v = a - b

Splines of order 2 and 3 are squares exactly: the coefficients of z^2 on knots t are the mean of t_i t_j over pairs i < j of
t_{b+1} .. t_{b+k} (its blossom; de Boor, A Practical Guide to Splines, 1978). So a network with multiplication nodes is a
network like any other to everything that predicts or exports it, stock pykan included; `factors` gives a, b and s back to
what draws it or writes it down. u and v may take whatever values a and b make of them within their own ranges.

The multiplication nodes are the first of the hidden layer, u and v of each side by side. a and b are found up to a factor
between them: both have a range of 2 on the training rows.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.bspline import safe_range, uniform_knots

if TYPE_CHECKING:
    from kanlab.kan.layers import KanLayer
    from kanlab.kan.network import FittedKan


class Factors(NamedTuple):
    """Multiplication nodes of a network. first: its first layer with a, b in the places of u, v.  s: (nodes, m).

    constant: (m,), what they add beside the products.
    """

    first: KanLayer
    s: Array
    constant: Array


def squares(knots: Array, k: int) -> Array:
    """Spline coefficients (h, grid + k) of z^2 on knots (h, grid + 2k + 1).

    >>> from kanlab.kan.bspline import bspline_basis
    >>> z, knots = np.array([[0.25, 0.5]]), uniform_knots(1, 3, 2)
    >>> np.einsum("hb,hbn->hn", squares(knots, 2), bspline_basis(z, knots, 2)).round(12).tolist()
    [[0.0625, 0.25]]
    """
    inner = np.stack([knots[:, b + 1 : b + 1 + k] for b in range(knots.shape[1] - k - 1)], axis=1)
    return np.asarray(np.mean([inner[..., i] * inner[..., j] for i, j in combinations(range(k), 2)], axis=0))


def written_out(first: KanLayer, Z: Array, s: Array, constant: Array) -> tuple[KanLayer, KanLayer, Array]:
    """The layers of multiplication nodes alone, as sums and squares, and the ranges (h, 2) of u and v.

    first: of the edges into their factors a, b, whose values are Z (h, n), pair by pair.  s: (h / 2, m), constant: (m,).
    """
    _, width = safe_range(Z.min(axis=1), Z.max(axis=1))
    scale = 2.0 / width
    lines = type(first)(first.knots, _turned(first.coef * scale[:, None]), _turned(first.scale_base * scale))
    low, high, k = Z.min(axis=1) * scale, Z.max(axis=1) * scale, first.k
    bounds = np.empty(
        (len(Z), 2)
    )  # of all values of a with all of b: a product is one wherever its factors are in range
    bounds[::2] = np.stack([low[::2] + low[1::2], high[::2] + high[1::2]], axis=1)
    bounds[1::2] = np.stack([low[::2] - high[1::2], high[::2] - low[1::2]], axis=1)
    start, spread = safe_range(*bounds.T)
    even = uniform_knots(len(Z), first.coef.shape[2] - k, k)
    knots = start[:, None] + spread[:, None] * even
    share = np.repeat(s / (scale[::2] * scale[1::2])[:, None], 2, axis=0) * np.tile([[0.25], [-0.25]], (len(s), 1))
    coef = share[:, :, None] * squares(knots, k)[:, None, :]
    coef[0] += constant[:, None]  # the splines of an edge sum to 1
    return lines, type(first)(knots, coef, np.zeros(coef.shape[:2])), bounds


def into_factors(first: KanLayer, count: int) -> KanLayer:
    """A network's first layer with the edges into factors a, b of `count` multiplication nodes in the places of u, v.

    An edge into one of the two that is gone is exactly 0, as in `KanLayer.present`: it comes back from b and -b, or a and a.
    """
    if not count:
        return first
    of, coef, base = slice(0, 2 * count), first.coef.copy(), first.scale_base.copy()
    coef[:, of], base[:, of] = _turned(coef[:, of]) / 2.0, _turned(base[:, of]) / 2.0
    return type(first)(first.knots, coef, base)


def factors(first: KanLayer, last: KanLayer, count: int) -> Factors:
    """The inverse of `written_out`, of a network's layers with `count` multiplication nodes."""
    of = slice(0, 2 * count)
    signed = squares(last.knots[of], last.k) * np.tile([[1.0], [-1.0]], (count, 1))
    means = signed.mean(axis=1, keepdims=True)
    around = (signed - means).reshape(count, -1)
    given = last.coef[of] - last.coef[of].mean(axis=2, keepdims=True)  # (2 count, m, size)
    by_pair = given.transpose(1, 0, 2).reshape(given.shape[1], count, -1)
    quarter = np.einsum("opc,pc->po", by_pair, around) / np.einsum("pc,pc->p", around, around)[:, None]
    constant = (last.coef[of].mean(axis=2) - np.repeat(quarter, 2, axis=0) * means).sum(axis=0)
    return Factors(into_factors(first, count), 4.0 * quarter, constant)


def as_products(network: FittedKan) -> tuple[tuple[KanLayer, ...], tuple[Array, ...]]:
    """The layers of a network and the ranges of their inputs, with factors and products in place of sums and squares.

    A factor is a node like any other. What leaves a multiplication node is an edge from its first factor, a line over the
    range of the product; from the second none leaves. `multiplied` is what stands between the layers.
    """
    count, of = network.spec.multiplication, slice(0, 2 * network.spec.multiplication)
    if not count:
        return network.layers, network.ranges
    first, last = network.layers
    found, bounds = factors(first, last, count), network.ranges[1].copy()
    u, v = bounds[: 2 * count : 2], bounds[1 : 2 * count : 2]
    # u ends at the sums of the ends of a and b, v at their differences, and a and b are equally wide
    half = (u[:, 1] - u[:, 0])[:, None] / 4.0 * np.array([[-1.0, 1.0]])
    a, b = ((u[:, 0] + sign * v[:, end])[:, None] / 2.0 + half for sign, end in ((1.0, 1), (-1.0, 0)))
    corners = (a[:, :, None] * b[:, None, :]).reshape(count, -1)
    bounds[: 2 * count : 2] = np.stack([corners.min(axis=1), corners.max(axis=1)], axis=1)
    bounds[1 : 2 * count : 2] = b
    low, width = safe_range(*bounds[of].T)
    knots = last.knots.copy()
    knots[of] = low[:, None] + width[:, None] * uniform_knots(2 * count, network.spec.grid, last.k)
    coef = last.coef.copy()
    coef[of] = 0.0
    greville = np.stack([knots[of, i + 1 : i + 1 + last.k].mean(axis=1) for i in range(coef.shape[2])], axis=1)
    coef[: 2 * count : 2] = found.s[:, :, None] * greville[::2, None, :]
    coef[0] += found.constant[:, None]
    return (found.first, type(first)(knots, coef, last.scale_base)), (network.ranges[0], bounds)


def multiplied(Z: Array, count: int) -> Array:
    """Nodes (h, n) with the product in the place of the first factor of each of `count` multiplication nodes."""
    if not count:
        return Z
    out = Z.copy()
    out[: 2 * count : 2] *= Z[1 : 2 * count : 2]
    return out


def _turned(values: Array) -> Array:
    """a + b and a - b of values (any, 2 count, ...), pair by pair."""
    out = np.empty_like(values)
    out[:, ::2], out[:, 1::2] = values[:, ::2] + values[:, 1::2], values[:, ::2] - values[:, 1::2]
    return out
