r"""What a fit makes small and how its last layer is solved for: least squares, or the likelihood of classes.

Notation

    P (p, n), D (p, m)    design of the last layer's edges, and their coefficients; outputs eta = D'P (m, n)
    Y (m, n)              targets; for two classes one, of zeros and ones, and eta are its log-odds
    N (p, p)              the penalty of D, at the level in force
    E (m, n)              minus half the derivative of the misfit by eta; W (m, n) half its second derivative

Least squares:    misfit |Y - eta|^2,    E = Y - eta,    W = 1,    (P P' + N + ridge) D = P Y'

A penalty proportional to the residual is -2 log-likelihood in disguise: the level follows the residual sum of squares.

Bernoulli:    misfit -2 sum_i [y_i eta_i - ln(1 + exp eta_i)], the deviance, and beside it PULL mean_i (eta_i - eta_0)^2

a weak pull of the log-odds towards those of the whole table, eta_0. Where a function separates the classes the likelihood
has no maximum; the pull gives it one, at finite log-odds, and is lost among the rows otherwise: all of it weighs as much as
4 PULL rows at even odds. A deviance is -2 log L already, in units of its own, so the level is n once and for all. The inner
layers' roughness is measured in units of a node's range, and the range of the output stands for that of the target: 1 where
targets are scaled, a few units where they are log-odds, hence LOG_ODDS_VARIANCE. With E = y - p - (PULL / n) (eta - eta_0)
and W = p (1 - p) + PULL / n, D is found by Newton's method (McCullagh & Nelder, Generalized Linear Models, 1989, 4.4):

    (P W P' + N + ridge) dD = P E' - (N + ridge) D

More than two classes have `kanlab.solver.multinomial`, counts `kanlab.solver.poisson`, rows of unequal precision
`kanlab.solver.weighted_squares`.

What the last layer leaves to the layers before it is one form for all: the gradient J E, for D is at its minimum (envelope
theorem), and the curvature of least squares with the rows of J and P times sqrt W.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from scipy.linalg import lapack
from scipy.special import expit

from kanlab.arrays import Array

Design = Callable[[slice], Array]  # P at a block of rows, (p, rows), in memory that the next call may overwrite

INNER_ROUGHNESS = 4e-4  # penalty of the layers before the last for targets of variance 1
RIDGE = 1e-11  # times n: makes the solve definite, too small to be seen
PULL = 0.3  # how much the log-odds of the whole table weigh
LOG_ODDS_VARIANCE = 5.0  # what log-odds are taken to vary by, where the penalty takes targets to vary by 1
MAX_STEPS, MAX_HALVINGS = 40, 12
SETTLED = 1e-8  # decrease a Newton step promises, relative to the objective, that makes it the last
CHORD = 0.1  # of what the step before promised: while a step promises less than that, a kept factor is good enough
LENT_STEPS = 2  # made by the factor of another state before it is seen whether they shrink
NEAR_THE_END = 1e-2  # of the objective: a factor made where a step still promised more is made again at the end


class System(Protocol):
    """The system A (m p, m p) of coupled outputs D, output by output, in a form that is cheaper than its Cholesky factor."""

    def solve(self, right: Array) -> Array:
        """The solution (p, m) for a right-hand side (p, m)."""

    def reduction(self, crossed: Array, out: Array) -> Array:
        """X A^-1 X' (a, a) of X (a, m p), in `out`."""

    def dense(self) -> Array:
        """The Cholesky factor."""


Made = Array | System | Callable[[], Array | System]  # the system of a last layer, or what makes it


@dataclass(frozen=True, eq=False)
class LastLayer:
    """The last layer at its minimum. D (p, m); outputs, residual E (m, n); made: the Cholesky factor of its system, or another
    form of it, or what makes it when it is asked for.

    rss: (m,), of the predictions.  misfit: over all targets.  objective: the misfit, the penalty of D, and the pull.
    """

    D: Array
    outputs: Array
    residual: Array
    made: Made
    rss: Array
    misfit: float
    objective: float

    @cached_property
    def system(self) -> Array | System:
        """The Cholesky factor of its system, (p, p) for every output alike, or where the likelihood couples them (m p, m p) or
        a form of it that is cheaper.
        """
        return self.made() if callable(self.made) else self.made

    @property
    def factor(self) -> Array:
        """The Cholesky factor itself."""
        return self.system if isinstance(self.system, np.ndarray) else self.system.dense()

    @property
    def ready(self) -> Array | System | None:
        """The system where it is made already."""
        return self.system if not callable(self.made) or "system" in vars(self) else None

    def reduction(self, crossed: Array, out: Array) -> Array:
        """X A^-1 X' (a, a) of X (a, p) or (a, m p) and the system A, in `out`; X may be overwritten."""
        if not isinstance(self.system, np.ndarray):
            return self.system.reduction(crossed, out)
        reduced = lapack.dtrtrs(self.system, crossed.T, lower=1, overwrite_b=1)[0]
        return np.matmul(reduced.T, reduced, out=out)


class Likelihood(Protocol):
    """How a problem differs by its target.

    total: misfit of a constant.  signal: (m, n), what a first node is fitted to.
    is_squares: whether the misfit is a sum of squares, so that steps may follow its residual's curvature.
    couples: whether the second derivatives of the misfit mix the outputs; `roots` then takes the place of `weighed`.
    pull: what the pull adds to W, 0 where there is none.
    w: weights (n,) of the rows, or 1.
    """

    w: Array | float
    total: float
    signal: Array
    is_squares: bool
    couples: bool
    pull: float

    @staticmethod
    def roughness() -> float:
        """Penalty of the layers before the last at smoothing 1, as a multiple of the level."""

    def level(self, misfit: float) -> float:
        """The penalty level at a misfit."""

    def solve(
        self, design: Design, blocks: Sequence[slice], penalty: Array, near: LastLayer | None
    ) -> LastLayer | None:
        """D at a penalty (p, p), which is changed in place. None where it cannot be solved for.

        near: a last layer not far away, where one is known; an iterative solve begins there.
        """

    def layer(self, D: Array, outputs: Array, factor: Made, objective: float) -> LastLayer:
        """A last layer D (p, m) with its outputs (m, n), whether at its minimum or not."""

    def score(self, eta: Array, pull: float) -> Array:
        """E (m, n) at outputs eta (m, n), the pull in it being `pull`."""

    def weighed(self, eta: Array, jacobian: Array, design: Array, rows: slice) -> Array:
        """The design (p2, n), its rows times sqrt W at outputs eta (m, n), and the Jacobian (p, n) likewise in place.

        rows: which of the fit's they are.
        """

    def roots(self, eta: Array, pull: float, rows: slice = slice(None)) -> Array:
        """R (r, m, n) with W_i = sum_r R_ri R_ri' in every row i, at outputs eta (m, n), the pull in W being `pull`.

        rows: as of `weighed`; all of them by default.
        """


MakeLikelihood = Callable[[Array, int], Likelihood]  # of targets Y (m, n) and neuron_num


class Squares:
    """Least squares for targets Y (m, n), centred and of variance 1 (or 0)."""

    is_squares, couples, pull = True, False, 0.0
    w: Array | float = 1.0

    def __init__(self, Y: Array, neuron_num: int) -> None:
        self.Y = self.signal = Y
        self.total = max(float(np.sum(Y * Y)), np.finfo(float).tiny)
        self._gram, self._work = np.empty((0, 0)), np.empty((0, 0))

    @staticmethod
    def roughness() -> float:
        return INNER_ROUGHNESS

    def level(self, misfit: float) -> float:
        """The RSS itself."""
        return misfit

    def solve(
        self, design: Design, blocks: Sequence[slice], penalty: Array, near: LastLayer | None
    ) -> LastLayer | None:
        if self._gram.shape != penalty.shape:
            self._gram, self._work = np.empty_like(penalty), np.empty_like(penalty)
        gram, right = self._gram, np.zeros((len(penalty), len(self.Y)))
        for block in blocks:
            P = design(block)
            accumulate(P, P.T, gram, self._work, first=block.start == 0)
            right += P @ self.Y[:, block].T
        factor = ridged_factor(gram, penalty, self.Y.shape[1])
        if factor is None:
            return None
        D = lapack.dpotrs(factor, right, lower=1)[0]
        # one step of refinement: the normal equations lose what the residual still shows
        E, missing = self._residual(design, blocks, D), np.zeros_like(D)
        for block in blocks:
            missing += design(block) @ E[:, block].T
        D = D + lapack.dpotrs(factor, missing - penalty @ D, lower=1)[0]
        E = self._residual(design, blocks, D)
        rss = np.einsum("on,on->o", E, E)
        misfit = float(rss.sum())
        return LastLayer(D, self.Y - E, E, factor, rss, misfit, misfit + float(np.sum(D * (penalty @ D))))

    def layer(self, D: Array, outputs: Array, factor: Made, objective: float) -> LastLayer:
        E = self.Y - outputs
        rss = np.einsum("on,on->o", E, E)
        return LastLayer(D, outputs, E, factor, rss, float(rss.sum()), objective)

    def score(self, eta: Array, pull: float) -> Array:
        return np.asarray(self.Y - eta)

    def _residual(self, design: Design, blocks: Sequence[slice], D: Array) -> Array:
        E = np.empty_like(self.Y)
        for block in blocks:
            np.subtract(self.Y[:, block], D.T @ design(block), out=E[:, block])
        return E

    def weighed(self, eta: Array, jacobian: Array, design: Array, rows: slice) -> Array:
        return design

    def roots(self, eta: Array, pull: float, rows: slice = slice(None)) -> Array:
        return np.broadcast_to(np.eye(len(eta))[:, :, None], (len(eta), *eta.shape))


class OneOutput:
    """Penalised maximum likelihood of y (1, n) on the last layer's splines, by Newton's method; a pull towards the output of
    the whole table, `prior`, keeps it finite. A distribution gives its deviance, its mean, its score and its weight.
    """

    is_squares, couples = False, False
    w: Array | float = 1.0

    def __init__(self, y: Array, neuron_num: int) -> None:
        self.y, self._neuron_num = y, neuron_num
        self.prior, self.signal = self._whole_table()
        self.total = max(self._deviance(np.full_like(y, self.prior)), np.finfo(float).tiny)
        self.pull = PULL / y.shape[1]

    def _whole_table(self) -> tuple[float, Array]:
        """The output that the whole table has, and `signal`."""
        raise NotImplementedError

    def _deviance(self, eta: Array) -> float:
        raise NotImplementedError

    def _mean(self, eta: Array) -> Array:
        """The predictions (1, n)."""
        raise NotImplementedError

    def _gradient(self, eta: Array) -> Array:
        """Minus half the derivative of the deviance (1, n)."""
        raise NotImplementedError

    def _weight(self, eta: Array) -> Array:
        """Half its second derivative (1, n)."""
        raise NotImplementedError

    def level(self, misfit: float) -> float:
        """Always the same, for a deviance has a scale of its own."""
        return float(self.y.shape[1])

    def solve(
        self, design: Design, blocks: Sequence[slice], penalty: Array, near: LastLayer | None
    ) -> LastLayer | None:
        """Newton's method with step halving."""
        p = len(penalty)
        penalty.flat[:: p + 1] += RIDGE * self.y.shape[1]
        constant = constant_layer(p, self._neuron_num, np.array([self.prior]))
        found = newton(self, design, blocks, penalty, near, constant)
        if found is None:
            return None
        return self.layer(*found)

    def layer(self, D: Array, outputs: Array, factor: Made, objective: float) -> LastLayer:
        rss = np.sum((self.y - self._mean(outputs)) ** 2, axis=1)
        return LastLayer(D, outputs, self.score(outputs, self.pull), factor, rss, self._deviance(outputs), objective)

    def value(self, eta: Array) -> float:
        """The deviance and the pull."""
        return self._deviance(eta) + float(self.pull * ((eta - self.prior) ** 2).sum())

    def step(self, factor: Array | System, right: Array) -> Array:
        return np.asarray(lapack.dpotrs(factor, right, lower=1)[0])

    def score(self, eta: Array, pull: float) -> Array:
        """E (1, n)."""
        return self._gradient(eta) - pull * (eta - self.prior)

    def weighed(self, eta: Array, jacobian: Array, design: Array, rows: slice) -> Array:
        root = self._root_weight(eta, self.pull)
        jacobian *= root
        return design * root

    def _root_weight(self, eta: Array, pull: float) -> Array:
        """sqrt W, elementwise."""
        return np.asarray(np.sqrt(self._weight(eta) + pull))

    def roots(self, eta: Array, pull: float, rows: slice = slice(None)) -> Array:
        return self._root_weight(eta, pull)[None]

    def system(self, design: Design, blocks: Sequence[slice], eta: Array, penalty: Array) -> Array | None:
        return self.factor(design, blocks, eta, penalty)

    def factor(self, design: Design, blocks: Sequence[slice], eta: Array, penalty: Array) -> Array | None:
        """Cholesky factor of P W P' + penalty; None where that is not positive definite."""
        gram = penalty.copy()
        for block in blocks:
            P = design(block) * self._root_weight(eta[:, block], self.pull)
            gram += P @ P.T
        factor, info = lapack.dpotrf(gram.T, lower=1, overwrite_a=1, clean=0)
        return factor if info == 0 else None


class Bernoulli(OneOutput):
    """Penalised logistic regression of y (1, n), zeros and ones; eta are log-odds."""

    @staticmethod
    def roughness() -> float:
        return INNER_ROUGHNESS * LOG_ODDS_VARIANCE

    def _whole_table(self) -> tuple[float, Array]:
        return prior_log_odds(self.y), self.y - self.y.mean()

    def _deviance(self, eta: Array) -> float:
        return deviance(eta, self.y)

    def _mean(self, eta: Array) -> Array:
        return np.asarray(expit(eta))

    def _gradient(self, eta: Array) -> Array:
        return np.asarray(self.y - expit(eta))

    def _weight(self, eta: Array) -> Array:
        p = expit(eta)
        return np.asarray(p * (1.0 - p))


class ByNewton(Protocol):
    """A likelihood whose last layer `newton` solves for."""

    couples: bool
    pull: float

    def value(self, eta: Array) -> float:
        """The misfit at outputs eta (m, n), and the pull."""

    def score(self, eta: Array, pull: float) -> Array:
        """E (m, n)."""

    def factor(self, design: Design, blocks: Sequence[slice], eta: Array, penalty: Array) -> Array | None:
        """Cholesky factor of the system; None where that is not positive definite."""

    def system(self, design: Design, blocks: Sequence[slice], eta: Array, penalty: Array) -> Array | System | None:
        """The factor, or another form of the system, where that is cheaper."""

    def step(self, factor: Array | System, right: Array) -> Array:
        """The solution (p, m) of the system for a right-hand side (p, m)."""


def newton(
    of: ByNewton, design: Design, blocks: Sequence[slice], penalty: Array, near: LastLayer | None, constant: Array
) -> tuple[Array, Array, Made, float] | None:
    """D (p, m) at its minimum, its outputs, its factor or what makes it, and the objective; None where none is found.

    penalty: (p, p), of every output alike.  near: where to begin.  constant: the D to begin at where that is out of bounds.
    A factor of coupled outputs is dear. It is kept for as long as the steps by it shrink fast (the chord method), the first
    steps are made by that of `near`, and that of the end, which tells how D follows what lies before it, is made when it is
    asked for, since many states that are tried are not taken.
    """

    def outputs(D: Array) -> Array:
        if len(blocks) == 1:
            return np.asarray(D.T @ design(blocks[0]))
        return np.concatenate([D.T @ design(block) for block in blocks], axis=1)

    def value_of(eta: Array, D: Array) -> float:
        with np.errstate(over="ignore", invalid="ignore"):
            return float(of.value(eta) + (D * (penalty @ D)).sum())

    starts: list[tuple[Array, Array | System | None]] = [(constant, None)]
    if near is not None and near.D.shape == constant.shape:
        starts.insert(0, (near.D, near.ready if of.couples else None))
    for D, lent in starts:  # the second where the first is out of bounds
        eta = outputs(D)
        value, factor = value_of(eta, D), lent
        if np.isfinite(value):
            break
    before, promised, far, size = np.inf, np.inf, np.inf, 1.0
    for number in range(MAX_STEPS):
        shrinks = promised < CHORD * before < np.inf or (lent is not None and number < LENT_STEPS)
        fresh = factor is None or not (of.couples and shrinks and size == 1.0)
        if factor is None or fresh:
            factor = of.system(design, blocks, eta, penalty)
            if factor is None:
                return None
            far, lent = np.inf, None
        right = -penalty @ D
        score = of.score(eta, of.pull)
        for block in blocks:
            right += design(block) @ score[:, block].T
        step = of.step(factor, right)
        before, promised = promised, float(np.sum(right * step))
        far = promised if np.isinf(far) else far
        if not promised > np.finfo(float).eps * value:
            break
        along, size = outputs(step), 1.0
        for _ in range(MAX_HALVINGS):
            moved = value_of(eta + size * along, D + size * step)
            if moved < value:
                break
            size /= 2.0
        else:
            if fresh:
                break  # as far as rounding allows
            continue  # with a factor of its own
        D, eta, value = D + size * step, eta + size * along, moved
        if promised <= SETTLED * value:
            break
    if not np.isfinite(value) or factor is None:
        return None
    if not of.couples or (lent is None and far <= NEAR_THE_END * value):
        return D, eta, factor, value
    last = factor

    def made() -> Array | System:
        again = of.system(design, blocks, eta, penalty)
        return last if again is None else again

    return D, eta, made, value


def constant_layer(p: int, neuron_num: int, outputs: Array) -> Array:
    """D (p, m) that puts out the same outputs (m,) in every row: the splines of a node sum to 1."""
    node = np.tile(outputs / neuron_num, (p // neuron_num, 1))
    node[-1] = 0.0
    return np.tile(node, (neuron_num, 1))


def deviance(eta: Array, y: Array) -> float:
    """-2 log L of log-odds eta for y of zeros and ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        return float(2.0 * (np.logaddexp(0.0, eta) - y * eta).sum())


def prior_log_odds(y: Array) -> float:
    """Log-odds of the share of 1 in y (any shape) of zeros and ones, finite for a single class too."""
    ones = float(y.sum())
    return float(np.log((ones + 0.5) / (y.size - ones + 0.5)))


def ridged_factor(gram: Array, penalty: Array, n: int) -> Array | None:
    """Cholesky factor of gram + penalty, to which a ridge is added in place that makes it definite; None if none does."""
    ridge, added = RIDGE * n, 0.0
    while np.isfinite(ridge):
        penalty.flat[:: len(gram) + 1] += ridge - added
        factor, info = lapack.dpotrf(np.add(gram, penalty).T, lower=1, overwrite_a=1, clean=0)
        if info == 0:
            return np.asarray(factor)
        added, ridge = ridge, ridge * 10.0
    return None


def accumulate(a: Array, b: Array, total: Array, work: Array, *, first: bool) -> None:
    """total += a b, or total = a b for the first."""
    if first:
        np.matmul(a, b, out=total)
    else:
        total += np.matmul(a, b, out=work)
