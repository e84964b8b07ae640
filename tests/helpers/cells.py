"""What holds of every cell as a problem of its first layer: its gradient, and that blocks of rows do not matter."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kanlab.solver import first_layer
from kanlab.solver import problem as projection
from kanlab.solver.kernels import NUMPY


def gradient_is_the_difference_quotient(problem: Any, state: Any, seed: int, atol: float) -> None:
    """Of the objective, in a random direction."""
    gradient = problem.linearise(state).gradient.copy()
    direction, e = np.random.default_rng(seed).normal(size=len(gradient)), 1e-5
    ahead, behind = problem.move(state, e * direction), problem.move(state, -e * direction)
    if any((s.at_low != state.at_low).any() or (s.at_high != state.at_high).any() for s in (ahead, behind)):
        return  # another row became the least or greatest: the objective has a kink there
    quotient = (ahead.objective - behind.objective) / (2 * e)
    size = np.linalg.norm(gradient) * np.linalg.norm(direction)
    assert -2 * (gradient @ direction) == pytest.approx(quotient, abs=2e-4 * size + atol)


def blocks_change_rounding_alone(
    problem: Any, state: Any, monkeypatch: pytest.MonkeyPatch, *, rel: float, atol: float
) -> None:
    """Objective and curvature of a cell of one block are those of the cell cut into blocks of 17 rows."""
    whole = problem.linearise(state)
    hessian, gradient = whole.hessian.copy(), whole.gradient
    for module in (first_layer, projection):
        monkeypatch.setattr(module, "BLOCK_ROWS", 17)
    Q = problem.design.basis[0]
    blocks = tuple(np.ascontiguousarray(Q[:, i : i + 17]) for i in range(0, Q.shape[1], 17))
    cut = type(problem)(replace(problem.design, basis=blocks), problem.Y, 3, 1000.0, NUMPY)
    same = cut.state(state.V, state.level, state.knots)
    assert same.objective == pytest.approx(state.objective, rel=rel)
    linear = cut.linearise(same)
    np.testing.assert_allclose(linear.gradient, gradient, rtol=1e-6, atol=atol * np.abs(gradient).max())
    np.testing.assert_allclose(linear.hessian, hessian, atol=atol * np.abs(hessian).max())
