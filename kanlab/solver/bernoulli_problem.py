r"""Cells that tell two classes apart: variable projection under the Bernoulli likelihood.

The notation is that of `kanlab.solver.problem` and, for more hidden layers, of `kanlab.solver.deep_problem`, with one
target y in {0, 1} and the log-odds eta = D'P as the output. The residual sum of squares gives way to the deviance and a
weak pull of the log-odds towards those of the whole table, eta_0:

    f(V) = min_D -2 sum_i [y_i eta_i - ln(1 + exp eta_i)] + PULL mean_i (eta_i - eta_0)^2
                 + level s [tr D'N D + LOG_ODDS_VARIANCE FIRST sum_j v_j'M v_j / width_j^2],      level = n

Least squares has its penalty in proportion to the RSS, n for each unit of the residual variance. A deviance is -2 log L
already, in units of its own, so here the level is n once and for all. Where a function separates the classes the
likelihood has no maximum; the pull gives it one, at finite log-odds, and is lost among the rows otherwise: all of it weighs
as much as 4 PULL rows at even odds. The first layer's roughness is measured in units of a node's range, and the range of the
output stands for that of the target: 1 where targets are scaled, a few units where they are log-odds.

With e = y - p - (PULL / n) (eta - eta_0) and w = p (1 - p) + PULL / n, each row by row,

    D by Newton:    (P W P' + level s N + ridge) dD = P e - (level s N + ridge) D
    then in V:      g = J e + ...,      H = J W J' - (J W P') (P W P' + level s N + ridge)^-1 (P W J') + ...

for D is at its minimum, so that its motion adds nothing to the gradient (envelope theorem), and enters the curvature as in
Kaufman's form: all of it is the Gaussian case with rows scaled by sqrt W and the residual e / sqrt W.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack
from scipy.special import expit, logit

from kanlab.solver.deep_problem import DeepProblem, DeepState
from kanlab.solver.first_layer import FirstLayer
from kanlab.solver.kernels import RowKernels
from kanlab.solver.problem import FIRST_LAYER_ROUGHNESS, RIDGE, CellProblem, CellState
from kanlab.stats.likelihood import CLASSIFICATION, TaskName

Array = NDArray[np.float64]

PULL = 0.3  # how much the log-odds of the whole table weigh
LOG_ODDS_VARIANCE = (
    5.0  # what log-odds are taken to vary by, where the first layers' penalty takes targets to vary by 1
)
MOST_STEPS, MOST_HALVINGS = 40, 12
SETTLED = 1e-8  # decrease a Newton step promises, relative to the objective, that makes it the last


class LogisticCell(CellProblem):
    """One cell of one hidden layer for y (1, n) of zeros and ones."""

    def __init__(self, design: FirstLayer, y: Array, neuron_num: int, smoothing: float, kernels: RowKernels) -> None:
        super().__init__(design, y, neuron_num, smoothing, kernels)
        self._layer = LogisticLayer(y, neuron_num)
        self.total, self.signal = self._layer.total, self._layer.signal
        self._first *= LOG_ODDS_VARIANCE

    def level_of(self, misfit: float) -> float:
        """Always the same, for the deviance has a scale of its own."""
        return float(self.Y.shape[1])

    def _second_layer(self, bare: CellState, near: CellState | None) -> CellState | None:
        penalty = bare.level * self._second
        found = self._layer.solve(
            lambda b: self._design(bare, b), self._blocks, penalty, None if near is None else near.D
        )
        if found is None:
            return None
        return replace(bare, **found.of_state(self.Y), objective=found.value + self._first_penalty(bare))

    def _weighed(self, state: CellState, block: slice, jacobian: Array, design: Array) -> Array:
        return self._layer.weighed(state.eta[:, block], jacobian, design)

    def _curving(self, state: CellState, slopes: list[tuple[Array, Array]], step: Array) -> Array | None:
        return None  # the residual of a likelihood is no sum of squares


class DeepLogisticCell(DeepProblem):
    """One cell of `depth` hidden layers for y (1, n) of zeros and ones."""

    def __init__(
        self, design: FirstLayer, y: Array, neuron_num: int, depth: int, smoothing: float, kernels: RowKernels
    ) -> None:
        super().__init__(design, y, neuron_num, depth, smoothing, kernels)
        self._layer = LogisticLayer(y, neuron_num)
        self.total, self.signal = self._layer.total, self._layer.signal
        self._first *= LOG_ODDS_VARIANCE

    def level_of(self, misfit: float) -> float:
        """As of a `LogisticCell`."""
        return float(self.Y.shape[1])

    def _last_layer(self, bare: DeepState, near: DeepState | None) -> DeepState | None:
        penalty, last = bare.level * self._last, bare.nodes[-1]
        designs: Callable[[slice], Array] = lambda block: self._design(self.depth - 1, last, block)  # noqa: E731
        found = self._layer.solve(designs, self._blocks, penalty, None if near is None else near.D)
        if found is None:
            return None
        rough = self._penalty(bare.V, bare.W, bare.nodes, bare.level)
        return replace(bare, **found.of_state(self.Y), objective=found.value + rough)

    def _weighed(self, state: DeepState, block: slice, jacobian: Array, design: Array) -> Array:
        return self._layer.weighed(state.eta[:, block], jacobian, design)


@dataclass(frozen=True, eq=False)
class Solved:
    """D (p2, 1), log-odds eta (1, n), e (1, n), the Cholesky factor of the system, and the part of f that D moves."""

    D: Array
    eta: Array
    score: Array
    factor: Array
    value: float

    def of_state(self, y: Array) -> dict[str, Any]:
        """The fields of a state it fills."""
        rss = np.sum((y - expit(self.eta)) ** 2, axis=1)
        known = {"D": self.D, "eta": self.eta, "residual": self.score, "factor": self.factor}
        return known | {"rss": rss, "misfit": deviance(self.eta, y)}


class LogisticLayer:
    """The layer that puts out the log-odds of y (1, n): penalised logistic regression on splines of h nodes.

    total: deviance of eta_0 everywhere.  signal: (1, n), y about its mean.
    """

    def __init__(self, y: Array, neuron_num: int) -> None:
        self.y, self.neuron_num = y, neuron_num
        self.prior = prior_log_odds(y)
        self.signal = y - y.mean()
        self.total = max(deviance(np.full_like(y, self.prior), y), np.finfo(float).tiny)
        self._pull = PULL / y.shape[1]

    def solve(
        self, design: Callable[[slice], Array], blocks: Sequence[slice], penalty: Array, near: Array | None
    ) -> Solved | None:
        """Newton's method with step halving, from the D `near` where one is known. None where it cannot be solved.

        design: P (p2, rows) of a block of rows.  penalty (p2, p2), changed in place: a ridge too small to be seen is added.
        """
        p2 = len(penalty)
        penalty.flat[:: p2 + 1] += RIDGE * self.y.shape[1]

        def outputs(D: Array) -> Array:
            return np.concatenate([D.T @ design(block) for block in blocks], axis=1)

        def value_of(eta: Array, D: Array) -> float:
            with np.errstate(over="ignore", invalid="ignore"):
                pull = self._pull * np.sum((eta - self.prior) ** 2)
                return float(deviance(eta, self.y) + pull + np.sum(D * (penalty @ D)))

        starts = [self._constant(p2)]
        if near is not None and len(near) == p2:
            starts.insert(0, near)
        for D in starts:  # the second where the first is out of bounds
            eta = outputs(D)
            value, factor = value_of(eta, D), _NONE
            if np.isfinite(value):
                break
        for _ in range(MOST_STEPS):
            found = self._factor(design, blocks, eta, penalty)
            if found is None:
                return None
            factor = found
            right = -penalty @ D
            score = self.score(eta)
            for block in blocks:
                right += design(block) @ score[:, block].T
            step = lapack.dpotrs(factor, right, lower=1)[0]
            promised = float(np.sum(right * step))
            if not promised > np.finfo(float).eps * value:
                break
            along, size = outputs(step), 1.0
            for _ in range(MOST_HALVINGS):
                moved = value_of(eta + size * along, D + size * step)
                if moved < value:
                    break
                size /= 2.0
            else:
                break  # as far as rounding allows
            D, eta, value = D + size * step, eta + size * along, moved
            if promised <= SETTLED * value:
                break
        return Solved(D, eta, self.score(eta), factor, value) if np.isfinite(value) and len(factor) else None

    def score(self, eta: Array) -> Array:
        """e (1, n): minus half the derivative of the deviance and the pull."""
        return self.y - expit(eta) - self._pull * (eta - self.prior)

    def root_weight(self, eta: Array) -> Array:
        """sqrt W, elementwise."""
        p = expit(eta)
        return np.sqrt(p * (1.0 - p) + self._pull)

    def weighed(self, eta: Array, jacobian: Array, design: Array) -> Array:
        """The design (p2, n), its rows times sqrt W, and in place the Jacobian (p, n) likewise."""
        root = self.root_weight(eta)
        jacobian *= root
        return design * root

    def _constant(self, p2: int) -> Array:
        """D (p2, 1) that puts out eta_0 everywhere: the splines of a node sum to 1."""
        node = np.full((p2 // self.neuron_num, 1), self.prior / self.neuron_num)
        node[-1] = 0.0
        return np.tile(node, (self.neuron_num, 1))

    def _factor(
        self, design: Callable[[slice], Array], blocks: Sequence[slice], eta: Array, penalty: Array
    ) -> Array | None:
        """Cholesky factor of P W P' + penalty; None where that is not positive definite."""
        gram = penalty.copy()
        for block in blocks:
            P = design(block) * self.root_weight(eta[:, block])
            gram += P @ P.T
        factor, info = lapack.dpotrf(gram.T, lower=1, overwrite_a=1, clean=0)
        return factor if info == 0 else None


def deviance(eta: Array, y: Array) -> float:
    """-2 log L of log-odds eta for y of zeros and ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(2.0 * np.sum(np.logaddexp(0.0, eta) - y * eta))


def prior_log_odds(y: Array) -> float:
    """Log-odds of the share of 1 in y (any shape) of zeros and ones, finite for a single class too."""
    ones = float(y.sum())
    return float(np.log((ones + 0.5) / (y.size - ones + 0.5)))


def first_layer_roughness(task: TaskName) -> float:
    """Penalty of the first layers at smoothing 1, a unit of the level."""
    return FIRST_LAYER_ROUGHNESS * (LOG_ODDS_VARIANCE if task == CLASSIFICATION else 1.0)


def pulled_residual(p: Array, y: Array) -> Array:
    """e (n,), row by row, of a fit of probabilities p (n,) to y (n,)."""
    return y - p - PULL / len(y) * (logit(p) - prior_log_odds(y))


_NONE = np.empty(0)
