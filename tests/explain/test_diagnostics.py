"""Diagnostics: influence against statsmodels, tests against SciPy and statsmodels, verdicts on what was put into the rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats
from statsmodels.stats.diagnostic import het_breuschpagan, linear_reset
from statsmodels.stats.outliers_influence import OLSInfluence

from kanlab.data import changed
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.errors import DatasetError
from kanlab.explain import class_checks, residual_checks
from kanlab.explain.average import AveragedModel
from kanlab.explain.diagnostics import Diagnostics, diagnostics_of, normal_quantiles
from kanlab.explain.models import held_family
from kanlab.explain.residual_checks import Check
from kanlab.language import use
from kanlab.solver.fit import fit_cell

N = 150


def rows(seed: int = 0, n: int = N) -> tuple[np.random.Generator, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng, rng.uniform(-1, 1, (n, 2))


def dataset(y: np.ndarray, X: np.ndarray, task: str = "regression", fraction: float = 0.0) -> Dataset:
    plain = Preparation(target_scale="none")  # spread that grows with the target is to be found, not taken out
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y})
    return Dataset.from_frame(frame, "y", test_fraction=fraction, task=task, preparation=plain)


def of_linear(y: np.ndarray, X: np.ndarray, task: str = "regression") -> Diagnostics:
    data = dataset(y, X, task)
    return diagnostics_of(held_family(data, "linear", 0), data)


def test_influence_of_a_linear_model_is_that_of_statsmodels() -> None:
    rng, X = rows()
    y = X[:, 0] + 0.3 * rng.normal(size=N)
    of = of_linear(y, X).influence
    assert of is not None
    expected = OLSInfluence(sm.OLS(y, sm.add_constant(X)).fit())
    np.testing.assert_allclose(of.leverage, expected.hat_matrix_diag, rtol=1e-9)
    np.testing.assert_allclose(of.cook, expected.cooks_distance[0], rtol=1e-9)
    np.testing.assert_allclose(of.standardised, expected.resid_studentized_internal, rtol=1e-9)


@pytest.mark.parametrize("task", ["classification", "counts"])
def test_influence_of_glms_is_that_of_statsmodels(task: str) -> None:
    rng, X = rows(1)
    y = (rng.random(N) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(float)
    y = y if task == "classification" else rng.poisson(np.exp(X[:, 0])).astype(float)
    of = of_linear(y, X, task).influence
    assert of is not None
    family = sm.families.Binomial() if task == "classification" else sm.families.Poisson()
    expected = sm.GLM(y, sm.add_constant(X), family=family).fit().get_influence()
    np.testing.assert_allclose(of.leverage, expected.hat_matrix_diag, rtol=1e-4)
    np.testing.assert_allclose(of.cook, expected.cooks_distance[0], rtol=1e-3)


def test_of_two_classes_the_multinomial_distance_is_the_binomial_one() -> None:
    from kanlab.explain.bands import bands_of
    from kanlab.explain.influence import _distances

    rng, X = rows(1)
    y = (rng.random(N) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(float)
    data = dataset(y, X, "classification")
    bands = bands_of(held_family(data, "linear", 0), data)
    assert bands is not None
    of = diagnostics_of(bands.members[0].model, data).influence
    assert of is not None
    np.testing.assert_allclose(_distances(bands.members[0].covariance.smoother) / of.edf, of.cook, rtol=1e-4)


def test_a_row_that_decides_a_network_is_found_and_can_be_left_out() -> None:
    rng, X = rows(2, 60)
    y = np.sin(2 * X[:, 0]) + 0.1 * rng.normal(size=60)
    X[7], y[7] = (1.6, 0.0), -6.0
    data = dataset(y, X)
    found = diagnostics_of(fit_cell(X, y, 1, 3, 3), data)
    check = found.check("influence")
    assert check.departs
    assert found.most_influential["row"][0] == 8
    assert 7 in check.rows or "leverage above" in check.sentence
    assert found.most_influential.columns.tolist()[:5] == ["row", "cook", "leverage", "observed", "predicted"]
    without = changed.without_rows(data, [7])
    assert without.n == 59
    assert without.sha256 != data.sha256
    assert "1 training row left out for its influence" in without.notes[-1]
    with pytest.raises(DatasetError, match="one of them"):
        changed.without_rows(data, [60])
    with pytest.raises(DatasetError, match="too little"):
        changed.without_rows(data, range(55))


def test_rows_that_decide_are_named() -> None:
    small = np.full(40, 0.01)
    one, two = small.copy(), small.copy()
    one[3], two[[3, 9]] = 2.0, (2.0, 5.0)
    assert residual_checks.influential(one, small).sentence.startswith(
        "Row 4 decides the fit (Cook's distance up to 2.0,"
    )
    assert residual_checks.influential(two, small).sentence.startswith("Rows 10 and 4 decide the fit")
    assert residual_checks.influential(two, small).rows == (9, 3)
    pinned = residual_checks.influential(small, np.full(40, 0.95))
    assert pinned.sentence.startswith("40 of 40 rows decide their own prediction")
    assert residual_checks.influential(small, small).departs is False


def test_an_average_has_the_mean_of_the_leverages() -> None:
    rng, X = rows()
    y = np.sin(2 * X[:, 0]) + 0.2 * rng.normal(size=N)
    data = dataset(y, X)
    models = [fit_cell(X, y, 1, 3, 3), held_family(data, "linear", 0)]
    each = [diagnostics_of(m, data).influence for m in models]
    both = diagnostics_of(AveragedModel(models, [0.7, 0.3]), data).influence
    assert both is not None
    np.testing.assert_allclose(both.leverage, 0.7 * each[0].leverage + 0.3 * each[1].leverage)  # type: ignore[union-attr]
    boosting = diagnostics_of(held_family(data, "boosting", 0), data)
    assert boosting.influence is None
    assert boosting.check("influence").departs is None
    assert boosting.most_influential.empty


def test_the_tests_are_those_of_statsmodels_and_scipy() -> None:
    rng, X = rows(3)
    y = X[:, 0] + 0.4 * X[:, 0] ** 2 + (0.2 + 0.3 * (X[:, 0] > 0)) * rng.normal(size=N)
    fit = sm.OLS(y, sm.add_constant(X[:, :1])).fit()
    bend = residual_checks.bend(fit.resid, fit.fittedvalues)
    expected = linear_reset(fit, power=3, test_type="fitted", use_f=True)
    assert bend.p == pytest.approx(float(expected.pvalue), rel=1e-6)
    spread = residual_checks.spread(fit.resid, fit.fittedvalues)
    _, p, *_ = het_breuschpagan(fit.resid, sm.add_constant(fit.fittedvalues))
    assert spread.p == pytest.approx(p, rel=1e-6)
    normal = residual_checks.normality(fit.resid)
    assert normal.p == pytest.approx(float(stats.shapiro(fit.resid).pvalue))
    table = normal_quantiles(fit.resid)
    (theoretical, ordered), _ = stats.probplot(fit.resid)
    np.testing.assert_allclose(table["residual"], ordered)
    assert np.corrcoef(table["theoretical"], theoretical)[0, 1] > 0.9999


def verdict(found: Diagnostics, name: str) -> Check:
    return found.check(name)


def test_each_check_finds_what_was_put_in_and_nothing_else() -> None:
    rng, X = rows(4, 400)
    noise = rng.normal(size=400)
    clean = of_linear(X[:, 0] + 0.3 * noise, X)
    assert clean.departures == []
    assert all(c.sentence.endswith(".") for c in clean.checks)
    bent = of_linear(X[:, 0] + 2 * X[:, 0] ** 2 + 0.3 * noise, X)
    assert verdict(bent, "features").departs
    assert bent.by_feature["feature"][0] == "a"
    assert verdict(bent, "features").remedy == "wider"
    fanning = of_linear(np.exp(2 + X[:, 0] + 0.4 * noise), X)
    assert verdict(fanning, "spread").departs
    assert verdict(fanning, "spread").remedy == "log"
    assert verdict(fanning, "normality").departs
    drift = of_linear(X[:, 0] + np.sin(np.arange(400) / 30) + 0.3 * noise, X)
    assert verdict(drift, "order").departs
    assert verdict(drift, "order").remedy == "latest rows"
    heavy = of_linear(X[:, 0] + 0.3 * rng.standard_t(2.5, size=400), X)
    assert verdict(heavy, "normality").departs


def test_counts_are_held_against_poisson_counts() -> None:
    rng, X = rows(5, 400)
    mu = np.exp(0.5 + X[:, 0])
    plain = of_linear(rng.poisson(mu).astype(float), X, "counts")
    assert not verdict(plain, "dispersion").departs
    assert not verdict(plain, "zeros").departs
    wild = of_linear(rng.negative_binomial(1.0, 1 / (1 + mu)).astype(float), X, "counts")
    assert verdict(wild, "dispersion").departs
    assert changed.as_quantity(wild.data).task == "regression"
    inflated = of_linear(rng.poisson(3 * mu) * (rng.random(400) > 0.3) * 1.0, X, "counts")
    assert verdict(inflated, "zeros").departs
    with pytest.raises(DatasetError, match="no count"):
        changed.as_quantity(changed.as_quantity(wild.data))


@settings(max_examples=20, deadline=None)
@given(arrays(float, 60, elements=st.floats(0.02, 0.98)), st.integers(0, 1000))
def test_verdicts_of_classes_are_sentences_about_true_figures(p: np.ndarray, seed: int) -> None:
    y = (np.random.default_rng(seed).random(60) < p).astype(float)
    for check in (
        class_checks.calibrated(p, y, "test"),
        class_checks.ranking(p, y, "test", ["no", "yes"]),
        class_checks.confusion(p, y, "test", ["no", "yes"]),
    ):
        assert check.sentence.endswith(".")
        assert check.to_dict()["check"] == check.name
    if np.ptp(p) == 0.0:
        return
    low = class_checks.calibrated(np.clip(p, 0.02, 0.98), y, "test").p
    assert low is None or 0.0 <= low <= 1.0


def test_probabilities_that_are_too_sure_are_told() -> None:
    rng = np.random.default_rng(0)
    p = rng.uniform(0.05, 0.95, 2000)
    y = (rng.random(2000) < p).astype(float)
    assert class_checks.calibrated(p, y, "test").departs is False
    logit = np.log(p / (1 - p))
    sure = class_checks.calibrated(1 / (1 + np.exp(-2.5 * logit)), y, "test")
    assert sure.departs
    assert "too sure" in sure.sentence
    shy = class_checks.calibrated(1 / (1 + np.exp(-0.4 * logit)), y, "test")
    assert "not sure enough" in shy.sentence
    wide = np.column_stack([1 - p, 0.6 * p, 0.4 * p])
    drawn = np.array([rng.choice(3, p=w) for w in wide]).astype(float)
    assert class_checks.calibrated(wide, drawn, "test").departs is False
    assert class_checks.ranking(rng.random(40), np.tile([0.0, 1.0], 20), "test", ["a", "b"]).departs


def test_rows_hold_every_row_in_units_of_the_target() -> None:
    rng, X = rows(6, 100)
    y = np.exp(X[:, 0] + 0.1 * rng.normal(size=100))
    data = changed.with_log_target(dataset(y, X, fraction=0.2))
    found = diagnostics_of(fit_cell(data.X_train, data.y_train, 1, 3, 3), data)
    assert len(found.rows) == 100
    assert found.rows["rows"].value_counts().to_dict() == {"training": 80, "test": 20}
    np.testing.assert_allclose(sorted(found.rows["observed"]), sorted(y))
    assert found.rows.loc[found.rows["rows"] == "test", "cook"].isna().all()
    assert data.target_label == "log(y)"
    with pytest.raises(DatasetError, match="no logarithm"):
        changed.with_log_target(data)


def test_three_classes() -> None:
    rng, X = rows(7, 200)
    y = np.array(["low", "mid", "top"])[np.digitize(X[:, 0] + 0.3 * rng.normal(size=200), [-0.3, 0.3])]
    data = Dataset.from_frame(pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": y}), "y")
    found = diagnostics_of(fit_cell(data.X_train, data.fit_target(data.y_train), 1, 3, 3, task="multiclass"), data)
    assert [c.name for c in found.checks] == ["calibration", "ranking", "confusion", "influence"]
    assert found.influence is not None
    assert (found.influence.cook > 0).all()
    assert set(found.most_influential["observed"]) <= {"low", "mid", "top"}
    assert found.rows["residual"].between(0, 1).all()


def test_checks_are_told_in_the_language_of_who_asks() -> None:
    rng, X = rows()
    found = of_linear(X[:, 0] + 0.3 * rng.normal(size=N), X)
    english = found.checks
    with use("zh"):
        told = found.checks
    assert [c.p for c in told] == [c.p for c in english] == [c.p for c in found.checks]
    assert all(a.sentence != b.sentence for a, b in zip(told, english, strict=True))
    assert found.checks is english
