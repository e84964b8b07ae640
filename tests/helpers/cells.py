"""What holds of every network as a minimisation problem, and its equations for one hidden layer, written down."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.linalg import block_diag

from kanlab.kan.bspline import bspline_basis, bspline_derivative, safe_range, silu, silu_derivative
from kanlab.kan.layers import KanLayer
from kanlab.kan.network import FittedKan
from kanlab.solver import first_layer, stack
from kanlab.solver.first_layer import FirstLayer, roughness_root, second_differences
from kanlab.solver.kernels import NUMPY
from kanlab.solver.likelihood_of import OF_TASK
from kanlab.solver.network_state import layers_of
from kanlab.solver.problem import LAST_LAYER_ROUGHNESS, LAST_LAYER_SILU, Problem
from kanlab.solver.stack import State


def gradient_is_the_difference_quotient(problem: Any, state: Any, seed: int, atol: float) -> None:
    """Of the objective, in a random direction."""
    gradient = problem.linearise(state).gradient.copy()
    direction, e = np.random.default_rng(seed).normal(size=len(gradient)), 1e-5
    ahead, behind = problem.move(state, e * direction), problem.move(state, -e * direction)
    if any(
        (a.extremes != z.extremes).any() for s in (ahead, behind) for a, z in zip(s.nodes, state.nodes, strict=True)
    ):
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
    for module in (first_layer, stack):
        monkeypatch.setattr(module, "BLOCK_ROWS", 17)
    Q = problem.design.basis[0]
    blocks = tuple(np.ascontiguousarray(Q[:, i : i + 17]) for i in range(0, Q.shape[1], 17))
    design, likelihood = replace(problem.design, basis=blocks), problem.make_likelihood
    cut = Problem(design, problem.Y, 3, 1000.0, NUMPY, likelihood=likelihood)
    same = cut.state(state.weights, state.level, state.knots)
    assert same.objective == pytest.approx(state.objective, rel=rel)
    linear = cut.linearise(same)
    np.testing.assert_allclose(linear.gradient, gradient, rtol=1e-6, atol=atol * np.abs(gradient).max())
    np.testing.assert_allclose(linear.hessian, hessian, atol=atol * np.abs(hessian).max())


def written_down(design: FirstLayer, first: KanLayer, second: KanLayer, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Derivatives of the output (first target) of two layers by the weights V (h, r) at x (d, n), (h, r, n), and of the width
    of every node by its own weights (h, r).

    The second layer's knots stretch with the range of their node, so its extreme rows move all others.
    """
    Q, Z = np.concatenate(design.basis, axis=1), first.evaluate(x)
    low, high, nodes = Z.argmin(axis=1), Z.argmax(axis=1), np.arange(len(Z))
    _, width = safe_range(Z[nodes, low], Z[nodes, high])
    T = (Z - Z[nodes, low][:, None]) / width[:, None]
    spline = np.einsum("jb,jbn->jn", second.coef[:, 0], bspline_derivative(Z, second.knots, second.k))
    slope = spline + second.scale_base[:, :1] * silu_derivative(Z)
    moved = (spline * (1 - T))[:, None] * Q.T[low][:, :, None] + (spline * T)[:, None] * Q.T[high][:, :, None]
    return slope[:, None] * Q - moved, Q.T[high] - Q.T[low]


def jacobian_written_down(problem: Problem, state: State, x: np.ndarray) -> np.ndarray:
    """The Jacobian (h r, n) of a state of one hidden layer."""
    J, _ = written_down(problem.design, *layers_of(problem.design, state), x)
    return J.reshape(-1, x.shape[1])


def smoother_written_down(fitted: FittedKan, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """J (n, p) and R (any, p) of the smoother of a network of one hidden layer fitted to a quantity."""
    x = ((X - fitted.x_offset) / fitted.x_scale).T
    first, second = fitted.layers
    size, design = fitted.spec.grid + fitted.spec.k, first_layer.first_layer(x, fitted.spec.grid, fitted.spec.k)
    by_first, by_width = written_down(design, first, second, x)
    Z, Q = first.evaluate(x), np.concatenate(design.basis, axis=1)
    by_second = np.concatenate([bspline_basis(Z, second.knots, second.k), silu(Z)[:, None]], axis=1)
    J = np.concatenate([by_first.reshape(-1, len(X)), by_second.reshape(-1, len(X))]).T
    rough, v, width = roughness_root(design), Z @ Q.T, np.ptp(Z, axis=1)
    of_first = [(rough - np.outer(rough @ v[j], by_width[j] / width[j])) / width[j] for j in range(len(Z))]
    of_second = block_diag(np.sqrt(LAST_LAYER_ROUGHNESS) * second_differences(size), np.sqrt(LAST_LAYER_SILU))
    weight = np.sqrt(OF_TASK["regression"].roughness())
    R = block_diag(*(weight * r for r in of_first), *[of_second] * len(Z))
    D = np.concatenate([second.coef[:, 0], second.scale_base], axis=1)
    E = (y - fitted.predict(X)) / fitted.y_scale[0]
    along = (D @ of_second.T @ of_second).ravel()  # the gradient of the penalty, which the ridge hardly touches
    level = float(along @ (J[:, -D.size :].T @ E)) / float(np.sum(along**2))
    return J, np.sqrt(max(level, 0.0)) * R
