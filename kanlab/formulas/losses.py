r"""What the constants of a formula are fitted by, row by row: squares, or the likelihood of two classes or of counts.

Notation: eta (n,) what the formula gives, w (n,) weights of the rows, mu the mean,

    squares      mu = eta               misfit = sum w (y - eta)^2
    bernoulli    mu = 1/(1+exp(-eta))   misfit = -2 sum w [y eta - ln(1 + exp eta)] + PULL mean w (eta - eta_0)^2
    poisson      mu = exp(eta)          misfit =  2 sum w [y ln(y / mu) - (y - mu)]

    pull = w (y - mu), minus half the derivative of the misfit by eta;   curvature = w, w p (1 - p), w mu

The weak pull of the log-odds towards those of the whole table, eta_0, is that of the networks
(`kanlab.solver.likelihoods`): where a formula separates the classes the likelihood has no maximum, and with it has one at
finite log-odds. The links are the canonical ones (McCullagh & Nelder, Generalized Linear Models, 1989, 2.2), for which
Fisher's scoring is Newton's method.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy

from kanlab.arrays import Array, Index

PULL = 0.3
SQUARES, BERNOULLI, POISSON = "squares", "bernoulli", "poisson"
_MOST = {BERNOULLI: 30.0, POISSON: 50.0}  # of |eta|: what is beyond is certain, or no count


@dataclass(frozen=True, eq=False)
class Loss:
    """A target y (n,) with weights w (n,). kind: one of the three."""

    kind: str
    y: Array
    w: Array

    @classmethod
    def of(cls, kind: str, y: Array, w: Array | None = None) -> Loss:
        """Without weights every row counts as 1; of any weights the mean is brought to 1."""
        y = np.ascontiguousarray(y, dtype=float)
        return cls(kind, y, np.ones(len(y)) if w is None else np.asarray(w, dtype=float) / np.mean(w))

    @property
    def n(self) -> int:
        return len(self.y)

    @property
    def has_variance(self) -> bool:
        """Whether a noise variance is estimated beside the constants."""
        return self.kind == SQUARES

    def at(self, rows: Index) -> Loss:
        """Some of the rows."""
        return Loss(self.kind, self.y[rows], self.w[rows])

    def misfit(self, eta: Array) -> float:
        """What a fit makes small; infinite where eta is not finite."""
        with np.errstate(all="ignore"):
            if self.kind == SQUARES:
                r = self.y - eta
                value = float(np.dot(self.w * r, r))
            elif self.kind == BERNOULLI:
                value = 2.0 * float(self.w @ (np.logaddexp(0.0, eta) - self.y * eta))
                value += PULL * float(self.w @ (eta - self.constant()) ** 2) / self.n
            else:
                mu = np.exp(np.minimum(eta, _MOST[POISSON]))
                value = 2.0 * float(self.w @ (xlogy(self.y, self.y) - self.y * eta - self.y + mu))
        return value if np.isfinite(value) else np.inf

    def pull(self, eta: Array) -> tuple[Array, Array]:
        """Minus half the gradient of the misfit by eta, and half its curvature, each (n,)."""
        if self.kind == SQUARES:
            return self.w * (self.y - eta), self.w
        if self.kind == BERNOULLI:
            p = expit(np.clip(eta, -_MOST[BERNOULLI], _MOST[BERNOULLI]))
            drawn = PULL / self.n * self.w
            return self.w * (self.y - p) - drawn * (eta - self.constant()), self.w * p * (1 - p) + drawn
        mu = np.exp(np.minimum(eta, _MOST[POISSON]))
        return self.w * (self.y - mu), np.maximum(self.w * mu, 1e-10)

    def constant(self) -> float:
        """eta of the best constant."""
        mean = float(np.average(self.y, weights=self.w))
        if self.kind == SQUARES:
            return mean
        if self.kind == BERNOULLI:
            p = min(max(mean, 1e-6), 1 - 1e-6)
            return float(np.log(p / (1 - p)))
        return float(np.log(max(mean, 1e-6)))

    def mean(self, eta: Array) -> Array:
        """Predictions of outputs: eta, probabilities, or expected counts."""
        if self.kind == SQUARES:
            return eta
        return expit(eta) if self.kind == BERNOULLI else np.exp(np.minimum(eta, _MOST[POISSON]))

    def term(self, misfit: float) -> float:
        """-2 log L up to a constant; of squares the floor below which a fit counts as exact is in it."""
        if self.kind != SQUARES:
            return misfit
        floor = EXACT**2 * float(np.average((self.y - np.average(self.y, weights=self.w)) ** 2, weights=self.w))
        return self.n * float(np.log(misfit / self.n + floor + np.finfo(float).tiny))


EXACT = 1e-6  # RMSE in standard deviations of the target
