r"""A cell that tells two classes apart: variable projection under the Bernoulli likelihood.

The notation is that of `kanlab.projection`, with one target y in {0, 1} and the log-odds eta = D'P as the output. The residual
sum of squares gives way to the deviance and a weak pull of the log-odds towards those of the whole table, eta_0:

    f(V) = min_D -2 sum_i [y_i eta_i - ln(1 + exp eta_i)] + PULL mean_i (eta_i - eta_0)^2
                 + level s [tr D'N D + FIRST sum_j v_j'M v_j / width_j^2],          level = n

Least squares has its penalty in proportion to the RSS, n for each unit of the residual variance. A deviance is -2 log L
already, in units of its own, so here the level is n once and for all. Where a function separates the classes the
likelihood has no maximum; the pull gives it one, at finite log-odds, and is lost among the rows otherwise: all of it weighs
as much as 4 PULL rows at even odds.

With e = y - p - (PULL / n) (eta - eta_0) and w = p (1 - p) + PULL / n, each row by row,

    D by Newton:    (P W P' + level s N + ridge) dD = P e - (level s N + ridge) D
    then in V:      g = J e + ...,      H = J W J' - (J W P') (P W P' + level s N + ridge)^-1 (P W J') + ...

for D is at its minimum, so that its motion adds nothing to the gradient (envelope theorem), and enters the curvature as in
Kaufman's form: all of it is the Gaussian case with rows scaled by sqrt W and the residual e / sqrt W.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.special import expit

from kanlab.design import FirstLayer
from kanlab.projection import RIDGE, CellProblem, CellState
from kanlab.row_kernels import RowKernels

Array = NDArray[np.float64]

PULL = 0.3  # how much the log-odds of the whole table weigh
MOST_STEPS, MOST_HALVINGS = 40, 12
SETTLED = 1e-8  # decrease a Newton step promises, relative to the objective, that makes it the last


class LogisticCell(CellProblem):
    """One cell for y (1, n) of zeros and ones."""

    def __init__(self, design: FirstLayer, y: Array, neuron_num: int, smoothing: float, kernels: RowKernels) -> None:
        super().__init__(design, y, neuron_num, smoothing, kernels)
        n = y.shape[1]
        self._prior = prior_log_odds(y)
        self._pull = PULL / n
        self.total = max(deviance(np.full_like(y, self._prior), y), np.finfo(float).tiny)
        self.signal = y - y.mean()
        self._level = float(n)

    def level_of(self, misfit: float) -> float:
        """Always the same, for the deviance has a scale of its own."""
        return self._level

    def _second_layer(self, bare: CellState, near: CellState | None) -> CellState | None:
        """Penalised logistic regression by Newton's method with step halving, from the second layer of `near`."""
        p2, n = len(self._second), self.Y.shape[1]
        penalty = bare.level * self._second
        penalty.flat[:: p2 + 1] += RIDGE * n
        starts = [self._constant()]
        if near is not None and near.D.shape == (p2, 1):
            starts.insert(0, near.D)
        for D in starts:  # the second where the first is out of bounds
            eta = self._outputs(bare, D)
            value, factor = self._value(eta, D, penalty), _NONE
            if np.isfinite(value):
                break
        for _ in range(MOST_STEPS):
            found = self._factor(bare, eta, penalty)
            if found is None:
                return None
            factor = found
            right = self._by_design(bare, self._score(eta)) - penalty @ D
            step = lapack.dpotrs(factor, right, lower=1)[0]
            promised = float(np.sum(right * step))
            if not promised > np.finfo(float).eps * value:
                break
            along, size = self._outputs(bare, step), 1.0
            for _ in range(MOST_HALVINGS):
                moved = self._value(eta + size * along, D + size * step, penalty)
                if moved < value:
                    break
                size /= 2.0
            else:
                break  # as far as rounding allows
            D, eta, value = D + size * step, eta + size * along, moved
            if promised <= SETTLED * value:
                break
        objective = value + self._first_penalty(bare)
        if not np.isfinite(objective):
            return None
        rss, misfit = np.sum((self.Y - expit(eta)) ** 2, axis=1), deviance(eta, self.Y)
        return replace(
            bare, D=D, residual=self._score(eta), factor=factor, rss=rss, misfit=misfit, objective=objective, eta=eta
        )

    def _constant(self) -> Array:
        """The second layer (p2, 1) that puts out eta_0 everywhere: the splines of a node sum to 1."""
        node = np.full((len(self._second) // self.neuron_num, 1), self._prior / self.neuron_num)
        node[-1] = 0.0
        return np.tile(node, (self.neuron_num, 1))

    def _outputs(self, state: CellState, D: Array) -> Array:
        """D'P (1, n)."""
        return np.concatenate([D.T @ self._design(state, block) for block in self._blocks], axis=1)

    def _value(self, eta: Array, D: Array, penalty: Array) -> float:
        """The part of f that D moves."""
        with np.errstate(over="ignore", invalid="ignore"):
            pull = self._pull * np.sum((eta - self._prior) ** 2)
            return float(deviance(eta, self.Y) + pull + np.sum(D * (penalty @ D)))

    def _score(self, eta: Array) -> Array:
        """e (1, n): minus half the derivative of the deviance and the pull."""
        return self.Y - expit(eta) - self._pull * (eta - self._prior)

    def _root_weight(self, eta: Array) -> Array:
        """sqrt W (1, n)."""
        p = expit(eta)
        return np.sqrt(p * (1.0 - p) + self._pull)

    def _factor(self, state: CellState, eta: Array, penalty: Array) -> Array | None:
        """Cholesky factor of P W P' + penalty; None where that is not positive definite."""
        gram = self._gram
        for block in self._blocks:
            P = self._design(state, block) * self._root_weight(eta[:, block])
            if block.start == 0:
                np.matmul(P, P.T, out=gram)
            else:
                gram += np.matmul(P, P.T, out=self._gram_work)
        factor, info = lapack.dpotrf(np.add(gram, penalty).T, lower=1, overwrite_a=1, clean=0)
        return factor if info == 0 else None

    def _weighed(self, state: CellState, block: slice, jacobian: Array, design: Array) -> Array:
        root = self._root_weight(state.eta[:, block])
        jacobian *= root
        return design * root


def deviance(eta: Array, y: Array) -> float:
    """-2 log L of log-odds eta for y of zeros and ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(2.0 * np.sum(np.logaddexp(0.0, eta) - y * eta))


def prior_log_odds(y: Array) -> float:
    """Log-odds of the share of 1 in y (any shape) of zeros and ones, finite for a single class too."""
    ones = float(y.sum())
    return float(np.log((ones + 0.5) / (y.size - ones + 0.5)))


def residual_and_information(eta: Array, y: Array) -> tuple[Array, Array]:
    """e and p (1 - p), row by row, at log-odds eta (n,) of a fit to y (n,)."""
    p = expit(eta)
    return y - p - PULL / len(y) * (eta - prior_log_odds(y)), p * (1.0 - p)


_NONE = np.empty(0)
