"""Intervals from rows left out: against crepes, brute force and closed forms, and what holds for all of them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import scipy.stats
from crepes import ConformalRegressor
from hypothesis import given, settings
from hypothesis import strategies as st

from kanlab.arrays import Array
from kanlab.stats.interval_bounds import (
    MOST_SCORES,
    class_sets,
    interval_bounds,
    mass_before,
    score_quantile,
    share_held,
    student_quantile,
)
from kanlab.stats.intervals import Rows, inflation, interval_record, residuals
from kanlab.stats.likelihood import POISSON

LEVELS = (0.5, 0.8, 0.9, 0.95)


def rows(n: int, seed: int, spread: float = 0.0, d: int = 2) -> Rows:
    """Residuals that are normal; spread: how much larger they get with the first input."""
    rng = np.random.default_rng(seed)
    X, f = rng.uniform(-1, 1, (n, d)), rng.normal(size=n)
    return Rows(f, f + np.exp(spread * X[:, 0]) * rng.normal(size=n), X)


def bounds(record: dict[str, Any], of: Rows, level: float) -> tuple[Array, Array]:
    return interval_bounds(record, of.predicted, of.X, level)


@pytest.mark.parametrize("n", [30, 97, 500])
def test_against_crepes(n: int) -> None:
    """The same residuals give the same intervals as a conformal regressor's."""
    known, new = rows(n, 1), rows(20, 2)
    record = interval_record(known, None, "regression")
    assert (record["scale"], record["tails"]) == (None, 1)
    reference = ConformalRegressor().fit(known.y - known.predicted)
    for level in LEVELS:
        low, high = bounds(record, new, level)
        expected = reference.predict_int(new.predicted, confidence=level)
        np.testing.assert_allclose(np.column_stack([low, high]), expected, rtol=1e-12)


def test_the_promise_is_kept_exactly() -> None:
    """Of n + 1 values alike the last lies within the ceil((n + 1) level)-th smallest score of the others just so often."""
    rng, hits, n = np.random.default_rng(3), [], 19
    for _ in range(2000):
        y = rng.standard_t(3, n + 1)
        record = interval_record(Rows(np.zeros(n), y[:n], np.zeros((n, 1))), None, "regression")
        low, high = interval_bounds(record, np.zeros(1), np.zeros((1, 1)), 0.8)
        hits.append(low[0] <= y[n] <= high[0])
    assert np.mean(hits) == pytest.approx(0.8, abs=3 * np.sqrt(0.16 / 2000))


def test_where_residuals_fan_out_intervals_do() -> None:
    known, new = rows(400, 4, spread=1.5), rows(4000, 5, spread=1.5)
    record = interval_record(known, new, "regression")
    assert record["scale"]["of"] == "inputs"
    low, high = bounds(record, new, 0.9)
    inside = (low <= new.y) & (new.y <= high)
    plain = known.y - known.predicted
    for part in (new.X[:, 0] < -0.5, new.X[:, 0] > 0.5):
        assert inside[part].mean() == pytest.approx(0.9, abs=0.05)
    assert np.mean(high - low) < 2 * np.quantile(np.abs(plain), 0.9)
    assert share_held(record, 0.9) == pytest.approx(inside.mean())
    assert interval_record(rows(400, 6), None, "regression")["scale"] is None


def test_the_spread_does_not_see_the_outcome() -> None:
    """The mean of the others falls as a row's own outcome rises: by it every spread would look large where residuals are."""
    y = np.random.default_rng(7).normal(size=200) ** 3
    left_out = (y.sum() - y) / (len(y) - 1)
    X = np.random.default_rng(8).normal(size=(200, 2))
    record = interval_record(Rows(left_out, y, X, np.full(200, y.mean())), None, "regression")
    assert record["scale"] is None


def test_one_sided_errors_have_two_lengths() -> None:
    rng = np.random.default_rng(9)
    f, X = rng.normal(size=300), rng.uniform(-1, 1, (300, 1))
    record = interval_record(Rows(f, f + rng.exponential(size=300) - 1, X), None, "regression")
    assert record["tails"] == 2
    low, high = interval_bounds(record, np.zeros(1), np.zeros((1, 1)), 0.9)
    assert -low[0] == pytest.approx(1 + np.log(0.95), abs=0.1)
    assert high[0] == pytest.approx(-np.log(0.05) - 1, abs=0.4)


def test_few_rows_have_the_tail_of_students_t() -> None:
    """Five rows say nothing of 99%; the interval is that of a normal sample then, and no shorter than the longest score."""
    y = np.array([-1.0, 0.5, 0.2, -0.4, 0.9])
    record = interval_record(Rows(np.zeros(5), y, np.zeros((5, 1))), None, "regression")
    for level in (0.9, 0.99):
        _, high = interval_bounds(record, np.zeros(1), np.zeros((1, 1)), level)
        spread = np.sqrt(np.mean(y**2) * 6 / 4)
        expected = max(1.0, scipy.stats.t.ppf((1 + level) / 2, 4) * spread)
        assert high[0] == pytest.approx(expected, rel=0.05)
    for freedom in (3, 10, 100):
        assert student_quantile(0.975, freedom) == pytest.approx(scipy.stats.t.ppf(0.975, freedom), rel=0.01)


def test_many_rows_keep_a_thousand_scores() -> None:
    known = rows(5000, 10)
    record = interval_record(known, None, "regression")
    assert (record["rows"], len(record["scores"])) == (5000, MOST_SCORES)
    scores = np.sort(np.abs(known.y - known.predicted))
    for level in LEVELS:
        exact = scores[int(np.ceil(5001 * level)) - 1]
        assert exact <= score_quantile(record, level, upper=True) <= scores[int(np.ceil(5001 * level)) + 6]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(3, 60), st.sampled_from(["regression", "counts"]), st.booleans())
def test_intervals_are_nested_and_hold_the_prediction(seed: int, n: int, task: str, lopsided: bool) -> None:
    rng = np.random.default_rng(seed)
    f, X = np.exp(rng.normal(size=n)), rng.normal(size=(n, 2))
    y = (
        rng.poisson(f).astype(float)
        if task == "counts"
        else f + (rng.exponential(size=n) if lopsided else rng.normal(size=n))
    )
    record = json.loads(json.dumps(interval_record(Rows(f, y, X), Rows(f, y, X), task)))  # type: ignore[arg-type]
    before = f, f
    for level in (0.01, 0.3, 0.5, 0.9, 0.97, 0.999):
        low, high = interval_bounds(record, f, X, level)
        assert (low <= f).all()
        assert (f <= high).all()
        assert (low <= before[0]).all()
        assert (before[1] <= high).all()
        assert np.isfinite(low).all()
        assert np.isfinite(high).all()
        before = low, high
    assert np.all(np.diff(record["held"]) >= 0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_bounds_of_counts_are_the_counts_of_no_larger_deviance(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mean = float(np.exp(rng.uniform(-3, 5)))
    y = rng.poisson(mean, 50).astype(float)
    record = interval_record(Rows(np.full(50, mean), y, np.zeros((50, 1))), None, "counts")
    low, high = interval_bounds(record, np.array([mean]), np.zeros((1, 1)), 0.9)
    counts = np.arange(0.0, 2000.0)
    root = residuals(np.full(2000, mean), counts, "counts")
    inside = counts[
        (root >= -score_quantile(record, 0.9, upper=False)) & (root <= score_quantile(record, 0.9, upper=True))
    ]
    assert low[0] == min([np.floor(mean), *inside])
    assert high[0] == max([np.ceil(mean), *inside])
    assert POISSON.losses([mean], [low[0]])[0] >= 0


def test_sets_of_classes_by_hand_and_their_promise() -> None:
    p = np.array([[0.6, 0.3, 0.1], [0.2, 0.3, 0.5]])
    np.testing.assert_allclose(mass_before(p), [[0, 0.6, 0.9], [0.8, 0.5, 0]])
    rng = np.random.default_rng(11)
    odds = rng.dirichlet([1.0, 1.0, 1.0, 1.0], 4000)
    y = np.array([rng.choice(4, p=row) for row in odds])
    X = np.zeros((4000, 1))
    record = interval_record(Rows(odds[:1000], y[:1000], X[:1000]), Rows(odds[1000:], y[1000:], X[1000:]), "multiclass")
    before = np.zeros((3000, 4), dtype=bool)
    for level in (0.3, 0.8, 0.9, 0.95):
        sets = class_sets(record, odds[1000:], level)
        assert sets[np.arange(3000), odds[1000:].argmax(axis=1)].all()
        assert (before <= sets).all()
        covered = sets[np.arange(3000), y[1000:]].mean()
        assert share_held(record, level) == pytest.approx(covered)
        assert covered > level - 3 * np.sqrt(0.25 / 1000)
        before = sets
    assert covered < 0.98


def test_sets_of_two_classes() -> None:
    p, y = np.array([0.9, 0.8, 0.3, 0.6, 0.1]), np.array([1.0, 1.0, 0.0, 0.0, 0.0])
    record = interval_record(Rows(p, y, np.zeros((5, 1))), None, "classification")
    assert record["scores"] == pytest.approx([0, 0, 0, 0, 0.6])
    assert class_sets(record, np.array([0.4, 0.55]), 0.6).tolist() == [[True, False], [False, True]]
    assert class_sets(record, np.array([0.4, 0.7]), 0.8).tolist() == [[True, True], [False, True]]  # q = 0.6
    assert class_sets(record, np.array([0.01]), 0.95).tolist() == [[True, True]]  # five rows say nothing of 95%


def test_what_the_search_has_spent_makes_intervals_longer() -> None:
    assert inflation(100, 10.0, 20.0) == pytest.approx(0.9 / 0.8)
    assert inflation(100, None, None) == 1.0
    assert inflation(20, 15.0, 30.0) == 2.0
    plain, longer = (interval_record(rows(60, 12), None, "regression", factor) for factor in (1.0, 1.5))
    np.testing.assert_allclose(longer["scores"], 1.5 * np.array(plain["scores"]))


@pytest.mark.parametrize("y", [[1.0, 1.0, 1.0], [0.0, 0.0, 5.0]])
def test_rows_that_are_all_predicted_exactly(y: list[float]) -> None:
    known = Rows(np.array(y), np.array(y), np.zeros((3, 1)))
    record = interval_record(known, known, "regression")
    low, high = bounds(record, known, 0.9)
    assert low.tolist() == high.tolist() == y
