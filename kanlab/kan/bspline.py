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
SQUARE_K = 2  # order from which a spline can be a square
INPUT_MARGIN, HIDDEN_MARGIN = 0.02, 0.05  # of the samples' range, by which knots reach beyond it on either side
OUTPUT_MARGIN = 0.5  # likewise, for what the last layer puts out
NEGLIGIBLE_WIDTH = 1e-9  # a range below this, relative to its position, is rounding and counts as constant


def silu(x: Array) -> Array:
    """x / (1 + exp(-x)), elementwise.

    >>> silu(np.array([-1000.0, 0.0, 1.0])).round(4).tolist()
    [-0.0, 0.0, 0.7311]
    """
    with np.errstate(over="ignore"):  # exp overflows far below 0, and x / inf is the right limit
        return x / (1.0 + np.exp(-x))


def silu_derivative(x: Array) -> Array:
    """Derivative of silu, elementwise."""
    with np.errstate(over="ignore"):
        s = 1.0 / (1.0 + np.exp(-x))
    return s * (1.0 + x * (1.0 - s))


def unit_knots(sorted_unit: Array, grid: int, k: int, uniform_share: float, margin: float) -> Array:
    """Knots for values that fill [0, 1].

    Parameters
    ----------
    sorted_unit : ndarray of shape (c, n)
        Each row ascending from 0 to 1.
    grid, k : int
        Intervals and spline order.
    uniform_share : float
        1 for equal spacing, 0 for quantiles, or between.
    margin : float
        By which the knots reach beyond 0 and 1.

    Returns
    -------
    ndarray of shape (c, grid + 2k + 1)
        With t_k = -margin and t_{grid+k} = 1 + margin.

    Examples
    --------
    >>> unit_knots(np.array([[0.0, 0.1, 0.2, 1.0]]), grid=2, k=1, uniform_share=1.0, margin=0.5).tolist()
    [[-1.5, -0.5, 0.5, 1.5, 2.5]]
    """
    c, n = sorted_unit.shape
    span = 1.0 + 2.0 * margin
    # plain order statistics, as pykan takes them: an interpolated quantile would be a knot where no sample is
    quantiles = sorted_unit[:, np.append(np.arange(grid) * n // grid, n - 1)]
    inner = span * (uniform_share * np.linspace(0.0, 1.0, grid + 1) + (1.0 - uniform_share) * quantiles) - margin
    inner[:, 0], inner[:, -1] = -margin, 1.0 + margin
    steps = np.arange(1, k + 1) * (span / grid)
    below, above = np.broadcast_to(-margin - steps[::-1], (c, k)), np.broadcast_to(1.0 + margin + steps, (c, k))
    return np.concatenate([below, inner, above], axis=1)


def held_range(low: Array, high: Array, margin: float) -> Array:
    """The range (c, 2) to which values are held that lay between low and high (c,) on the training rows.

    >>> held_range(np.array([0.0]), np.array([10.0]), margin=0.02).tolist()
    [[-0.2, 10.2]]
    """
    wider = margin * (high - low)
    return np.stack([low - wider, high + wider], axis=1)


def safe_range(low: Array, high: Array) -> tuple[Array, Array]:
    """Position and width (c,) of a range; a constant variable gets a width of 1 around itself.

    >>> low, width = safe_range(np.array([2.0, 5.0]), np.array([6.0, 5.0]))
    >>> low.tolist(), width.tolist()
    ([2.0, 4.5], [4.0, 1.0])
    """
    width = high - low
    constant = width <= NEGLIGIBLE_WIDTH * np.maximum(1.0, np.abs(low))
    return np.where(constant, low - 0.5, low), np.where(constant, 1.0, width)


def knots_from_samples(x: Array, grid: int, k: int, uniform_share: float = UNIFORM_SHARE) -> Array:
    """Knots (c, grid + 2k + 1) that span the samples x (c, n) of c variables and `INPUT_MARGIN` more.

    >>> knots = knots_from_samples(np.array([[0.0, 1.0, 2.0, 10.0]]), grid=2, k=3)
    >>> knots.shape, knots[0, 3:6].round(2).tolist()
    ((1, 9), [-0.2, 1.94, 10.2])
    """
    ordered = np.sort(x, axis=1)
    low, width = safe_range(ordered[:, 0], ordered[:, -1])
    unit = np.clip((ordered - low[:, None]) / width[:, None], 0.0, 1.0)
    return low[:, None] + width[:, None] * unit_knots(unit, grid, k, uniform_share, INPUT_MARGIN)


def bspline_basis(x: Array, knots: Array, k: int) -> Array:
    """All B-splines of degree k by the recurrence (de Boor 1978, chapter X).

    Parameters
    ----------
    x : ndarray of shape (c, n)
        n values of c variables.
    knots : ndarray of shape (c, grid + 2k + 1)
    k : int
        Degree.

    Returns
    -------
    ndarray of shape (c, grid + k, n)
        They sum to 1 between t_k and t_{grid+k}, and are 0 beyond the outermost knots.

    Examples
    --------
    >>> basis = bspline_basis(np.array([[0.0, 0.25, 2.0]]), np.array([[-1.0, 0.0, 1.0, 2.0]]), k=1)
    >>> basis[0].tolist()
    [[1.0, 0.75, 0.0], [0.0, 0.25, 0.0]]
    """
    x, t = x[:, None, :], knots[:, :, None]
    # intervals are half open, so that a value on a knot is counted once
    basis = ((x >= t[:, :-1]) & (x < t[:, 1:])).astype(float)
    for p in range(1, k + 1):
        left = _ratio(x - t[:, : -p - 1], t[:, p:-1] - t[:, : -p - 1])
        right = _ratio(t[:, p + 1 :] - x, t[:, p + 1 :] - t[:, 1:-p])
        basis = left * basis[:, :-1] + right * basis[:, 1:]
    return basis


def bspline_derivative(x: Array, knots: Array, k: int) -> Array:
    """Derivatives of all B-splines of degree k at x (c, n), shape (c, grid + k, n); arguments as of `bspline_basis`.

    >>> bspline_derivative(np.array([[0.25]]), np.array([[-1.0, 0.0, 1.0, 2.0]]), k=1)[0].tolist()
    [[-1.0], [1.0]]
    """
    lower, t = bspline_basis(x, knots, k - 1), knots[:, :, None]
    per_knot = _ratio(k * lower, t[:, k:] - t[:, :-k])
    return per_knot[:, :-1] - per_knot[:, 1:]


def _ratio(numerator: Array, denominator: Array) -> Array:
    """numerator / denominator with x/0 = 0: a spline on no interval is none."""
    shape = np.broadcast_shapes(numerator.shape, denominator.shape)
    return np.divide(numerator, denominator, out=np.zeros(shape), where=denominator > 0)


def interval_polynomials(knots: Array, k: int) -> Array:
    """Coefficients of the k + 1 splines alive on each interval, as polynomials in u.

    Parameters
    ----------
    knots : ndarray of shape (c, grid + 2k + 1)
    k : int
        Degree.

    Returns
    -------
    ndarray of shape (c, grid, k + 1, k + 1)
        By variable, interval q, power of u, and spline q .. q + k. An interval of no width holds a constant: no value lies
        inside it.

    Examples
    --------
    Two hats on one interval, 1 - u and u:

    >>> interval_polynomials(np.array([[-1.0, 0.0, 1.0, 2.0]]), k=1)[0, 0].tolist()
    [[1.0, 0.0], [-1.0, 1.0]]
    """
    c, grid = knots.shape[0], knots.shape[1] - 2 * k - 1
    # the recurrence itself, done once on coefficients in place of at every value
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
        self.starts = np.ascontiguousarray(knots[:, k : -k - 1])  # the kernels index it flat
        # a fit evaluates these splines thousands of times on the same knots: divide once, multiply ever after
        self.inverse_widths = 1.0 / (knots[:, k + 1 : knots.shape[1] - k] - self.starts)
        self.table = interval_polynomials(knots, k)


def uniform_knots(h: int, grid: int, k: int) -> Array:
    """Equally spaced knots (h, grid + 2k + 1) of h hidden nodes, in units of their ranges.

    >>> uniform_knots(h=2, grid=1, k=1)[0].round(2).tolist()
    [-1.15, -0.05, 1.05, 2.15]
    """
    return unit_knots(np.tile([0.0, 1.0], (h, 1)), grid, k, 1.0, HIDDEN_MARGIN)
