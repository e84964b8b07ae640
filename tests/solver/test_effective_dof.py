"""Effective degrees of freedom as a fit computes them, against the QR factorisation of its Jacobian and penalty."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.arrays import Array
from kanlab.kan.network import FittedKan
from kanlab.kan.parameter_count import n_params
from kanlab.solver.effective_dof import MOST_COEFFICIENTS, RIDGE
from kanlab.solver.fit import LmOptions, fit_cell, fit_path
from kanlab.solver.smoother import effective_dof, linearised
from kanlab.stats.likelihood import MULTICLASS

SMOOTH = LmOptions(smoothing=1000.0)


def noisy(n: int = 150, d: int = 3, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.uniform(-1, 1, (n, d))
    return X, np.sin(3 * X[:, 0]) + X[:, 1] * X[:, -1] + 0.3 * rng.normal(size=n)


def by_qr(fitted: FittedKan, X: Array, y: Array) -> float:
    """The same from the network alone, by a QR factorisation that squares nothing."""
    J, R, *_ = linearised(fitted, X, y)
    stacked = np.concatenate([J[:, 0], R])
    stacked /= np.maximum(np.linalg.norm(stacked, axis=0), 1e-300)
    Q = np.linalg.qr(np.concatenate([stacked, np.sqrt(RIDGE) * np.eye(stacked.shape[1])]))[0]
    return float(np.sum(Q[: len(X)] ** 2))


@pytest.mark.parametrize(("grid", "k"), [(2, 1), (3, 3), (6, 2)])
def test_it_is_the_trace_of_the_linearised_smoother(grid: int, k: int) -> None:
    """Directions that neither data nor penalty hold count as none here, and as data in `smoother`, which has no ridge."""
    X, y = noisy()
    for fitted in fit_path(X, y, grid, k, [1, 2, 4], options=SMOOTH):
        assert fitted.edf == pytest.approx(by_qr(fitted, X, y), rel=0.01)
        assert fitted.edf == pytest.approx(effective_dof(fitted, X, y), rel=0.15)
        assert fitted.edf < fitted.n_params


def test_of_two_layers() -> None:
    X, y = noisy()
    one, two = fit_path(X, y, 3, 3, [1, 2], depth=2, options=SMOOTH)
    assert one.edf == pytest.approx(by_qr(one, X, y), rel=0.02)
    assert (one.edf or 0.0) < (two.edf or 0.0) < two.n_params


def test_without_a_penalty_it_is_the_identifiable_count() -> None:
    X, y = noisy(n=400, d=2)
    fitted = fit_cell(X, y, 2, 2, 2, options=LmOptions(smoothing=0.0))
    assert fitted.edf == pytest.approx(n_params((2, 2, 1), 2, 2), abs=0.5)


def test_it_falls_with_smoothing() -> None:
    X, y = noisy()
    found = [fit_cell(X, y, 2, 6, 3, options=LmOptions(smoothing=s)).edf or 0.0 for s in (10.0, 1000.0, 100_000.0)]
    assert found[0] > found[1] > found[2] > 3.0


def test_a_column_of_two_values_adds_one_a_node_at_most() -> None:
    X, y = noisy()
    without = fit_cell(X[:, [0, 1]], y, 1, 5, 3, options=LmOptions(smoothing=0.0))
    binary = np.column_stack([X[:, [0, 1]], X[:, 2] > 0])
    fitted = fit_cell(binary, y, 1, 5, 3, options=LmOptions(smoothing=0.0))
    assert (fitted.edf or 0.0) <= (without.edf or 0.0) + 1.5


def test_of_classes_it_counts_every_output() -> None:
    X, y = noisy(n=300)
    two = fit_cell(X, (y > 0).astype(float), 2, 3, 3, task="classification")
    assert two.edf == pytest.approx(effective_dof(two, X, (y > 0).astype(float)), rel=0.1)
    three = fit_cell(X, np.eye(3)[np.digitize(y, [-0.5, 0.5])], 2, 3, 3, task=MULTICLASS)
    assert two.edf < (three.edf or 0.0) < n_params((3, 2, 2), 3, 3)


def test_of_several_targets_too() -> None:
    X, y = noisy()
    one = fit_cell(X, y, 2, 3, 3)
    both = fit_cell(X, np.column_stack([y, X[:, 1] ** 2 + 0.1 * y]), 2, 3, 3)
    assert (one.edf or 0.0) < (both.edf or 0.0) < n_params((3, 2, 2), 3, 3)


def test_it_is_the_same_in_blocks_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = noisy(n=9000)
    fitted = fit_cell(X, y, 1, 3, 3)  # 8192 rows are one block
    assert fitted.edf == pytest.approx(effective_dof(fitted, X, y), rel=0.02)


def test_too_many_coefficients_for_the_memory_give_none(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = noisy()
    monkeypatch.setattr("kanlab.solver.effective_dof.MOST_COEFFICIENTS", 10)
    assert MOST_COEFFICIENTS > 1000
    assert fit_cell(X, y, 1, 3, 3).edf is None


def test_it_travels_with_the_arrays_of_a_network() -> None:
    X, y = noisy()
    fitted = fit_cell(X, y, 1, 3, 3)
    assert FittedKan.from_arrays(fitted.arrays()).edf == fitted.edf
    earlier = {name: array for name, array in fitted.arrays().items() if name != "edf"}
    assert FittedKan.from_arrays(earlier).edf is None
