"""Rows left out of a fit: against statsmodels, exact refits and hand numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.arrays import Array
from kanlab.baselines import leave_one_out, registry
from kanlab.baselines.leave_one_out import LEFT_OUT
from kanlab.baselines.registry import BASELINES, baselines, press_gain_se, reference_left_out
from kanlab.data.dataset import Dataset


def rows(n: int, d: int, seed: int = 0) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, X[:, 0] - X[:, -1] + (1 + X[:, 0] ** 2) * rng.normal(size=n)


def refits(family: str, X: Array, y: Array) -> Array:
    """One fit a row, without it."""
    out = []
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        out.append(y[i] - BASELINES[family](X[others], y[others], 0).predict(X[i : i + 1])[0])
    return np.array(out)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 40), st.integers(1, 4), st.integers(0, 1000))
def test_the_linear_model_is_statsmodels(n: int, d: int, seed: int) -> None:
    X, y = rows(n, d, seed)
    expected = sm.OLS(y, sm.add_constant(X)).fit().get_influence().resid_press
    np.testing.assert_allclose(LEFT_OUT["linear"](X, y), expected, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("family", ["constant", "linear", "stepwise", "ridge"])
def test_small_tables_are_refitted_without_each_row(family: str) -> None:
    X, y = rows(30, 4)
    np.testing.assert_allclose(LEFT_OUT[family](X, y), refits(family, X, y), rtol=1e-8, atol=1e-9)


def test_a_row_without_which_a_column_is_constant() -> None:
    X, y = rows(25, 3)
    X[:, 1] = 0.0
    X[7, 1] = 1.0  # its leverage is 1: the closed form is 0 / 0
    X[:, 2] = X[:, 0]  # and a repeated column
    np.testing.assert_allclose(LEFT_OUT["linear"](X, y), refits("linear", X, y), atol=1e-9)


@pytest.mark.parametrize("family", ["stepwise", "ridge"])
def test_of_more_rows_shares_are_left_out(family: str) -> None:
    X, y = rows(leave_one_out.EXACT_ROWS + 60, 3)
    found, exact = LEFT_OUT[family](X, y), refits(family, X, y)
    assert np.sum(found**2) == pytest.approx(np.sum(exact**2), rel=0.05)
    assert np.corrcoef(found, exact)[0, 1] > 0.99
    np.testing.assert_array_equal(found, LEFT_OUT[family](X, y))


def test_the_standard_error_is_of_a_sum_over_rows() -> None:
    reference, residual = np.array([3.0, 1.0, 2.0, 0.0]), np.array([1.0, 1.0, 2.0, 1.0])
    terms = np.array([8.0, 0.0, 0.0, -1.0])
    assert press_gain_se(residual, reference) == pytest.approx(2 * terms.std(ddof=1))
    assert press_gain_se(reference, reference) == 0.0
    rng = np.random.default_rng(1)  # and it is what the sum varies by from sample to sample
    draws, ses = [], []
    for _ in range(2000):
        a, b = rng.normal(size=50), 1.3 * rng.normal(size=50)
        draws.append(np.sum(b**2 - a**2))
        ses.append(press_gain_se(a, b))
    assert np.mean(ses) == pytest.approx(np.std(draws), rel=0.05)


def test_every_baseline_is_held_against_the_linear_model(small: Dataset) -> None:
    reference = reference_left_out(small)
    assert reference is not None
    by_family = {b.family: b for b in baselines(small)}
    assert by_family["linear"].press == pytest.approx(float(reference @ reference))
    assert by_family["linear"].press_se == 0.0
    assert all(b.press is not None and b.press >= b.rss_train for b in by_family.values())


def test_the_mean_is_the_reference_where_the_linear_model_has_no_aicc() -> None:
    X, y = rows(10, 8)
    data = Dataset.from_frame(pd.DataFrame(X, columns=list("abcdefgh")).assign(y=y), "y", test_fraction=0.0)
    linear = next(b for b in baselines(data) if b.family == "linear")
    assert linear.aicc is None
    np.testing.assert_array_equal(reference_left_out(data), LEFT_OUT["constant"](data.X_train, data.y_train))


def test_too_many_rows_are_not_left_out(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MOST_ROWS", small.n - 1)
    assert reference_left_out(small) is None
    assert {b.press for b in baselines(small)} == {None}
