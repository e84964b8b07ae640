"""The baselines against ordinary least squares of statsmodels."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn import datasets

from kanlab.dataset import Dataset
from kanlab.families import Baseline, baselines

DIABETES = Dataset.from_frame(datasets.load_diabetes(as_frame=True).frame, "target", seed=2)
LONGLEY = Dataset.from_frame(sm.datasets.longley.load_pandas().data, "TOTEMP", ["GNP", "UNEMP", "ARMED"], seed=2)


def reference(data: Dataset, design: np.ndarray) -> tuple[float, float, float]:
    """RSS and log-likelihood of OLS on a design, and the RSS of its predictions of the test rows."""
    rows = data.n
    fit = sm.OLS(data.y_train, design[:rows]).fit()
    return fit.ssr, fit.llf, float(np.sum((fit.predict(design[rows:]) - data.y_test) ** 2))


@pytest.mark.parametrize("data", [DIABETES, LONGLEY], ids=["diabetes", "longley"])
@pytest.mark.parametrize("count_sigma2", [True, False])
def test_baselines_are_ordinary_least_squares(data: Dataset, count_sigma2: bool) -> None:
    X = np.vstack([data.X_train, data.X_test])
    designs = {"constant": np.ones((len(X), 1)), "linear": sm.add_constant(X, has_constant="add")}
    found = baselines(data, count_sigma2=count_sigma2)
    assert [b.family for b in found] == ["constant", "linear"]
    for b in found:
        rss, llf, rss_test = reference(data, designs[b.family])
        K = designs[b.family].shape[1] + count_sigma2
        assert b.n_params == K
        assert b.rss_train == pytest.approx(rss, rel=1e-9)
        assert b.rss_test == pytest.approx(rss_test, rel=1e-7)
        aicc = -2 * llf + 2 * K * data.n / (data.n - K - 1) - data.n * (1 + math.log(2 * math.pi))
        assert b.aicc == pytest.approx(aicc, rel=1e-9)


def test_collinear_columns_count_once() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 80))
    frame = pd.DataFrame(
        {"a": a, "b": b, "sum": 3 * a - b + 5, "celsius": a, "kelvin": a * 1e3 + 273, "y": a + rng.normal(size=80)}
    )
    linear = baselines(Dataset.from_frame(frame, "y"))[1]
    alone = baselines(Dataset.from_frame(frame, "y", ["a", "b"]))[1]
    assert linear.n_params == alone.n_params == 3 + 1
    assert linear.rss_train == pytest.approx(alone.rss_train, rel=1e-9)
    assert linear.rss_test == pytest.approx(alone.rss_test, rel=1e-9)


def test_scales_and_offsets_do_not_matter() -> None:
    """A column as large and as far off as stock pykan cannot bear."""
    rng = np.random.default_rng(1)
    X, noise = rng.normal(size=(80, 2)), rng.normal(size=80)
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": X @ [1, 2] + noise})
    moved = frame.assign(a=frame["a"] * 1e-6 + 1e3, b=frame["b"] * 1e9 - 1e12, y=frame["y"] * 1e3 + 1e7)
    for b, m in zip(baselines(Dataset.from_frame(frame, "y")), baselines(Dataset.from_frame(moved, "y")), strict=True):
        assert m.n_params == b.n_params
        assert m.rss_train == pytest.approx(1e6 * b.rss_train, rel=1e-4)
        assert b.aicc is not None
        assert m.aicc == pytest.approx(b.aicc + 64 * math.log(1e6), rel=1e-4)


def test_more_columns_than_rows() -> None:
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(12, 31)), columns=[*(f"x{i}" for i in range(30)), "y"])
    linear = baselines(Dataset.from_frame(frame, "y", test_fraction=0))[1]
    assert linear.n_params == 12 + 1
    assert linear.aicc is None


def test_without_test_rows() -> None:
    data = replace(DIABETES, X_test=DIABETES.X_test[:0], y_test=DIABETES.y_test[:0])
    assert [b.rss_test for b in baselines(data)] == [None, None]


def test_an_exact_fit_has_no_aicc_of_minus_infinity() -> None:
    x = np.arange(20.0)
    linear = baselines(Dataset.from_frame(pd.DataFrame({"x": x, "y": 2 * x + 1}), "y"))[1]
    assert linear.aicc is None or math.isfinite(linear.aicc)
    assert linear.rss_train < 1e-20


def test_round_trip() -> None:
    for b in baselines(LONGLEY):
        assert Baseline(**b.to_dict()) == b
