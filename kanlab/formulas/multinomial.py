r"""The constants of the log-odds of several classes, all together, by the multinomial likelihood.

Formulas eta_j of the log-odds of class j against class 0, with derivatives J_j, probabilities p = softmax(0, eta), z_ij 1
where row i is of class j. As in `kanlab.formulas.fitting`, with the pull of `kanlab.formulas.losses` to 0,

    (H + lambda D) step = sum_j J_j (z_j - p_j),    H_jk = J_j diag(p_j (delta_jk - p_k)) J_k'
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.linalg import lapack
from scipy.special import logsumexp

from kanlab.arrays import Array
from kanlab.formulas.expression import Expression, free_constants, with_values
from kanlab.formulas.losses import PULL
from kanlab.formulas.program import program


def fit_together(expressions: Sequence[Expression], X: Array, y: Array, iterations: int = 40) -> tuple[Expression, ...]:
    """The formulas with their free constants fitted; as they are where they are not defined at every row.

    X (d, n), y (n,) classes by number from 0.
    """
    made = [program(e) for e in expressions]
    sizes = [len(m.start) for m in made]
    ends = np.cumsum([0, *sizes])
    p, z = np.concatenate([m.start for m in made]), np.arange(1, len(made) + 1)[:, None] == y
    pull = PULL / X.shape[1]

    def at(p: Array) -> Array:
        return np.array([m.outputs(X, p[a:b]) for m, a, b in zip(made, ends, ends[1:], strict=False)])

    def misfit(eta: Array) -> float:
        logits = np.vstack([np.zeros(eta.shape[1]), eta])
        value = 2 * float(np.sum(logsumexp(logits, axis=0)) - np.sum(eta * z)) + pull * float(np.sum(eta**2))
        return value if np.isfinite(value) else np.inf

    with np.errstate(all="ignore"):
        eta, damping = at(p), 1e-3
        least = misfit(eta)
        if not len(p) or not np.isfinite(least):
            return tuple(expressions)
        for _ in range(iterations):
            jacobians = [m.jacobian(X, p[a:b])[1] for m, a, b in zip(made, ends, ends[1:], strict=False)]
            share = np.exp(eta - logsumexp(np.vstack([np.zeros(eta.shape[1]), eta]), axis=0))
            gradient = np.concatenate([J @ e for J, e in zip(jacobians, z - share - pull * eta, strict=True)])
            H = np.block([
                [(Jj * (share[j] * ((j == k) - share[k]) + pull * (j == k))) @ Jk.T for k, Jk in enumerate(jacobians)]
                for j, Jj in enumerate(jacobians)
            ])  # fmt: skip
            scale = np.sqrt(np.maximum(np.diag(H), 0))
            if not np.isfinite(scale).all() or not np.isfinite(gradient).all():
                break
            scale[scale == 0] = 1.0
            before = least
            for _try in range(8):
                _, step, failed = lapack.dposv(H / np.outer(scale, scale) + damping * np.eye(len(p)), gradient / scale)
                if not failed:
                    trial = at(p + step / scale)
                    if misfit(trial) < least:
                        p, eta, least, damping = p + step / scale, trial, misfit(trial), max(damping / 10, 1e-12)
                        break
                damping = max(damping * 5, 1e-10)
            if before - least < 1e-9 * before:
                break
    assert sum(len(free_constants(e)) for e in expressions) == len(p)
    return tuple(with_values(e, p[a:b].tolist()) for e, a, b in zip(expressions, ends, ends[1:], strict=False))
