r"""Counts: the Poisson likelihood of the last layer, with the logarithm of the mean as its link.

Notation, beside that of kanlab.solver.likelihoods

    y (1, n)         counts
    z (1, n)         outputs of a fit;  eta = offset + scale z the logarithm of the mean mu = exp eta
    offset, scale    of the whole table, `kanlab.stats.likelihood.log_mean_scaling`: ln mean y, and the deviation ln mu is
                     taken to have

    misfit 2 sum_i [y_i ln(y_i / mu_i) - y_i + mu_i]    E = scale (y - mu) - (PULL / n) z    W = scale^2 mu + PULL / n

(McCullagh & Nelder, Generalized Linear Models, 1989, chapter 6.) The penalty takes outputs to vary by 1, and how much ln mu
varies differs from table to table: by 0.2 where all rows have nearly the same mean, by several units where the counts span
decades; hence the scale. Like a deviance of classes this one is -2 log L in units of its own, and the level is n. Where a
region has no counts at all the likelihood pushes ln mu towards minus infinity; the pull towards the mean of the table keeps it
finite.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import xlogy

from kanlab.arrays import Array
from kanlab.solver.likelihoods import INNER_ROUGHNESS, OneOutput

ONE_HALF = 0.5  # of a count: zeros have a logarithm too


class Poisson(OneOutput):
    """Penalised Poisson regression of counts y (1, n); its outputs are ln mu in units of `scale` around `offset`."""

    def __init__(self, y: Array, neuron_num: int, offset: float, scale: float) -> None:
        self.offset, self.scale = offset, scale
        self._saturated = float(np.sum(xlogy(y, y) - y))
        super().__init__(y, neuron_num)

    @classmethod
    def of(cls, offset: float, scale: float) -> partial[Poisson]:
        """What makes one of y and neuron_num."""
        return partial(cls, offset=offset, scale=scale)

    @staticmethod
    def roughness() -> float:
        return INNER_ROUGHNESS

    def _whole_table(self) -> tuple[float, Array]:
        near = np.log(self.y + ONE_HALF)
        return 0.0, near - near.mean()

    def _log_mean(self, z: Array) -> Array:
        return self.offset + self.scale * z

    def _mean(self, eta: Array) -> Array:
        return np.asarray(np.exp(self._log_mean(eta)))

    def _deviance(self, eta: Array) -> float:
        log_mean = self._log_mean(eta)
        with np.errstate(over="ignore", invalid="ignore"):
            return float(2.0 * (self._saturated + np.sum(np.exp(log_mean)) - np.sum(self.y * log_mean)))

    def _gradient(self, eta: Array) -> Array:
        return self.scale * (self.y - self._mean(eta))

    def _weight(self, eta: Array) -> Array:
        return self.scale**2 * self._mean(eta)
