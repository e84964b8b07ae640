r"""Effective degrees of freedom of a fit: how many of its coefficients the data have really decided.

Near its minimum a fit is a linear smoother (kanlab.solver.smoother). With J the derivatives of the outputs by all
coefficients, those of the last layer's D included, each row times a root of W, the curvature of the likelihood, and N the
penalty in force,

    edf = tr (J J' + N)^-1 J J'

the trace of that smoother: without a penalty the rank of J, and less by what the penalty has decided. Here it comes from what
a step of the fit computes anyway, so it costs about as much as one. Where the penalty is stiff, as that of a first layer of
few distinct values, the square of one direction would bury all others in its rounding; there roots are factored instead.
The pull of classes (kanlab.solver.likelihoods) counts as data: where it alone holds the log-odds the likelihood says next to
nothing of them, and all of them were chosen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy.linalg import block_diag, lapack

from kanlab.arrays import Array
from kanlab.solver.coupled_rows import CoupledRows
from kanlab.solver.multinomial import Multinomial
from kanlab.solver.penalty_root import inner_root, last_root
from kanlab.solver.problem import Problem
from kanlab.solver.rows_smoothed import Root
from kanlab.solver.stack import State

RIDGE = 1e-9  # of coefficients scaled to curvature 1: those that neither data nor penalty tell apart count as none
STIFF = 1e6  # of the largest penalty over the median information: beyond it squares lose more than the ridge
MOST_COEFFICIENTS = 6000  # beyond them the matrices would take gigabytes


def effective_dof(problem: Problem, state: State) -> float | None:
    """edf of a state at its minimum; None where it is not finite, or would take too much memory."""
    stack, m = problem.stack, len(state.last.outputs)
    inner = stack.ends(state)[-1]
    size = inner + m * stack.width
    if size > MOST_COEFFICIENTS:
        return None
    curvature, extremes = np.zeros((size, size)), stack.extreme_tangents(state)
    information = _information(problem, state, extremes, inner)
    problem.add_penalty(state, extremes, curvature[:inner, :inner], np.zeros(inner))
    for o in range(m):
        at = slice(inner + o * stack.width, inner + (o + 1) * stack.width)
        curvature[at, at] = state.level * problem.last_penalty
    if curvature.diagonal().max() > STIFF * np.median(information.diagonal()):
        return _by_roots(problem, state, extremes)
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


def _information(problem: Problem, state: State, extremes: Sequence[Array], inner: int) -> Array:
    """J J' of all coefficients, of which those before the last layer's are `inner`."""
    stack, likelihood, m = problem.stack, problem.likelihood, len(state.last.outputs)
    found = np.zeros((inner + m * stack.width,) * 2)
    if not isinstance(likelihood, Multinomial):
        for J in _derivatives(problem, state, extremes):
            found += J @ J.T
        return found
    coupled = CoupledRows(inner, m, stack.width)
    for block in stack.blocks:
        view, P = stack.view(state, block, problem.depth), problem.last_design(state, block)
        coupled.add(stack, state, view, P, extremes, likelihood, block)
    found[:inner, :inner], found[:inner, inner:] = coupled.hessian, coupled.cross
    found[inner:, :inner] = found[:inner, inner:].T
    found[inner:, inner:] = likelihood.information(
        lambda rows: problem.last_design(state, rows), stack.blocks, state.last.outputs
    )
    return found


def _derivatives(problem: Problem, state: State, extremes: Sequence[Array]) -> Iterator[Array]:
    """J (coefficients, rows), each row times a root of the curvature of its likelihood, a block of rows after the other."""
    stack = problem.stack
    for block in stack.blocks:
        view, P = stack.view(state, block, problem.depth), problem.last_design(state, block)
        for root in problem.likelihood.roots(state.last.outputs[:, block], problem.likelihood.pull, block):
            by_last = (root[:, None, :] * P).reshape(-1, P.shape[1])
            yield np.concatenate([stack.mixed_tangents(state, view, root, extremes), by_last])


def _by_roots(problem: Problem, state: State, extremes: Sequence[Array]) -> float | None:
    """edf without a square of J or of the penalty, which would lose what the stiffest directions leave."""
    rows = np.empty((0, problem.stack.ends(state)[-1] + len(state.last.outputs) * problem.stack.width))
    for J in _derivatives(problem, state, extremes):
        rows = np.asarray(np.linalg.qr(np.concatenate([rows, J.T]), mode="r"))
    last = [last_root(problem)] * len(state.last.outputs)
    penalty = np.sqrt(state.level) * block_diag(inner_root(problem, state, extremes), *last)
    edf = float(np.sum(Root.of(np.concatenate([rows, penalty])).whitened(rows) ** 2))
    return edf if np.isfinite(edf) else None
