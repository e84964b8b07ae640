r"""Effective degrees of freedom of a fit: how many of its coefficients the data have really decided.

Near its minimum a fit is a linear smoother (kanlab.solver.smoother). With J the derivatives of the outputs by all
coefficients, those of the last layer's D included, each row times a root of W, the curvature of the likelihood, and N the
penalty in force,

    edf = tr (J J' + N)^-1 J J'

the trace of that smoother: without a penalty the rank of J, and less by what the penalty has decided. Here it comes from what
a step of the fit computes anyway, so it costs about as much as one. The pull of classes (kanlab.solver.likelihoods) counts as
data: where it alone holds the log-odds the likelihood says next to nothing of them, and all of them were chosen.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from kanlab.solver.problem import Problem
from kanlab.solver.stack import State

RIDGE = 1e-9  # of coefficients scaled to curvature 1: those that neither data nor penalty tell apart count as none
MOST_COEFFICIENTS = 6000  # beyond them the matrices would take gigabytes


def effective_dof(problem: Problem, state: State) -> float | None:
    """edf of a state at its minimum; None where it is not finite, or would take too much memory."""
    stack, m = problem.stack, len(state.last.outputs)
    inner = stack.ends(state)[-1]
    size = inner + m * stack.width
    if size > MOST_COEFFICIENTS:
        return None
    information, curvature = np.zeros((size, size)), np.zeros((size, size))
    extremes = stack.extreme_tangents(state)
    for block in stack.blocks:
        view, P = stack.view(state, block, problem.depth), problem.last_design(state, block)
        for root in problem.likelihood.roots(state.last.outputs[:, block], problem.likelihood.pull, block):
            by_last = (root[:, None, :] * P).reshape(-1, P.shape[1])
            J = np.concatenate([stack.mixed_tangents(state, view, root, extremes), by_last])
            information += J @ J.T
    problem.add_penalty(state, extremes, curvature[:inner, :inner], np.zeros(inner))
    for o in range(m):
        at = slice(inner + o * stack.width, inner + (o + 1) * stack.width)
        curvature[at, at] = state.level * problem.last_penalty
    curvature += information
    scale = np.sqrt(np.maximum(curvature.diagonal(), np.finfo(float).tiny))
    curvature /= np.outer(scale, scale)
    information /= np.outer(scale, scale)
    curvature.flat[:: size + 1] += RIDGE
    factor, failed = lapack.dpotrf(curvature.T, lower=1, overwrite_a=1, clean=0)
    if failed:
        return None
    inverse, failed = lapack.dpotri(factor, lower=1, overwrite_c=1)  # its lower triangle
    if failed:
        return None
    lower = np.tril(inverse) * information
    edf = float(2.0 * lower.sum() - lower.trace())
    return edf if np.isfinite(edf) else None
