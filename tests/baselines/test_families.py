"""The families against statsmodels, scikit-learn and exact hat matrices."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from sklearn import datasets
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import PolynomialFeatures, SplineTransformer, StandardScaler

from kanlab.baselines import gam as gam_family
from kanlab.baselines import logistic
from kanlab.baselines import polynomial as polynomial_family
from kanlab.baselines.linear import ridge, stepwise
from kanlab.baselines.registry import (
    BASELINES,
    CLASSIFIERS,
    COMPARISON_FAMILIES,
    LABELS,
    OPTIONAL_FAMILIES,
    Baseline,
    baselines,
    comparison_family,
    fit_named,
)
from kanlab.data.dataset import Dataset
from kanlab.stats.criteria import aicc
from kanlab.stats.generalised_dof import divergence

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
    assert [b.family for b in found] == ["constant", "linear", "stepwise", "ridge"]
    for b in found[:2]:
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
        assert m.n_params == pytest.approx(b.n_params)
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
    assert [b.rss_test for b in baselines(data)] == [None] * 4


def test_an_exact_fit_has_no_aicc_of_minus_infinity() -> None:
    x = np.arange(20.0)
    linear = baselines(Dataset.from_frame(pd.DataFrame({"x": x, "y": 2 * x + 1}), "y"))[1]
    assert linear.aicc is None or math.isfinite(linear.aicc)
    assert linear.rss_train < 1e-20


def test_round_trip() -> None:
    for b in baselines(LONGLEY):
        assert Baseline.from_dict(b.to_dict()) == b


# ---- stepwise and ridge


def forward_selection(X: np.ndarray, y: np.ndarray) -> list[int]:
    """Forward selection by AICc with a fit of statsmodels at every step."""
    n, chosen = len(y), list[int]()

    def value(columns: list[int]) -> float:
        return aicc(sm.OLS(y, sm.add_constant(X[:, columns], has_constant="add")).fit().ssr, n, len(columns) + 2)

    while len(chosen) < X.shape[1]:
        entering = min((j for j in range(X.shape[1]) if j not in chosen), key=lambda j: value([*chosen, j]))
        if value([*chosen, entering]) >= value(chosen):
            break
        chosen.append(entering)
    return chosen


@pytest.mark.parametrize("seed", range(6))
def test_stepwise_is_forward_selection(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(40, 9)) @ rng.normal(size=(9, 9)) * rng.uniform(0.01, 100, 9) + rng.uniform(-50, 50, 9)
    y = 2 * X[:, 1] / X[:, 1].std() - X[:, 4] / X[:, 4].std() + rng.normal(size=40)
    chosen = forward_selection(X, y)
    assert 0 < len(chosen) < 9
    reference = sm.OLS(y, sm.add_constant(X[:, chosen])).fit()
    fitted = stepwise(X, y)
    assert len(chosen) + 1 <= (fitted.dof or 0.0) <= 10 + 2
    np.testing.assert_allclose(fitted.predict(X), reference.fittedvalues, rtol=1e-8, atol=1e-8)


def test_stepwise_of_pure_noise_and_of_an_exact_line() -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(50, 4))
    noise = np.linalg.qr(np.column_stack([np.ones(50), X, rng.normal(size=50)]))[0][:, -1]  # orthogonal to all of X
    np.testing.assert_allclose(stepwise(X, noise).predict(X), noise.mean())
    line = stepwise(X, 3 * X[:, 2] + 1)
    np.testing.assert_allclose(line.predict(X), 3 * X[:, 2] + 1, atol=1e-12)
    duplicated = stepwise(np.column_stack([X, X]), 3 * X[:, 2] - X[:, 0] + 0.1 * noise)
    assert 3 <= (duplicated.dof or 0.0) < 6


def test_the_search_of_stepwise_is_counted() -> None:
    """Its dof are those of Ye's perturbations of y and fits from scratch; on noise far more than one."""
    rng = np.random.default_rng(8)
    X, y = rng.normal(size=(60, 12)), rng.normal(size=60)
    fitted = stepwise(X, y)
    size = 0.5 * np.sqrt(np.mean((fitted.predict(X) - y) ** 2))
    draws = [
        divergence(lambda v: stepwise(X, v).predict(X), y, size * rng.choice([-1.0, 1.0], 60)) for _ in range(60)
    ]  # fmt: skip
    error = np.hypot(np.std(draws) / 60**0.5, np.std(draws) / 40**0.5)
    assert abs(np.mean(draws) - (fitted.dof or 0.0)) < 4 * error
    assert (fitted.dof or 0.0) > 3


def smoother(Z: np.ndarray, penalty: float) -> np.ndarray:
    """The exact hat matrix of ridge with an unpenalised intercept on centred columns."""
    n = len(Z)
    Z = Z - Z.mean(axis=0)
    return np.ones((n, n)) / n + Z @ np.linalg.solve(Z.T @ Z + penalty * np.eye(Z.shape[1]), Z.T)


def lowest_aicc(Z: np.ndarray, y: np.ndarray, Z_new: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Trace of the hat matrix, RSS and predictions of scikit-learn's ridge at the penalty of lowest AICc."""
    n, best = len(y), (np.inf, 0.0, 0.0, np.zeros(0))
    for penalty in np.geomspace(1e-4, 1e5, 60) * n:
        model = Ridge(penalty).fit(Z, y)
        rss, dof = float(np.sum((model.predict(Z) - y) ** 2)), float(np.trace(smoother(Z, penalty)))
        best = min(best, (aicc(rss, n, dof + 1), dof, rss, model.predict(Z_new)), key=lambda found: found[0])
    return best[1:]


X_NEW = np.random.default_rng(9).normal(size=(25, 3))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", ["ridge", "polynomial", "gam"])
def test_penalised_families_against_hat_matrices_and_scikit_learn(family: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(70, 3))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * rng.normal(size=70)
    if family == "ridge":
        fitted, expand = ridge(X, y), StandardScaler().fit(X)
        terms, new = expand.transform(X), expand.transform(X_NEW)
    elif family == "polynomial":
        fitted, scaler = polynomial_family.fit(X, y), StandardScaler().fit(X)
        cubes = PolynomialFeatures(3, include_bias=False)
        terms, new = cubes.fit_transform(scaler.transform(X)), cubes.transform(scaler.transform(X_NEW))
    else:
        fitted = gam_family.fit(X, y)
        splines = SplineTransformer(10, degree=3, knots="quantile", extrapolation="linear", include_bias=False)
        terms, new = splines.fit_transform(X), splines.transform(X_NEW)
    scaler = StandardScaler().fit(terms)
    dof, rss, predicted = lowest_aicc(scaler.transform(terms), y, scaler.transform(new))
    assert fitted.dof == pytest.approx(dof, rel=1e-8)
    assert float(np.sum((fitted.predict(X) - y) ** 2)) == pytest.approx(rss, rel=1e-8)
    np.testing.assert_allclose(fitted.predict(X_NEW), predicted, rtol=1e-6, atol=1e-8)


def test_ridge_says_something_where_the_full_model_cannot() -> None:
    """n about 2d: AICc rejects the full linear model for the mean, and is wrong; ridge or stepwise are not rejected."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 19))
    y = X[:, :6] @ np.ones(6) + 2.0 * rng.normal(size=40)
    constant, full, chosen, shrunk = baselines(
        Dataset.from_frame(pd.DataFrame(X).assign(y=y), "y", test_fraction=0, name="wide")
    )
    assert full.aicc is not None
    assert constant.aicc is not None
    assert full.aicc > constant.aicc
    assert min(chosen.aicc or 0, shrunk.aicc or 0) < constant.aicc - 10


# ---- the families fitted when a study is validated


@pytest.mark.parametrize("family", COMPARISON_FAMILIES)
def test_comparison_families(family: str) -> None:
    found = comparison_family(family, DIABETES, count_sigma2=True, seed=1)
    constant, linear = baselines(DIABETES)[:2]
    assert (found.n_params is None) == (found.aicc is None) == (family in ("mlp", "boosting"))
    assert 0 < found.rss_train < constant.rss_train
    assert found.rss_test is not None
    assert linear.rss_test is not None
    assert found.rss_test < 1.5 * linear.rss_test
    assert found == comparison_family(family, DIABETES, count_sigma2=True, seed=1)
    if found.n_params is not None and found.aicc is not None:
        assert found.aicc == pytest.approx(aicc(found.rss_train, DIABETES.n, found.n_params))
        less = comparison_family(family, DIABETES, count_sigma2=False, seed=1)
        assert less.n_params == pytest.approx(found.n_params - 1)


@pytest.mark.parametrize("family", [*BASELINES, *COMPARISON_FAMILIES])
def test_columns_that_are_binary_constant_or_repeated(family: str) -> None:
    """What a fold of a real table can hold."""
    rng = np.random.default_rng(4)
    a, flag = rng.normal(size=60), (rng.uniform(size=60) < 0.2).astype(float)
    X = np.column_stack([a, flag, np.ones(60), a, rng.integers(0, 3, 60)])
    y = a + flag + 0.1 * rng.normal(size=60)
    rss = np.sum((y[45:] - fit_named(family, X[:45], y[:45]).predict(X[45:])) ** 2)
    assert np.isfinite(rss)
    if family != "constant":
        assert rss < np.sum((y[45:] - y[:45].mean()) ** 2)


def test_every_family_has_a_label() -> None:
    assert set(LABELS) == set(BASELINES) | set(COMPARISON_FAMILIES) | set(OPTIONAL_FAMILIES)


# ---- two classes


def classes(n: int = 120, d: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(3.0, 20.0, (n, d))
    return X, (rng.random(n) < 1 / (1 + np.exp(-(X[:, 0] - 3) / 20))).astype(float)


@pytest.mark.parametrize("penalty", [0.5, 20.0])
def test_penalised_logistic_regression_is_that_of_scikit_learn(penalty: float) -> None:
    X, y = classes()
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    known = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10_000).fit(Z, y)
    b = logistic.newton(Z, y, penalty).b[:, 0]
    np.testing.assert_allclose(b, [known.intercept_[0], *known.coef_[0]], atol=1e-5)


def test_the_dof_of_ridge_logistic_are_the_trace_of_its_hat_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logistic, "PENALTIES", np.array([0.1]))
    X, y = classes()
    fitted = logistic.ridge(X, y)
    Z = (X - X.mean(axis=0)) / X.std(axis=0)
    A, p = np.column_stack([np.ones(len(Z)), Z]), fitted.predict(X)
    root = np.sqrt(p * (1 - p))[:, None]
    hat = root * A @ np.linalg.solve((A * root**2).T @ A + np.diag([0.0, 12.0, 12.0, 12.0]), (A * root).T)
    assert fitted.dof == pytest.approx(np.trace(hat))


def test_ridge_logistic_takes_the_penalty_of_least_aicc() -> None:
    X, y = classes(60, 20)
    assert logistic.ridge(X, y).dof < 10
    linear = logistic.linear(X, y)
    assert linear.dof == 21


def test_classes_that_a_plane_separates() -> None:
    X, _ = classes()
    y = (X[:, 0] > 3).astype(float)
    for fit in (logistic.linear, logistic.ridge):
        p = fit(X, y).predict(X)
        assert np.isfinite(p).all()
        assert np.mean((p >= 0.5) == (y == 1)) > 0.97


@pytest.mark.parametrize("family", [*CLASSIFIERS, *COMPARISON_FAMILIES])
def test_every_family_tells_classes_apart(family: str) -> None:
    X, y = classes(200)
    X = np.column_stack([X, np.ones(200), X[:, 0], X[:, 1] > 0])
    for target in (y, np.zeros(200)):
        p = fit_named(family, X, target, 0, "classification").predict(X)
        assert p.shape == (200,)
        assert ((p >= 0) & (p <= 1)).all()
        assert np.mean((p - target) ** 2) <= np.mean((target.mean() - target) ** 2) + 1e-6
