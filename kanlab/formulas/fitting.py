r"""All constants of a formula by Levenberg-Marquardt, with the derivatives of `kanlab.formulas.program`.

With J (m, n) the derivatives of eta, e the pull and W the curvature of `kanlab.formulas.losses`, a step solves

    (J W J' + lambda D) step = J e,    D = diag(J W J')

(Marquardt 1963; Fletcher 1971); lambda falls by 10 after a step that lowers the misfit and rises by 5 after one that does
not. Constants that the rows do not tell apart make J W J' singular: the step is then the short one that damping leaves. K is
the rank of J sqrt(W), its columns scaled to length 1; standard errors are those of the linearised model,

    sigma^2 (J W J')^+,    sigma^2 = misfit / (n - K) of squares, 1 of the other likelihoods

and infinite for a constant with a share in the null space.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from kanlab.arrays import Array
from kanlab.formulas.expression import Constant, Expression, with_constants, with_values
from kanlab.formulas.losses import Loss
from kanlab.formulas.program import Program, program

RANK_TOLERANCE = 1e-7  # of the largest singular value
_UNDETERMINED = 1e-3  # share of a constant in the null space from which it has no standard error
_TRIES, _SETTLED = 8, 1e-9


@dataclass(frozen=True, eq=False)
class Fitted:
    """An expression at its best constants. misfit: infinite where it is not defined at every row.

    evaluations: how often it was evaluated at all rows.
    """

    expression: Expression
    misfit: float
    evaluations: int = 0


def fit(expression: Expression, X: Array, loss: Loss, iterations: int = 40) -> Fitted:
    """The free constants at their best for columns X (d, n), from those the expression has.

    >>> from kanlab.formulas.expression import Constant, Product, Variable
    >>> x = np.linspace(1.0, 2.0, 5)
    >>> line = Product((Constant(1.0), Variable(0)))
    >>> round(fit(line, x[None], Loss.of("squares", 3 * x)).expression.parts[0].value, 9)
    3.0
    """
    made = program(expression)
    with np.errstate(all="ignore"):
        p, misfit, evaluations = _minimised(made, X, loss, iterations)
    return Fitted(with_values(expression, p.tolist()), misfit, evaluations)


def _minimised(made: Program, X: Array, loss: Loss, iterations: int) -> tuple[Array, float, int]:
    p, damping, calm, evaluations = made.start, 1e-3, 0, 1
    m = len(p)
    if not m:
        return p, loss.misfit(made.outputs(X, p)), 1
    eta, J = made.jacobian(X, p)
    misfit = loss.misfit(eta)
    if not np.isfinite(misfit):
        return p, np.inf, 1
    least = 1e-26 * max(1.0, float(loss.y @ loss.y))
    for _ in range(iterations):
        e, W = loss.pull(eta)
        gradient, H = J @ e, (J * W) @ J.T
        scale = np.sqrt(np.diag(H))
        if not np.isfinite(scale).all() or not np.isfinite(gradient).all():
            break
        scale[scale == 0] = 1.0
        H /= np.outer(scale, scale)
        gradient /= scale
        for _try in range(_TRIES):
            A = H.copy()
            A.flat[:: m + 1] += damping
            _, step, failed = lapack.dposv(A, gradient)
            evaluations += 1
            if not failed:
                trial = p + step / scale
                eta = np.asarray(made.values(X, trial)[-1], dtype=float)
                found = loss.misfit(eta) if eta.ndim else loss.misfit(np.broadcast_to(eta, loss.y.shape))
                if found < misfit:
                    break
            damping = max(damping * 5, 1e-10)
        else:
            break
        gain = (misfit - found) / misfit
        p, misfit, damping = trial, found, max(damping / 10, 1e-15)
        calm = calm + 1 if gain < _SETTLED else 0
        if calm >= 2 or misfit < least:
            break
        evaluations += 2
        eta, J = made.jacobian(X, p)
    return p, misfit, evaluations


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Of the free constants of a fit: the rank of their derivatives, and their standard errors (m,)."""

    rank: int
    errors: Array


def uncertainty(expression: Expression, X: Array, loss: Loss, misfit: float) -> Uncertainty:
    """Rank and standard errors at columns X (d, n)."""
    made = program(expression)
    m = len(made.start)
    if not m:
        return Uncertainty(0, np.zeros(0))
    with np.errstate(all="ignore"):
        eta, J = made.jacobian(X, made.start)
        _, W = loss.pull(eta)
        A = (J * np.sqrt(W)).T
        scale = np.linalg.norm(A, axis=0)
        scale[scale == 0] = 1.0
        A = A / scale
    if not np.isfinite(A).all():
        return Uncertainty(m, np.full(m, np.inf))
    _, s, Vt = np.linalg.svd(np.linalg.qr(A, mode="r"))
    kept = s > RANK_TOLERANCE * max(s[0], np.finfo(float).tiny)
    rank = int(kept.sum())
    variance = misfit / max(loss.n - rank, 1) if loss.has_variance else 1.0
    covariance = np.sum((Vt[: len(s)][kept] / s[kept][:, None]) ** 2, axis=0)
    null = 1 - np.sum(Vt[: len(s)][kept] ** 2, axis=0)
    return Uncertainty(rank, np.where(null < _UNDETERMINED, np.sqrt(variance * covariance) / scale, np.inf))


def with_errors(expression: Expression, errors: Array) -> Expression:
    """The free constants with their standard errors; one that is not determined has none."""
    given = iter(errors.tolist())

    def of(_: int, c: Constant) -> Constant:
        if not c.is_free:
            return c
        error = next(given)
        return Constant(c.value, "", error if np.isfinite(error) else None)

    return with_constants(expression, of)
