r"""Weighted least squares, in the notation of kanlab.solver.likelihoods: rows of precision w_i (n,), of mean 1.

    misfit sum_i w_i |Y_i - eta_i|^2,    E_i = w_i (Y_i - eta_i),    W_i = w_i,    (P W P' + N + ridge) D = P W Y'

The likelihood of errors whose variance is sigma^2 / w_i (Aitken 1935), so the level follows the misfit as it does for equal
weights.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import lapack

from kanlab.arrays import Array
from kanlab.solver.likelihoods import INNER_ROUGHNESS, Design, LastLayer, Made, MakeLikelihood, ridged_factor


class WeightedSquares:
    """For targets Y (m, n), of weighted mean 0 and variance 1, and weights w (n,)."""

    is_squares, couples, pull = True, False, 0.0

    def __init__(self, Y: Array, w: Array) -> None:
        self.Y = self.signal = Y
        self.w: Array | float = w
        self._root = np.sqrt(w)
        self.total = max(float(np.sum(w * Y * Y)), np.finfo(float).tiny)

    @classmethod
    def of(cls, w: Array) -> MakeLikelihood:
        """What makes it of targets, w (n,) being of any mean above 0."""
        of_mean_1 = w / w.mean()
        return lambda Y, neuron_num: cls(Y, of_mean_1)

    @staticmethod
    def roughness() -> float:
        return INNER_ROUGHNESS

    def level(self, misfit: float) -> float:
        """The weighted RSS itself."""
        return misfit

    def solve(
        self, design: Design, blocks: Sequence[slice], penalty: Array, near: LastLayer | None
    ) -> LastLayer | None:
        gram, right = np.zeros_like(penalty), np.zeros((len(penalty), len(self.Y)))
        for block in blocks:
            P = design(block) * self._root[block]
            gram += P @ P.T
            right += P @ (self._root[block] * self.Y[:, block]).T
        factor = ridged_factor(gram, penalty, self.Y.shape[1])
        if factor is None:
            return None
        D = lapack.dpotrs(factor, right, lower=1)[0]
        # one step of refinement: the normal equations lose what the residual still shows
        E, missing = self.score(self._outputs(design, blocks, D), 0.0), -penalty @ D
        for block in blocks:
            missing += design(block) @ E[:, block].T
        D = D + lapack.dpotrs(factor, missing, lower=1)[0]
        found = self.layer(D, self._outputs(design, blocks, D), factor, 0.0)
        return LastLayer(
            D, found.outputs, found.residual, factor, found.rss, found.misfit,
            found.misfit + float(np.sum(D * (penalty @ D))),
        )  # fmt: skip

    def layer(self, D: Array, outputs: Array, factor: Made, objective: float) -> LastLayer:
        E = self.score(outputs, 0.0)
        rss = np.einsum("on,on->o", E, self.Y - outputs)
        return LastLayer(D, outputs, E, factor, rss, float(rss.sum()), objective)

    def score(self, eta: Array, pull: float) -> Array:
        return np.asarray(self.w * (self.Y - eta))

    @staticmethod
    def _outputs(design: Design, blocks: Sequence[slice], D: Array) -> Array:
        return np.concatenate([D.T @ design(block) for block in blocks], axis=1)

    def weighed(self, eta: Array, jacobian: Array, design: Array, rows: slice) -> Array:
        jacobian *= self._root[rows]
        return design * self._root[rows]

    def roots(self, eta: Array, pull: float, rows: slice = slice(None)) -> Array:
        """R (m, m, n)."""
        return np.eye(len(eta))[:, :, None] * self._root[rows]
