"""A linear smoother by what each row decides: leverages, and rows left out (kanlab.solver.smoother derives it)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import qr, solve_triangular

from kanlab.arrays import Array, Index

RANK_TOLERANCE = 1e-9  # of a column of length 1: what the columns before it leave of it below this is rounding


@dataclass(frozen=True, eq=False)
class Smoother:
    """The linear smoother of a network at its training rows.

    outputs (n, m) as the likelihood has them; E (n, m); L (n, m, m); B (n, m, r) with B_i B_j' = J_i M^-1 J_j'.
    """

    outputs: Array
    E: Array
    L: Array
    B: Array

    @cached_property
    def variance(self) -> Array:
        """V (n, m, m)."""
        return np.asarray(self.B @ self.B.transpose(0, 2, 1))

    def leverages(self) -> Array:
        """What each row (n,) decides of its own prediction, of several outputs together: the trace of L'V L."""
        return np.asarray(np.einsum("nar,nab,nbr->n", self.L, self.variance, self.L, optimize=True))

    def freedom(self) -> Array:
        """1 less the highest leverage among the outputs of each row (n,)."""
        H = np.einsum("nar,nab,nbs->nrs", self.L, self.variance, self.L, optimize=True)
        return np.asarray(1.0 - np.linalg.eigvalsh(H)[:, -1])

    def left_out(self, least_freedom: float) -> Array:
        """Outputs (n, m) of each row had it not been fitted. least_freedom: what 1 - leverage is taken to be at least."""
        # with L'V L = U diag(h) U': V (1 - L L'V)^-1 E = V E + V L U diag(1 / (1 - h)) U'L'V E
        VL = self.variance @ self.L
        h, U = np.linalg.eigh(self.L.transpose(0, 2, 1) @ VL)
        along = U.transpose(0, 2, 1) @ (VL.transpose(0, 2, 1) @ self.E[:, :, None])
        moved = self.variance @ self.E[:, :, None] + VL @ U @ (along / np.maximum(1.0 - h, least_freedom)[:, :, None])
        return np.asarray(self.outputs - moved[:, :, 0])


@dataclass(frozen=True, eq=False)
class Root:
    """A triangular root of M = S'S, of the columns `kept` of S that are no combination of others, scaled to length 1.

    upper (r, r); length (p,).
    """

    upper: Array
    kept: Index
    length: Array

    @classmethod
    def of(cls, stacked: Array) -> Root:
        """That of S (any, p), which is overwritten."""
        length = np.maximum(np.linalg.norm(stacked, axis=0), np.finfo(float).tiny)
        stacked /= length
        upper, order = qr(stacked, mode="r", pivoting=True, overwrite_a=True, check_finite=False)
        rank = int(np.sum(np.abs(upper.diagonal()) > RANK_TOLERANCE))
        return cls(upper[:rank, :rank], order[:rank], length)

    def whitened(self, J: Array) -> Array:
        """B (n, r) with B B' = J M^-1 J' for J (n, p), by a generalised inverse where M has none: of what the rows of S tell,
        which is all that a row of S or a sum of such rows asks for, any of them gives the same.
        """
        scaled = (J[:, self.kept] / self.length[self.kept]).T
        return np.asarray(solve_triangular(self.upper, scaled, trans="T", check_finite=False).T)

    def step(self, u: Array) -> Array:
        """The step (p,) of the coefficients along which numbers with derivatives J move by `whitened(J) @ u`, of u (r,)."""
        found = np.zeros(len(self.length))
        found[self.kept] = solve_triangular(self.upper, u, check_finite=False) / self.length[self.kept]
        return found
