"""Effective degrees of freedom of a fit, against the trace in many digits, also where the penalty is stiff."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
from scipy.linalg import block_diag

from kanlab.arrays import Array
from kanlab.kan.bspline import knots_from_samples
from kanlab.solver import effective_dof as module
from kanlab.solver import nested_path
from kanlab.solver.effective_dof import effective_dof
from kanlab.solver.fit import fit_path
from kanlab.solver.penalty_root import inner_root, last_root
from kanlab.solver.problem import Problem
from kanlab.solver.stack import State

DIGITS = 50


def rows() -> tuple[Array, Array]:
    """The lowest value of a skewed column is next to the first knot of a grid of 6, so that one spline is 1e-8 in one row and
    0 in all others: free for the data, and rougher than anything else.
    """
    rng = np.random.default_rng(0)
    skewed = np.append(-0.26573014, np.exp(5 * rng.uniform(size=59)))
    X = np.column_stack([skewed, rng.uniform(-1, 1, 60)])
    gap = knots_from_samples(2 * (skewed[None] - skewed.min()) / np.ptp(skewed) - 1, 6, 3)[0, 4] + 1
    assert 5e-5 < gap < 2e-4
    return X, np.log(np.abs(skewed) + 1) + X[:, 1] ** 2 + 0.05 * rng.normal(size=60)


def fitted_states(X: Array, y: Array, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Problem, State, float]]:
    """Of a path of networks the problems, the states, and their edf."""
    found: list[tuple[Problem, State, float]] = []

    def kept(problem: Problem, state: State) -> float | None:
        edf = effective_dof(problem, state)
        assert edf is not None
        found.append((problem, state, edf))
        return edf

    monkeypatch.setattr(nested_path, "effective_dof", kept)
    list(fit_path(X, y, 6, 3, [1]))
    return found


def in_many_digits(problem: Problem, state: State) -> float:
    """tr (J J' + R'R)^-1 J J'."""
    extremes = problem.stack.extreme_tangents(state)
    J = np.concatenate(list(module._derivatives(problem, state, extremes)), axis=1)
    R = np.sqrt(state.level) * block_diag(inner_root(problem, state, extremes), last_root(problem))
    with mpmath.workdps(DIGITS):
        of_rows, of_penalty = mpmath.matrix(J.tolist()), mpmath.matrix(R.T.tolist())
        information = of_rows * of_rows.T
        together = information + of_penalty * of_penalty.T
        for i in range(together.rows):
            together[i, i] += mpmath.mpf(10) ** -25  # coefficients that nothing tells apart
        inverse, p = together**-1, together.rows
        return float(mpmath.fsum(inverse[i, j] * information[j, i] for i in range(p) for j in range(p)))


def test_of_a_stiff_penalty_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Squared, the roughest direction buries all others: edf was 7 where it is 18."""
    for problem, state, edf in fitted_states(*rows(), monkeypatch):
        assert edf == pytest.approx(in_many_digits(problem, state), rel=0.01)


def test_the_root_is_that_of_the_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (60, 2))
    y = X[:, 0] * X[:, 1] + 0.1 * rng.normal(size=60)
    for problem, state, edf in fitted_states(X, y, monkeypatch):
        extremes = problem.stack.extreme_tangents(state)
        p = problem.stack.ends(state)[-1]
        penalty = np.zeros((p, p))
        problem.add_penalty(state, extremes, penalty, np.zeros(p))
        root = np.sqrt(state.level) * inner_root(problem, state, extremes)
        np.testing.assert_allclose(root.T @ root, penalty, atol=1e-9 * np.abs(penalty).max())
        np.testing.assert_allclose(
            state.level * last_root(problem).T @ last_root(problem), state.level * problem.last_penalty, atol=1e-15
        )
        assert module._by_roots(problem, state, extremes) == pytest.approx(edf, rel=0.05)
