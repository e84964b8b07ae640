r"""B-splines on knots that follow the data, and silu: the two families of functions an edge of a KAN is made of.

Notation (rows of the data are always the last axis, so that elementwise work runs along memory)

    c         variables (input columns or hidden nodes), each with knots of its own
    n         rows
    G, k      grid intervals and spline order (polynomial degree), k >= 1
    t_i       knots of one variable, i = 0 .. G+2k: t_k .. t_{G+k} span the samples and a little more, k lie on each side
    B_b       B-spline of degree k on t_b .. t_{b+k+1}, b = 0 .. G+k-1
    q, u      the interval a value lies in, and where: x = t_{k+q} + u (t_{k+q+1} - t_{k+q}), 0 <= u <= 1

Recurrence (de Boor, A Practical Guide to Splines, 1978, chapter X):

    B_{b,0}(x) = 1 if t_b <= x < t_{b+1} else 0
    B_{b,p}(x) = (x - t_b) / (t_{b+p} - t_b) B_{b,p-1}(x) + (t_{b+p+1} - x) / (t_{b+p+1} - t_{b+1}) B_{b+1,p-1}(x)

with 0/0 = 0. Between t_k and t_{G+k} the B_b sum to 1; beyond the outermost knots they are 0. On interval q only
B_q .. B_{q+k} differ from 0, and there each is a polynomial in u: `interval_polynomials` tabulates the coefficients, so
that the many evaluations a fit makes are Horner's rule.

The knots mix equal spacing with quantiles, and k more are added each side at the mean spacing, as pykan does
(Liu et al., KAN: Kolmogorov-Arnold Networks, 2024, section 2.4 and `grid_eps`). They reach a margin beyond the samples:
new rows often lie just outside, and a function held at the last sample is a step too early, by far the largest error of a
fit without noise.
"""

from __future__ import annotations

import numpy as np

from kanlab.arrays import Array

UNIFORM_SHARE = 0.02  # of the knot mix, pykan's grid_eps; keeps every interval at least 2% of an equal one
INPUT_MARGIN, HIDDEN_MARGIN = 0.02, 0.05  # of the samples' range, by which knots reach beyond it on either side
OUTPUT_MARGIN = 0.5  # likewise, for what the last layer puts out
NEGLIGIBLE_WIDTH = 1e-9  # a range below this, relative to its position, is rounding and counts as constant


def silu(x: Array) -> Array:
    """x / (1 + exp(-x)), elementwise."""
    with np.errstate(over="ignore"):
        return x / (1.0 + np.exp(-x))


def silu_derivative(x: Array) -> Array:
    """Derivative of silu, elementwise."""
    with np.errstate(over="ignore"):
        s = 1.0 / (1.0 + np.exp(-x))
    return s * (1.0 + x * (1.0 - s))


def unit_knots(sorted_unit: Array, grid: int, k: int, uniform_share: float, margin: float) -> Array:
    """Knots for values that fill [0, 1].

    sorted_unit: (c, n), each row ascending from 0 to 1.  uniform_share: 1 equal spacing, 0 quantiles, or between.
    Returns (c, grid + 2k + 1), with t_k = -margin and t_{grid+k} = 1 + margin.
    """
    c, n = sorted_unit.shape
    span = 1.0 + 2.0 * margin
    quantiles = sorted_unit[:, np.append(np.arange(grid) * n // grid, n - 1)]
    inner = span * (uniform_share * np.linspace(0.0, 1.0, grid + 1) + (1.0 - uniform_share) * quantiles) - margin
    inner[:, 0], inner[:, -1] = -margin, 1.0 + margin
    steps = np.arange(1, k + 1) * (span / grid)
    below, above = np.broadcast_to(-margin - steps[::-1], (c, k)), np.broadcast_to(1.0 + margin + steps, (c, k))
    return np.concatenate([below, inner, above], axis=1)


def held_range(low: Array, high: Array, margin: float) -> Array:
    """The range (c, 2) to which values are held that lay between low and high (c,) on the training rows."""
    wider = margin * (high - low)
    return np.stack([low - wider, high + wider], axis=1)


def safe_range(low: Array, high: Array) -> tuple[Array, Array]:
    """Position and width (c,) of a range; a constant variable gets a width of 1 around itself."""
    width = high - low
    constant = width <= NEGLIGIBLE_WIDTH * np.maximum(1.0, np.abs(low))
    return np.where(constant, low - 0.5, low), np.where(constant, 1.0, width)


def knots_from_samples(x: Array, grid: int, k: int, uniform_share: float = UNIFORM_SHARE) -> Array:
    """Knots (c, grid + 2k + 1) that span the samples x (c, n) of c variables."""
    ordered = np.sort(x, axis=1)
    low, width = safe_range(ordered[:, 0], ordered[:, -1])
    unit = np.clip((ordered - low[:, None]) / width[:, None], 0.0, 1.0)
    return low[:, None] + width[:, None] * unit_knots(unit, grid, k, uniform_share, INPUT_MARGIN)


def bspline_basis(x: Array, knots: Array, k: int) -> Array:
    """All B-splines of degree k at x (c, n) by the recurrence: knots (c, grid + 2k + 1) to (c, grid + k, n)."""
    x, t = x[:, None, :], knots[:, :, None]
    basis = ((x >= t[:, :-1]) & (x < t[:, 1:])).astype(float)
    for p in range(1, k + 1):
        left = _ratio(x - t[:, : -p - 1], t[:, p:-1] - t[:, : -p - 1])
        right = _ratio(t[:, p + 1 :] - x, t[:, p + 1 :] - t[:, 1:-p])
        basis = left * basis[:, :-1] + right * basis[:, 1:]
    return basis


def bspline_derivative(x: Array, knots: Array, k: int) -> Array:
    """Derivatives of all B-splines of degree k at x (c, n), shape (c, grid + k, n)."""
    lower, t = bspline_basis(x, knots, k - 1), knots[:, :, None]
    per_knot = _ratio(k * lower, t[:, k:] - t[:, :-k])
    return per_knot[:, :-1] - per_knot[:, 1:]


def _ratio(numerator: Array, denominator: Array) -> Array:
    """numerator / denominator with x/0 = 0: a spline on no interval is none."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator > 0)


def interval_polynomials(knots: Array, k: int) -> Array:
    """Coefficients of the k + 1 splines alive on each interval, as polynomials in u.

    knots: (c, grid + 2k + 1). Returns (c, grid, k + 1, k + 1): variable, interval q, power of u, spline q .. q + k.
    An interval of no width holds a constant: no value lies inside it.
    """
    c, grid = knots.shape[0], knots.shape[1] - 2 * k - 1
    at = k + np.arange(grid)
    start, width = knots[:, at], knots[:, at + 1] - knots[:, at]
    table = np.zeros((c, grid, k + 1, k + 1))
    table[:, :, 0, 0] = 1.0
    for p in range(1, k + 1):
        raised = np.zeros_like(table)
        for r in range(p):  # spline r of degree p - 1 feeds splines r and r + 1 of degree p
            above, below = knots[:, at + r + 1], knots[:, at + r + 1 - p]
            share = _ratio(table[:, :, :, r], (above - below)[:, :, None])
            shifted = np.zeros_like(share)
            shifted[:, :, 1:] = width[:, :, None] * share[:, :, :-1]
            raised[:, :, :, r] += (above - start)[:, :, None] * share - shifted
            raised[:, :, :, r + 1] += (start - below)[:, :, None] * share + shifted
        table = raised
    return table


class HiddenKnots:
    """Knots (h, grid + 2k + 1) of h nodes in units of the nodes' ranges, and the tables evaluating their splines takes.

    starts, inverse_widths: (h, grid), of the intervals.  table: (h, grid, k + 1, k + 1), see `interval_polynomials`.
    """

    def __init__(self, knots: Array, k: int) -> None:
        self.knots = knots
        self.starts = np.ascontiguousarray(knots[:, k : -k - 1])
        self.inverse_widths = 1.0 / (knots[:, k + 1 : knots.shape[1] - k] - self.starts)
        self.table = interval_polynomials(knots, k)


def uniform_knots(h: int, grid: int, k: int) -> Array:
    """Equally spaced knots (h, grid + 2k + 1) of hidden nodes."""
    return unit_knots(np.tile([0.0, 1.0], (h, 1)), grid, k, 1.0, HIDDEN_MARGIN)
