r"""Multiplication nodes that stock pykan has trained (MultKAN; Liu et al. 2024, arXiv 2408.10205), as sums and squares.

kanlab's own multiplication nodes are left by a line (kanlab.kan.multiplication). pykan's are left by curves, so their product
has to be a node itself. It is one of a further hidden layer, whose edges splines of order 2 and 3 are exactly:

    z = a b = u^2/4 - v^2/4,    u = a + b,    v = a - b,    and z = a for a node that adds up

u and v lie between bounds that follow from the ranges of the inputs: within its knots a spline is between the least and the
greatest of its coefficients. So nothing is held that pykan does not hold.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kanlab.arrays import Array
from kanlab.kan.bspline import SQUARE_K, safe_range, silu, uniform_knots
from kanlab.kan.layers import KanLayer
from kanlab.kan.multiplication import squares

SILU_LOWEST = -1.2784645427610738  # where silu is least


def written_as_squares(
    layers: Sequence[KanLayer], ranges: Sequence[Array], products: Sequence[int]
) -> tuple[tuple[KanLayer, ...], tuple[Array, ...]]:
    """Plain layers, and the ranges of their inputs, of layers whose outputs are sums first and then pairs of factors.

    products: of the outputs of each layer how many pairs are a multiplication node each.  ranges: (n_in, 2) of the inputs of
    each layer, the products among them; finite below products, and k is `SQUARE_K` at least where there are any.
    """
    found: list[KanLayer] = []
    held: list[Array] = []
    for layer, bounds, count in zip(layers, ranges, products, strict=True):
        held.append(bounds)
        if not count:
            found.append(layer)
            continue
        assert layer.k >= SQUARE_K
        sums = layer.coef.shape[1] - 2 * count
        of, coef, base = slice(sums, None), layer.coef.copy(), layer.scale_base.copy()
        coef[:, of], base[:, of] = _turned(coef[:, of]), _turned(base[:, of])
        found.append(KanLayer(layer.knots, coef, base))
        held.append(_reached(found[-1], bounds))
        found.append(_squaring(held[-1], sums, count, layer.coef.shape[2] - layer.k, layer.k))
    return tuple(found), tuple(held)


def _squaring(bounds: Array, sums: int, count: int, grid: int, k: int) -> KanLayer:
    """The edges from sums, u and v within bounds (sums + 2 count, 2) to the sums and the products."""
    low, width = safe_range(*bounds.T)
    knots = low[:, None] + width[:, None] * uniform_knots(len(bounds), grid, k)
    coef = np.zeros((len(bounds), sums + count, grid + k))
    straight = np.stack([knots[:, b + 1 : b + 1 + k].mean(axis=1) for b in range(grid + k)], axis=1)  # Greville
    coef[np.arange(sums), np.arange(sums)] = straight[:sums]
    quarter, at = squares(knots[sums:], k) / 4.0, np.arange(count)
    coef[sums + 2 * at, sums + at], coef[sums + 2 * at + 1, sums + at] = quarter[::2], -quarter[1::2]
    return KanLayer(knots, coef, np.zeros(coef.shape[:2]))


def _reached(layer: KanLayer, bounds: Array) -> Array:
    """Between what (n_out, 2) the outputs of a layer lie whose inputs are within bounds (n_in, 2)."""
    low, high, k = bounds[:, :1], bounds[:, 1:], layer.k
    works = (layer.knots[:, : -k - 1] <= high) & (layer.knots[:, k + 1 :] >= low)  # (n_in, grid + k)
    outside = (low < layer.knots[:, k : k + 1]) | (high > layer.knots[:, -k - 1 : layer.knots.shape[1] - k])
    least = np.where(works[:, None], layer.coef, np.inf).min(axis=2)
    most = np.where(works[:, None], layer.coef, -np.inf).max(axis=2)
    nowhere = outside | ~works.any(axis=1, keepdims=True)  # splines add up to less than 1 there
    least, most = np.where(nowhere, np.minimum(least, 0.0), least), np.where(nowhere, np.maximum(most, 0.0), most)
    at = np.stack([bounds[:, 0], bounds[:, 1], np.clip(SILU_LOWEST, bounds[:, 0], bounds[:, 1])])
    by_silu = silu(at)[:, :, None] * layer.scale_base
    return np.stack([(least + by_silu.min(axis=0)).sum(axis=0), (most + by_silu.max(axis=0)).sum(axis=0)], axis=1)


def _turned(values: Array) -> Array:
    """a + b and a - b of values (n_in, 2 count, ...), pair by pair."""
    out = np.empty_like(values)
    out[:, ::2], out[:, 1::2] = values[:, ::2] + values[:, 1::2], values[:, ::2] - values[:, 1::2]
    return out
