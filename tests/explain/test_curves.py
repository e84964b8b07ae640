"""Curves of classes against scikit-learn, the rootogram against Poisson probabilities."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import poisson
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_curve

from kanlab.explain import curves


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(5, 60), st.booleans())
def test_they_are_those_of_scikit_learn(seed: int, n: int, ties: bool) -> None:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n).astype(float)
    y[:2] = 0.0, 1.0
    p = rng.integers(1, 6, n) / 6.0 if ties else rng.random(n)
    false, true, threshold = roc_curve(y, p, drop_intermediate=False)
    ours = curves.roc(p, y)
    np.testing.assert_allclose(ours, np.column_stack([false, true, threshold]))
    precision, recall, threshold = precision_recall_curve(y, p)
    ours = curves.precision_recall(p, y).iloc[::-1]
    np.testing.assert_allclose(ours, np.column_stack([recall[:-1], precision[:-1], threshold]))
    np.testing.assert_allclose(curves.average_precision(p, y), average_precision_score(y, p))
    gains = curves.gains(p, y)
    assert (np.diff(gains["found"]) >= 0).all()
    assert gains.iloc[-1].tolist() == [1.0, 1.0, 1.0]


def test_a_drawn_curve_is_short_and_keeps_its_ends() -> None:
    curve = pd.DataFrame({"x": np.arange(5000.0)})
    found = curves.thinned(curve)
    assert len(found) <= curves.MOST_POINTS
    assert found["x"].iloc[[0, -1]].tolist() == [0.0, 4999.0]


def test_expected_counts_are_sums_of_poisson_probabilities() -> None:
    rng = np.random.default_rng(0)
    mu = rng.uniform(0.2, 6.0, 300)
    y = rng.poisson(mu).astype(float)
    found = curves.rootogram(mu, y)
    k = found["count"].to_numpy()[:-1]
    np.testing.assert_allclose(found["expected"][:-1], poisson.pmf(k[:, None], mu).sum(axis=1))
    np.testing.assert_allclose(found[["observed", "expected"]].sum(), 300.0)
    assert curves.rootogram(mu, 500.0 * y)["count"].max() == 40
