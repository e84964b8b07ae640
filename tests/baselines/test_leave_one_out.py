"""Rows left out of a fit: against statsmodels, exact refits and hand numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.arrays import Array
from kanlab.baselines import gam, leave_one_out, logistic, registry
from kanlab.baselines.leave_one_out import LEFT_OUT
from kanlab.baselines.registry import BASELINES, baselines, fit_named, reference_losses
from kanlab.data.dataset import Dataset
from kanlab.stats.likelihood import CLASSIFICATION, GAUSSIAN, LIKELIHOODS, MULTICLASS, one_hot
from kanlab.stats.metrics import LeftOut


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
    def se(residual: Array, reference: Array) -> float:
        return LeftOut.of(GAUSSIAN, residual, np.zeros(len(residual)), reference**2).press_se

    reference, residual = np.array([3.0, 1.0, 2.0, 0.0]), np.array([1.0, 1.0, 2.0, 1.0])
    terms = np.array([8.0, 0.0, 0.0, -1.0])
    assert se(residual, reference) == pytest.approx(2 * terms.std(ddof=1))
    assert se(reference, reference) == 0.0
    rng = np.random.default_rng(1)  # and it is what the sum varies by from sample to sample
    draws, ses = [], []
    for _ in range(2000):
        a, b = rng.normal(size=50), 1.3 * rng.normal(size=50)
        draws.append(np.sum(b**2 - a**2))
        ses.append(se(a, b))
    assert np.mean(ses) == pytest.approx(np.std(draws), rel=0.05)


def test_every_baseline_is_held_against_the_linear_model(small: Dataset) -> None:
    reference = reference_losses(small)
    assert reference is not None
    by_family = {b.family: b for b in baselines(small)}
    assert by_family["linear"].press == pytest.approx(float(reference.sum()))
    assert by_family["linear"].press_se == 0.0
    assert all(b.press is not None and b.press >= b.rss_train for b in by_family.values())


def test_the_mean_is_the_reference_where_the_linear_model_has_no_aicc() -> None:
    X, y = rows(10, 8)
    data = Dataset.from_frame(pd.DataFrame(X, columns=list("abcdefgh")).assign(y=y), "y", test_fraction=0.0)
    linear = next(b for b in baselines(data) if b.family == "linear")
    assert linear.aicc is None
    left_out = LEFT_OUT["constant"](data.X_train, data.y_train)
    np.testing.assert_allclose(reference_losses(data), left_out**2, rtol=1e-12)


def test_too_many_rows_are_not_left_out(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MOST_ROWS", small.n - 1)
    assert reference_losses(small) is None
    assert {b.press for b in baselines(small)} == {None}


def test_rows_are_left_out_once_a_family_and_only_where_it_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many classes and features that takes nearly all the time, and the Data page needs the fits alone."""
    X, y = class_table(4, 90)
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=np.array(list("pqrs"))[y.argmax(axis=1)])
    data, left_out, calls = Dataset.from_frame(frame, "y", test_fraction=0.0), logistic.Newton.left_out, []
    monkeypatch.setattr(logistic.Newton, "left_out", lambda found: calls.append(found) or left_out(found))
    fits = baselines(data, families=("constant", "linear"), left_out=False)
    assert not calls
    held = baselines(data)
    assert len(calls) == 2  # logistic regression and ridge
    assert [(b.family, b.aicc, b.misfit) for b in fits] == [(b.family, b.aicc, b.misfit) for b in held[:2]]
    assert [b.press is None for b in (*fits, *held)] == [True] * 2 + [False] * 3


def class_table(classes: int, n: int = 60) -> tuple[Array, Array]:
    """X (n, 3), and y as a fit takes it, of classes that planes do not separate."""
    rng = np.random.default_rng(4)
    X = rng.normal(size=(n, 3))
    logits = np.column_stack([X[:, 0], -X[:, 1], *[X[:, 2] ** 2 - 1] * (classes - 2)])
    number = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    return X, number.astype(float) if classes == 2 else one_hot(number, classes)


@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("family", ["constant", "linear", "ridge", "gam", "polynomial"])
def test_families_of_classes_near_refits_without_the_row(
    family: str, classes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One Newton step of each row against a fit without it, at the same penalty; knots and scales move a little as well."""
    monkeypatch.setattr(logistic, "PENALTIES", np.array([0.05]))
    monkeypatch.setattr(gam, "KNOTS", 4)
    X, y = class_table(classes)
    task = CLASSIFICATION if classes == 2 else MULTICLASS
    found = fit_named(family, X, y, task=task).left_out
    assert found is not None
    exact = []
    for i in range(len(y)):
        others = np.arange(len(y)) != i
        exact.append(fit_named(family, X[others], y[others], task=task).predict(X[i : i + 1])[0])
    likelihood, number = LIKELIHOODS[task], y if classes == 2 else y.argmax(axis=1)
    losses, wanted = likelihood.losses(found(), number), likelihood.losses(exact, number)
    within = {"constant": 1e-9, "gam": 0.08, "polynomial": 0.08}.get(family, 0.02)
    assert losses.sum() == pytest.approx(wanted.sum(), rel=within)
    assert np.corrcoef(losses, wanted)[0, 1] > (0.97 if within > 0.02 else 0.995)


def test_a_row_of_classes_that_decides_its_own_prediction_is_fitted_again() -> None:
    X, y = class_table(2)
    X[:, 1] = 0.0
    X[7, 1] = 1.0  # without this row the column is constant
    found = logistic.linear(X, y).left_out
    others = np.arange(len(y)) != 7
    exact = logistic.linear(X[others], y[others]).predict(X[7:8] * [1, 0, 1])[0]
    assert found is not None
    assert found()[7] == pytest.approx(exact, abs=0.03)
    assert np.abs(logistic.linear(X, y).predict(X)[7] - y[7]) < 1e-3


def test_every_baseline_of_classes_is_held_against_logistic_regression() -> None:
    X, y = class_table(4, 90)
    frame = pd.DataFrame(X, columns=list("abc")).assign(y=np.array(list("pqrs"))[y.argmax(axis=1)])
    data = Dataset.from_frame(frame, "y", test_fraction=0.0)
    reference, found = reference_losses(data), {b.family: b for b in baselines(data)}
    assert reference is not None
    assert found["linear"].press == pytest.approx(reference.sum())
    assert found["linear"].press_se == 0.0
    for model in found.values():
        assert model.press is not None
        assert model.classes is not None
        assert model.press > model.misfit
        assert model.classes.accuracy_loo is not None
        assert 0.0 < model.classes.accuracy_loo < 1.0
    shares, linear = found["constant"], found["linear"]
    assert shares.classes is not None
    assert linear.classes is not None
    assert shares.classes.press_se_shares == pytest.approx(0.0, abs=1e-9)
    assert linear.classes.press_se_shares == pytest.approx(shares.press_se)  # the same difference, the other way round
