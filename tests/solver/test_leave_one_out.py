"""Leave-one-out residuals of a network: linearised where that holds, else by a fit without the row."""

from __future__ import annotations

import numpy as np
import pytest

from kanlab.solver.fit import LmOptions, fit_cell
from kanlab.solver.leave_one_out import TRUSTED_FREEDOM, leave_one_out
from kanlab.solver.refit import continued
from kanlab.solver.smoother import leverages

SMOOTHING = 1000.0


def by_refits(fitted, X, y, smoothing=SMOOTHING):  # type: ignore[no-untyped-def]
    """Every row left out in turn, the network fitted again from where it is."""
    out = []
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        out.append(y[i] - continued(fitted, X[others], y[others], smoothing).predict(X[i : i + 1])[0])
    return np.array(out)


def test_near_refits_without_the_row() -> None:
    rng = np.random.default_rng(3)
    X = rng.uniform(-1, 1, (45, 2))
    y = np.sin(3 * X[:, 0]) + X[:, 1] ** 2 + 0.2 * rng.normal(size=45)
    fitted = continued(fit_cell(X, y, 1, 3, 3), X, y, SMOOTHING)
    found, exact = leave_one_out(fitted, X, y, SMOOTHING), by_refits(fitted, X, y)
    assert np.sum(found**2) == pytest.approx(np.sum(exact**2), rel=0.1)
    assert np.sum((y - fitted.predict(X)) ** 2) < 0.85 * np.sum(exact**2)
    assert np.corrcoef(found, exact)[0, 1] > 0.98


def test_a_row_that_is_interpolated_is_no_row_predicted() -> None:
    """60 rows of 5 and one of 6: the network bends through that row, and without it is 5 there."""
    x, y = np.arange(60.0)[:, None], np.full(60, 5.0)
    y[30] = 6.0
    fitted = fit_cell(x, y, 2, 4, 1)
    assert np.abs(y - fitted.predict(x)).max() < 1e-6
    assert 1.0 - leverages(fitted, x, y)[30] < TRUSTED_FREEDOM
    assert leave_one_out(fitted, x, y, SMOOTHING)[30] == pytest.approx(1.0, abs=0.05)


def test_a_row_far_from_the_others_is_held_to_the_range_of_the_outputs() -> None:
    rng = np.random.default_rng(0)
    x = np.append(rng.uniform(0, 1, 50), 30.0)[:, None]
    y = np.append(x[:-1, 0] + 0.1 * rng.normal(size=50), 9.0)
    fitted = fit_cell(x, y, 5, 3, 1, options=LmOptions(smoothing=1.0))
    found = leave_one_out(fitted, x, y, 1.0)
    low, high = fitted.output_range[0] * fitted.y_scale[0] + fitted.y_offset[0]
    assert low - 1e-9 <= 9.0 - found[-1] <= high + 1e-9
    assert abs(found[-1]) > 1.0  # nothing else tells what lies there
