"""Mutual information against what is known of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import mutual_info_regression

from kanlab.data.mutual_information import mutual_information, relevance


def test_independent_columns_score_nothing_and_a_copy_everything() -> None:
    rng = np.random.default_rng(0)
    y = rng.normal(size=4000)
    X = np.column_stack([rng.normal(size=4000), y, -(y**3), np.abs(y)])
    noise, copy, monotone, folded = mutual_information(X, y)
    assert noise < 0.02
    assert copy > 2.5
    assert monotone == pytest.approx(copy)
    assert 1.5 < folded < copy


def test_a_correlated_pair_has_the_information_of_the_formula() -> None:
    rng, rho = np.random.default_rng(1), 0.8
    x = rng.normal(size=20_000)
    y = rho * x + np.sqrt(1 - rho**2) * rng.normal(size=20_000)
    (found,) = mutual_information(x[:, None], y)
    assert found == pytest.approx(-0.5 * np.log(1 - rho**2), abs=0.06)


def test_the_order_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, (800, 5))
    y = 2 * np.sin(3 * X[:, 3]) + X[:, 1] ** 2 + 0.3 * rng.normal(size=800)
    ours, theirs = mutual_information(X, y), mutual_info_regression(X, y, random_state=0)
    assert np.argsort(-ours)[:2].tolist() == np.argsort(-theirs)[:2].tolist() == [3, 1]


def test_gaps_constants_and_few_values() -> None:
    y = np.repeat([0.0, 1.0], 50)
    X = np.column_stack([np.zeros(100), np.where(y > 0, np.nan, 1.0), y])
    constant, gaps, copy = mutual_information(X, y)
    assert constant == 0
    assert gaps == pytest.approx(copy) == pytest.approx(np.log(2), abs=0.01)


def test_the_columns_of_a_table() -> None:
    rng = np.random.default_rng(4)
    y = rng.normal(size=500)
    frame = pd.DataFrame(
        {
            "kind": np.where(y > 0, "up", "down"),
            "when": pd.to_datetime("2024-01-01") + pd.to_timedelta(np.round(y * 1000), "D"),
            "noise": rng.normal(size=500),
            "y": y,
        }
    )
    frame.loc[:20, ["y", "when"]] = None
    told = relevance(frame, "y")
    assert told["when"] > told["kind"] > 0.5 > 0.1 > told["noise"]
    assert relevance(frame.head(3), "y") == dict.fromkeys(["kind", "when", "noise"], 0.0)
