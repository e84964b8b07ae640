r"""The first layer of a cell as a linear map: an orthonormal basis of all functions its edges can make of the data.

A hidden node receives z = sum_i phi_i(x_i), linear in the coefficients of its edges. With the design matrix A (n rows;
for each of d inputs G + k B-splines and silu) that is z = A w. Any two w with the same A w are the same node, and many
are: the splines of every input sum to 1, silu is nearly a spline, a constant or repeated column adds nothing, an empty
knot interval neither. So the fit works in z = Q v with Q'Q = I spanning the columns of A, and w = R v on the way out:

    A D = U S V'  (D scales columns to norm 1),   R = D V_r S_r^-1 L^-T,   Q = A R

where r counts the singular values above `RANK_TOLERANCE` of the largest and L is the Cholesky factor that mends what
rounding left of orthogonality (CholeskyQR2; Yamamoto, Nakatsukasa, Yanagisawa & Fukaya, ETNA 44, 2015). Both products
are summed over blocks of rows. Q depends on the data, `grid` and `k` only, so all cells of one (grid, k) share it, and
damping in v is damping of the change in z.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from kanlab.arrays import Array, Index
from kanlab.kan.bspline import bspline_basis, knots_from_samples, silu

RANK_TOLERANCE = 1e-6  # singular values of the design below this, relative to the largest, are rounding
BLOCK_ROWS = 8192


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """Orthonormal first layer of one (grid, k).

    knots: (d, grid + 2k + 1).  basis: Q' in blocks of rows, each (r, rows of the block).
    to_coef: R (d (grid + k + 1), r), spline coefficients input by input, then the d of silu.
    from_coef: (r, d (grid + k + 1)), the v of coefficients w: Q'A w.
    roughness: (r, r), v' roughness v = sum of squared second differences of the spline coefficients + squared silu ones.
    """

    grid: int
    k: int
    knots: Array
    basis: tuple[Array, ...]
    to_coef: Array
    from_coef: Array
    roughness: Array

    @property
    def rank(self) -> int:
        """Independent functions of the data one node can be, r."""
        return self.to_coef.shape[1]

    @property
    def projectors(self) -> Array | None:
        """(h, r, r), onto what each node can be where some of its edges are gone; None where all are there."""
        return None

    def to_coef_of(self, node: int) -> Array:
        """R of one node."""
        return self.to_coef

    def at_rows(self, rows: Index) -> Array:
        """Q at some rows, (len(rows), r)."""
        size = self.basis[0].shape[1]  # of every block but the last
        return np.array([self.basis[i // size][:, i % size] for i in rows])

    def edges(self, v: Array) -> tuple[Array, Array]:
        """coef (d, h, grid + k) and scale_base (d, h) of nodes v (h, r)."""
        d, size = len(self.knots), self.grid + self.k
        w = self.to_coef @ v.T
        return w[: d * size].reshape(d, size, -1).transpose(0, 2, 1), w[d * size :]


def design_matrix(x: Array, knots: Array, k: int) -> Array:
    """Transposed design A' (d (grid + k + 1), n) at inputs x (d, n): all splines input by input, then silu."""
    return np.concatenate([bspline_basis(x, knots, k).reshape(-1, x.shape[1]), silu(x)])


def first_layer(x: Array, grid: int, k: int, knots: Array | None = None) -> FirstLayer:
    """The first layer of inputs x (d, n), already scaled. knots: (d, grid + 2k + 1), where they are not to be chosen."""
    knots = knots_from_samples(x, grid, k) if knots is None else knots
    blocks = [x[:, i : i + BLOCK_ROWS] for i in range(0, x.shape[1], BLOCK_ROWS)]
    gram = _gram(design_matrix(b, knots, k) for b in blocks)
    to_coef = orthonormaliser(gram)
    lower = np.linalg.cholesky(_gram(to_coef.T @ design_matrix(b, knots, k) for b in blocks))
    to_coef = np.linalg.solve(lower, to_coef.T).T
    basis = tuple(np.ascontiguousarray(to_coef.T @ design_matrix(b, knots, k)) for b in blocks)
    rough = _roughness_root(to_coef, len(x), grid + k)
    return FirstLayer(grid, k, knots, basis, to_coef, to_coef.T @ gram, rough.T @ rough)


def _gram(blocks: Iterable[Array]) -> Array:
    """Sum of A A' over blocks of columns."""
    return np.asarray(sum(a @ a.T for a in blocks))


def orthonormaliser(gram: Array) -> Array:
    """R with R' gram R = I on the numerical range of a Gram matrix."""
    norm = np.sqrt(gram.diagonal())
    used = norm > 1e-12 * norm.max()
    inverse = np.divide(1.0, norm, out=np.zeros_like(norm), where=used)
    values, vectors = np.linalg.eigh(inverse[:, None] * gram * inverse)
    kept = values > RANK_TOLERANCE**2 * values[-1]
    return inverse[:, None] * vectors[:, kept] / np.sqrt(values[kept])


def second_differences(size: int) -> Array:
    """(size - 2, size) matrix of second differences; empty for fewer than three coefficients."""
    return np.diff(np.eye(size), 2, axis=0)


def roughness_root(design: FirstLayer) -> Array:
    """S (rows, r) with S'S the roughness of the design: second differences of each edge's coefficients, then silu's."""
    return _roughness_root(design.to_coef, len(design.knots), design.grid + design.k)


def _roughness_root(to_coef: Array, d: int, size: int) -> Array:
    splines, base = to_coef[: d * size].reshape(d, size, -1), to_coef[d * size :]
    rough = np.einsum("cb,ibr->icr", second_differences(size), splines)
    return np.concatenate([rough.reshape(-1, base.shape[1]), base])
