"""Rows left out of a network's fit: the closed form against refits of a linear smoother and of networks."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.refit import continued
from kanlab.solver.smoother import effective_dof, leverages, smoother_root
from kanlab.stats.generalised_dof import divergence

CELL = (1, 3, 3)


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (45, 2))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.2 * rng.normal(size=45)


def test_leave_one_out_of_a_linear_smoother_is_exact() -> None:
    """e / (1 - h) of a penalised fit is the residual of a fit without the row, its penalty unchanged."""
    rng = np.random.default_rng(0)
    J, R, y = rng.normal(size=(30, 8)), rng.normal(size=(5, 8)), rng.normal(size=30)

    def coefficients(J: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.linalg.solve(J.T @ J + R.T @ R, J.T @ y)

    closed = (y - J @ coefficients(J, y)) / (1 - np.sum(smoother_root(J, R) ** 2, axis=1))
    for i in range(30):
        others = np.arange(30) != i
        assert closed[i] == pytest.approx(y[i] - J[i] @ coefficients(J[others], y[others]), rel=1e-9)


def test_leverages_lie_between_0_and_1_and_sum_to_the_effective_dof(rows: tuple[np.ndarray, np.ndarray]) -> None:
    fitted = fit_cell(*rows, *CELL)
    h = leverages(fitted, *rows)
    assert ((h > 0) & (h < 1)).all()
    assert h.sum() == pytest.approx(effective_dof(fitted, *rows))


def test_a_network_continued_on_its_own_targets_stays(rows: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = rows
    once = continued(fit_cell(X, y, *CELL), X, y, 1000.0)
    twice = continued(once, X, y, 1000.0)
    np.testing.assert_allclose(twice.predict(X), once.predict(X), atol=1e-2 * y.std())
    assert twice.rss_train == pytest.approx(np.sum((twice.predict(X) - y) ** 2), rel=1e-8)


def test_effective_dof_is_the_divergence_of_the_minimum(rows: tuple[np.ndarray, np.ndarray]) -> None:
    """Small perturbations of y, each followed from the same minimum: no search, so the two agree."""
    X, y = rows
    fitted = continued(fit_cell(X, y, *CELL, options=LmOptions(smoothing=100.0)), X, y, 100.0)
    size = 0.1 * np.sqrt(fitted.rss_train / len(y))
    draws = [
        divergence(lambda v: continued(fitted, X, v, 100.0).predict(X), y, size * signs)
        for signs in np.random.default_rng(0).choice([-1.0, 1.0], (20, len(y)))
    ]
    assert np.mean(draws) == pytest.approx(effective_dof(fitted, X, y), rel=0.15)
