"""The three loops over rows that a fit spends its time in, besides matrix products: NumPy, the reference.

`kanlab.solver.kernels_numba` holds the same loops compiled. Both do the same floating-point operations in the same
order, so their results are equal bit for bit and it does not matter which of them a fit ran on, or that it changed over
half-way.

Shapes: h nodes, n rows, G intervals, k order, m2 = G + k + 1 rows of the second-layer design a node (splines, silu).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from kanlab.arrays import Array, Index


@dataclass(frozen=True, eq=False)
class SplineRows:
    """Splines of h nodes at n rows; filled in place, since fresh memory costs more than filling it.

    design: (h, m2, n), second-layer design, one spline or silu a row.
    slopes: (k + 1, h, n), derivatives of the splines alive at each value.  interval: (h, n), the first of them.
    """

    design: Array
    slopes: Array
    interval: Index

    @classmethod
    def empty(cls, h: int, grid: int, k: int, n: int) -> SplineRows:
        return cls(np.empty((h, grid + k + 1, n)), np.empty((k + 1, h, n)), np.empty((h, n), dtype=np.intp))

    def first(self, n: int) -> SplineRows:
        """Room for fewer rows, contiguous where it is all of them."""
        if n == self.design.shape[2]:
            return self
        return SplineRows.empty(len(self.design), self.design.shape[1] - len(self.slopes), len(self.slopes) - 1, n)


class RowKernels(Protocol):
    """The loops, in one of their two forms. Each fills the array or rows it is handed last."""

    name: str

    def splines(
        self, unit: Array, starts: Array, inverse_widths: Array, table: Array, silu: Array, rows: SplineRows
    ) -> None:
        """Splines at unit (h, n) in [0, 1]; starts, inverse_widths (h, G) of the intervals; table (h, G, k+1, k+1)."""

    def node_slopes(self, coef: Array, rows: SplineRows, out: Array) -> None:
        """Derivative of each node's spline (h, n), coefficients coef (h, G + k)."""

    def jacobian(
        self, basis: Array, slope: Array, at_low: Array, at_high: Array, low: Array, high: Array, out: Array
    ) -> None:
        """(h, r, n): slope_j basis_a - at_low_j low_ja - at_high_j high_ja.

        basis (r, n); slope, at_low, at_high (h, n); low, high (h, r).
        """


class NumpyKernels:
    """The reference."""

    name = "numpy"

    def splines(
        self, unit: Array, starts: Array, inverse_widths: Array, table: Array, silu: Array, rows: SplineRows
    ) -> None:
        h, n = unit.shape
        grid, order = table.shape[1], table.shape[2]
        rows.interval[:] = 0
        for q in range(1, grid):
            rows.interval[:] += unit >= starts[:, q, None]
        node = np.arange(h)[:, None]
        flat = node * grid + rows.interval
        inverse = inverse_widths.ravel()[flat]
        u = (unit - starts.ravel()[flat]) * inverse
        polynomials = np.ascontiguousarray(table.transpose(3, 2, 0, 1)).reshape(order, order, h * grid)
        rows.design[:] = 0.0
        first = (node * (grid + order) + rows.interval) * n + np.arange(n)
        for c in range(order):
            value = polynomials[c, order - 1].take(flat)
            slope = (order - 1) * value
            for power in range(order - 2, -1, -1):
                coefficient = polynomials[c, power].take(flat)
                value = value * u + coefficient
                if power:
                    slope = slope * u + power * coefficient
            rows.design.reshape(-1)[first + c * n] = value
            np.multiply(slope, inverse, out=rows.slopes[c])
        rows.design[:, -1] = silu

    def node_slopes(self, coef: Array, rows: SplineRows, out: Array) -> None:
        first = np.arange(len(coef))[:, None] * coef.shape[1] + rows.interval
        np.multiply(coef.take(first), rows.slopes[0], out=out)
        for c in range(1, len(rows.slopes)):
            out += coef.take(first + c) * rows.slopes[c]

    def jacobian(
        self, basis: Array, slope: Array, at_low: Array, at_high: Array, low: Array, high: Array, out: Array
    ) -> None:
        np.multiply(slope[:, None, :], basis, out=out)
        for j in range(len(slope)):
            out[j] -= low[j][:, None] * at_low[j]
            out[j] -= high[j][:, None] * at_high[j]


NUMPY = NumpyKernels()
