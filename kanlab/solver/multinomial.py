r"""More than two classes: the multinomial likelihood of the last layer, in coordinates that treat all classes alike.

Notation, beside that of kanlab.solver.likelihoods

    c               classes, of which m = c - 1 outputs decide
    Y (c, n)        targets: 1 for the class of a row, 0 for the others
    C (m, c)        contrasts: rows orthogonal to each other and to 1, of length sqrt(1/2)
    theta (m, n)    outputs of a fit; z = C'theta are logits that sum to 0, p = softmax(z) probabilities
    W_i (m, m)      half the second derivative of the misfit by theta in row i

    misfit -2 sum_i ln p_(class of i)    E = C (Y - p) - (PULL / n) (theta - theta_0)
                                         W_i = C (diag p - p p') C' + (PULL / n) 1

Logits against one class of reference would do as well, but a penalty on them would hold every class to that one. In these
coordinates |theta|^2 = 2 |z|^2, so neither penalty nor pull knows an order of the classes, and as diag p - p p' lies below
(1 - 11'/c) / 2 (Boehning, Ann. Inst. Stat. Math. 44, 1992) no eigenvalue of W exceeds 1/4 but for the pull. Two classes have
C = (-1/2, 1/2), theta is their log-odds, and all is as for `likelihoods.Bernoulli`. D is found by Newton's method:

    (sum_i P_i P_i' x W_i + N x 1 + ridge) dD = P E' - (N + ridge) D

with x the Kronecker product, or by `OfClasses` where the rows are fewer than the unknowns. A fitted network puts out
eta = A theta (m, n), the log-odds of each class against the first one, which is how such models are read (Agresti, Categorical
Data Analysis, 2013, section 8.1): eta_j = z_j - z_0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.linalg import helmert, lapack

from kanlab.arrays import Array
from kanlab.kan.layers import KanLayer
from kanlab.solver.likelihoods import (
    INNER_ROUGHNESS,
    LOG_ODDS_VARIANCE,
    PULL,
    RIDGE,
    Design,
    LastLayer,
    Made,
    System,
    constant_layer,
    newton,
)

BY_CLASSES = 1.0  # times the rows: of more unknowns the system is solved by classes


@cache
def contrasts(classes: int) -> Array:
    """C (classes - 1, classes), not to be written to."""
    C: Array = -helmert(classes) / np.sqrt(2.0)
    C.flags.writeable = False
    return C


@cache
def _pairs(classes: int) -> Array:
    """C_o C_q of every pair of outputs ((classes - 1)^2, classes), not to be written to."""
    C = contrasts(classes)
    pairs: Array = (C[:, None] * C[None]).reshape(-1, classes)
    pairs.flags.writeable = False
    return pairs


def to_log_odds(classes: int) -> Array:
    """A (classes - 1, classes - 1): what turns theta into log-odds against the first class."""
    C = contrasts(classes)
    return (C[:, 1:] - C[:, :1]).T


def from_log_odds_of(classes: int, of_class: int) -> Array:
    """B (classes - 1, classes - 1): what turns the log-odds of one class against each other into theta.

    >>> B = from_log_odds_of(3, 0)
    >>> bool(np.allclose(to_log_odds(3) @ B, -np.eye(2)))
    True
    """
    return np.asarray(-2.0 * np.delete(contrasts(classes), of_class, axis=1))


def log_odds_of(theta: Array) -> Array:
    """eta (m, n) of theta (m, n)."""
    return np.asarray(to_log_odds(len(theta) + 1) @ theta)


def log_odds_layer(layer: KanLayer) -> KanLayer:
    """The edges into eta, of those into theta."""
    return _mixed(layer, to_log_odds(layer.coef.shape[1] + 1))


def contrast_layer(layer: KanLayer) -> KanLayer:
    """The edges into theta, of those into eta: the inverse of `log_odds_layer`."""
    return _mixed(layer, np.asarray(np.linalg.inv(to_log_odds(layer.coef.shape[1] + 1)), dtype=float))


def _mixed(layer: KanLayer, A: Array) -> KanLayer:
    """A layer whose outputs are A (m, m) times those of another."""
    return KanLayer(layer.knots, np.einsum("ab,ibs->ias", A, layer.coef), layer.scale_base @ A.T)


def probabilities(theta: Array) -> Array:
    """p (c, n) of theta (c - 1, n)."""
    odds = np.exp(_below_0(contrasts(len(theta) + 1).T @ theta))
    odds /= odds.sum(axis=0)
    return np.asarray(odds)


def _below_0(z: Array) -> Array:
    """Logits (c, n) less the greatest of each row, so that their exponentials stay finite; changed in place."""
    z -= z.max(axis=0)
    return z


def prior(Y: Array) -> Array:
    """theta (c - 1, 1) of the shares of the classes in Y (c, n), finite where a class has no row."""
    return 2.0 * contrasts(len(Y)) @ np.log(Y.sum(axis=1, keepdims=True) + 0.5)


def curvature(theta: Array, pull: float) -> Array:
    """W (m, m, n) of theta (m, n)."""
    C, p = contrasts(len(theta) + 1), probabilities(theta)
    mean = C @ p
    W = (_pairs(len(p)) @ p).reshape(len(C), len(C), -1) - mean[:, None] * mean[None]
    node = np.arange(len(C))
    W[node, node] += pull + np.finfo(float).eps
    return np.asarray(W)


def curvature_roots(theta: Array, pull: float) -> Array:
    """R (r, m, n) with W_i = sum_r R_ri R_ri', which is 0 for r above m, for theta (m, n)."""
    return np.asarray(np.linalg.cholesky(curvature(theta, pull).transpose(2, 0, 1)).transpose(2, 1, 0))


class Multinomial:
    """Penalised multinomial regression of Y (c, n), one 1 in every column, on the last layer's splines."""

    is_squares, couples = False, True
    w: Array | float = 1.0

    def __init__(self, Y: Array, neuron_num: int) -> None:
        self.Y, self._neuron_num = Y, neuron_num
        self._contrasts, self.prior = contrasts(len(Y)), prior(Y)
        self.signal = self._contrasts @ (Y - Y.mean(axis=1, keepdims=True))
        self.total = max(self._deviance(np.broadcast_to(self.prior, self.signal.shape)), np.finfo(float).tiny)
        self.pull = PULL / Y.shape[1]

    @staticmethod
    def roughness() -> float:
        return INNER_ROUGHNESS * LOG_ODDS_VARIANCE

    def level(self, misfit: float) -> float:
        """Always the same, for the deviance has a scale of its own."""
        return float(self.Y.shape[1])

    def solve(
        self, design: Design, blocks: Sequence[slice], penalty: Array, near: LastLayer | None
    ) -> LastLayer | None:
        """Newton's method with step halving."""
        p = len(penalty)
        penalty.flat[:: p + 1] += RIDGE * self.Y.shape[1]
        constant = constant_layer(p, self._neuron_num, self.prior[:, 0])
        found = newton(self, design, blocks, penalty, near, constant)
        if found is None:
            return None
        return self.layer(*found)

    def layer(self, D: Array, outputs: Array, factor: Made, objective: float) -> LastLayer:
        rss = np.sum((self.Y - probabilities(outputs)) ** 2, axis=1)
        return LastLayer(D, outputs, self.score(outputs, self.pull), factor, rss, self._deviance(outputs), objective)

    def _deviance(self, theta: Array) -> float:
        z = _below_0(self._contrasts.T @ theta)
        of_class = (z * self.Y).sum()
        return float(2.0 * (np.log(np.exp(z, out=z).sum(axis=0)).sum() - of_class))

    def value(self, eta: Array) -> float:
        """The deviance and the pull."""
        return self._deviance(eta) + float(self.pull * ((eta - self.prior) ** 2).sum())

    def score(self, eta: Array, pull: float) -> Array:
        """E (m, n)."""
        return self._contrasts @ (self.Y - probabilities(eta)) - pull * (eta - self.prior)

    def weighed(self, eta: Array, jacobian: Array, design: Array, rows: slice) -> Array:
        raise NotImplementedError("The outputs are coupled: see `roots`.")

    def roots(self, eta: Array, pull: float, rows: slice = slice(None)) -> Array:
        return curvature_roots(eta, pull)

    def classes(self, eta: Array) -> tuple[Array, Array]:
        return self._contrasts, probabilities(eta)

    def factor(self, design: Design, blocks: Sequence[slice], eta: Array, penalty: Array) -> Array | None:
        """Cholesky factor (m p, m p), output by output; None where the system is not positive definite."""
        p, system = len(penalty), self.information(design, blocks, eta)
        for o in range(len(eta)):
            system[o * p : (o + 1) * p, o * p : (o + 1) * p] += penalty
        # its lower triangle is the upper one of the transpose, which has Fortran's order
        upper, info = lapack.dpotrf(system.T, lower=0, overwrite_a=1, clean=1)
        return np.asfortranarray(upper.T) if info == 0 else None

    def information(self, design: Design, blocks: Sequence[slice], eta: Array) -> Array:
        """sum_i P_i P_i' x W_i (m p, m p), output by output: of C diag(p) C' a Gram matrix a class, the rest one product."""
        m, C = len(eta), self._contrasts
        grams, shared = np.zeros((len(C.T), 0, 0)), np.zeros((0, 0))
        for block in blocks:
            P, odds = design(block), probabilities(eta[:, block])
            mixed = ((C @ odds)[:, None] * P).reshape(m * len(P), -1)
            if block.start == 0:
                grams, shared = _grams(P, odds), mixed @ mixed.T
            else:
                grams += _grams(P, odds)
                shared += mixed @ mixed.T
        p = grams.shape[1]
        pairs = (_pairs(len(C.T)) @ grams.reshape(len(grams), -1)).reshape(m, m, p, p)
        found = shared.reshape(m, p, m, p)
        np.subtract(pairs.transpose(0, 2, 1, 3), found, out=found)
        held = (self.pull + np.finfo(float).eps) * grams.sum(axis=0)
        for o in range(m):
            found[o, :, o] += held
        return shared

    def system(self, design: Design, blocks: Sequence[slice], eta: Array, penalty: Array) -> Array | System | None:
        """The factor, or where that is cheaper the same system by classes."""

        def dense() -> Array:
            factor, held = self.factor(design, blocks, eta, penalty), penalty
            while factor is None:
                held = held + 10.0 * RIDGE * eta.shape[1] * np.eye(len(penalty))
                factor = self.factor(design, blocks, eta, held)
            return factor

        if len(blocks) == 1 and BY_CLASSES * eta.shape[1] < len(eta) * len(penalty):
            odds, pull = probabilities(eta), self.pull + np.finfo(float).eps
            by_classes = OfClasses.of(design(blocks[0]), odds, pull, penalty, dense)
            if by_classes is not None:
                return by_classes
        return self.factor(design, blocks, eta, penalty)

    def step(self, factor: Array | System, right: Array) -> Array:
        if not isinstance(factor, np.ndarray):
            return factor.solve(right)
        solved = lapack.dpotrs(factor, right.T.reshape(-1, 1), lower=1)[0]
        return np.asarray(solved.reshape(right.shape[1], -1).T)


@dataclass(frozen=True, eq=False)
class OfClasses:
    """The system of D in coordinates of all classes, where few rows couple many of them (Woodbury, 1950).

    A step dD C in the logits of all c classes, which sum to 0 as the right-hand sides do, has the system

        diag_k(G_k + 2 N) - sum_i (p_i x P_i)(p_i x P_i)',    G_k = sum_i (p_ki + 2 pull) P_i P_i'

    that is c matrices (p, p), less one of the rank of the rows. lower: (c, p, p), the Cholesky factors L_k.  V: (c p, n),
    L_k^-1 p_ki P_i.  rest: (n, n), the factor of 1 - V'V.  dense: makes the factor of the system itself.
    """

    lower: Array
    V: Array
    rest: Array
    dense: Callable[[], Array]

    @classmethod
    def of(cls, P: Array, odds: Array, pull: float, penalty: Array, dense: Callable[[], Array]) -> OfClasses | None:
        """None where rounding left it not positive definite."""
        try:
            lower = np.asarray(np.linalg.cholesky(_grams(P, odds + 2.0 * pull) + 2.0 * penalty), dtype=float)
        except np.linalg.LinAlgError:
            return None
        V = np.concatenate([lapack.dtrtrs(L, share * P, lower=1)[0] for L, share in zip(lower, odds, strict=True)])
        rest = -(V.T @ V)
        rest.flat[:: len(rest) + 1] += 1.0
        factor, failed = lapack.dpotrf(rest.T, lower=1, overwrite_a=1, clean=0)
        return None if failed else cls(lower, V, factor, dense)

    def solve(self, right: Array) -> Array:
        half, C = self._half(right.T), contrasts(len(self.lower))
        half += self.V @ lapack.dpotrs(self.rest, self.V.T @ half, lower=1)[0]
        parts = zip(self.lower, half.reshape(-1, len(right)), strict=True)
        return 2.0 * np.stack([lapack.dtrtrs(L, part, lower=1, trans=1)[0] for L, part in parts], axis=1) @ C.T

    def reduction(self, crossed: Array, out: Array) -> Array:
        half = self._half(crossed.T.reshape(len(self.lower) - 1, -1, len(crossed)))
        coupled = lapack.dtrtrs(self.rest, self.V.T @ half, lower=1)[0]
        np.matmul(half.T, half, out=out)
        out += coupled.T @ coupled
        return out

    def _half(self, right: Array) -> Array:
        """L_k^-1 (c p, ...) of the right-hand sides of all classes, of those (m, p, ...) of the outputs."""
        C = contrasts(len(self.lower))
        of_classes = 2.0 * (C.T @ right.reshape(len(right), -1)).reshape(-1, *right.shape[1:])
        return np.concatenate([lapack.dtrtrs(L, y, lower=1)[0] for L, y in zip(self.lower, of_classes, strict=True)])


def _grams(P: Array, shares: Array) -> Array:
    """sum_i shares_ki P_i P_i' (c, p, p) of P (p, n) and shares (c, n), none below 0."""
    found = np.empty((len(shares), len(P), len(P)))
    for root, gram in zip(np.sqrt(shares), found, strict=True):
        weighed = root * P
        np.matmul(weighed, weighed.T, out=gram)
    return found
