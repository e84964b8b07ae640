"""Information criteria against statsmodels, closed forms and the worked examples of Burnham & Anderson 2002."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import assume, given
from hypothesis import strategies as st
from statsmodels.tools import eval_measures

from kanlab.stats import criteria
from kanlab.stats.criteria import aic, aicc, akaike_weights, bic, delta, evidence_ratio, log_likelihood
from tests.helpers.cement import HEAT, INGREDIENTS, RESULTS

CONSTANT = 1 + math.log(2 * math.pi)  # times n: what the bare n ln(rss / n) leaves out of -2 log L

rss_values = st.floats(1e-12, 1e12)
criterion_values = st.lists(
    st.floats(-1e4, 1e4) | st.sampled_from([math.inf, -math.inf, math.nan]), min_size=1, max_size=30
)


@st.composite
def fits(draw: st.DrawFn) -> tuple[float, int, int]:
    n = draw(st.integers(4, 5000))
    return draw(rss_values), n, draw(st.integers(1, n - 2))


# ---- against statsmodels


@given(fits())
def test_criteria_are_those_of_statsmodels_up_to_the_constant(fit: tuple[float, int, int]) -> None:
    rss, n, K = fit
    llf = -n / 2 * (math.log(2 * math.pi * rss / n) + 1)
    for ours, theirs in ((aic, eval_measures.aic), (aicc, eval_measures.aicc), (bic, eval_measures.bic)):
        assert ours(rss, n, K) + n * CONSTANT == pytest.approx(theirs(llf, n, K), rel=1e-10, abs=1e-7)


@pytest.fixture(scope="module")
def ols() -> object:
    data = sm.datasets.longley.load_pandas()
    return sm.OLS(data.endog, sm.add_constant(data.exog[["GNP", "UNEMP", "ARMED"]])).fit()


def test_criteria_of_an_ols_fit(ols: sm.regression.linear_model.RegressionResults) -> None:
    n, K = int(ols.nobs), int(ols.df_model) + 1
    assert log_likelihood(ols.ssr, n) == pytest.approx(ols.llf, rel=1e-12)
    assert aic(ols.ssr, n, K) + n * CONSTANT == pytest.approx(ols.aic, rel=1e-12)
    assert bic(ols.ssr, n, K) + n * CONSTANT == pytest.approx(ols.bic, rel=1e-12)
    assert aicc(ols.ssr, n, K) + n * CONSTANT == pytest.approx(ols.info_criteria("aicc"), rel=1e-12)


# ---- worked examples


@pytest.fixture(scope="module")
def cement() -> list[float]:
    """AICc of every model of the cement data in RESULTS, from the data."""
    values = []
    for ingredients, K, *_ in RESULTS:
        design = sm.add_constant(INGREDIENTS[:, [i - 1 for i in ingredients]])
        values.append(aicc(sm.OLS(HEAT, design).fit().ssr, len(HEAT), K))
    return values


def test_aicc_of_the_cement_models(cement: list[float]) -> None:
    assert cement == pytest.approx([r[3] for r in RESULTS], abs=0.03)  # the book starts from rounded variances
    assert delta(cement) == pytest.approx([r[4] for r in RESULTS], abs=0.03)


def test_aicc_from_the_printed_variances() -> None:
    for _, K, sigma2, expected, *_ in RESULTS:
        assert aicc(13 * sigma2, 13, K) == pytest.approx(expected, abs=0.03)


def test_weights_of_all_cement_models() -> None:
    """All 15 subsets; those out of RESULTS share what is left of the sum."""
    values = {}
    for size in range(1, 5):
        for chosen in itertools.combinations((1, 2, 3, 4), size):
            design = sm.add_constant(INGREDIENTS[:, [i - 1 for i in chosen]])
            values[chosen] = aicc(sm.OLS(HEAT, design).fit().ssr, 13, size + 2)
    weights = dict(zip(values, akaike_weights(list(values.values())), strict=True))
    assert [weights[r[0]] for r in RESULTS] == pytest.approx([r[5] for r in RESULTS], abs=0.002)
    assert sum(weights.values()) == pytest.approx(1)


def test_evidence_ratios_as_burnham_and_anderson_print_them() -> None:
    ratios = evidence_ratio([0, 2, 4, 8, 10, 15, 20])
    assert [round(float(r), 1) for r in ratios[:5]] == [1.0, 2.7, 7.4, 54.6, 148.4]
    assert [round(float(r)) for r in ratios[5:]] == [1808, 22026]


def test_hand_numbers() -> None:
    assert aicc(20.0, 20, 3) == 6 + 24 / 16  # ln 1 = 0
    assert aicc(math.e * 20, 20, 3) == pytest.approx(20 + 6 + 24 / 16)
    assert aic(20.0, 20, 3) == 6
    assert bic(20.0, 20, 3) == pytest.approx(3 * math.log(20))
    assert criteria.aicc_penalty(12, 10) == 20 + 220
    assert akaike_weights([10, 10 + 2 * math.log(3)]) == pytest.approx([0.75, 0.25])


# ---- the guard


@pytest.mark.parametrize(("n", "K"), [(10, 9), (10, 10), (10, 11), (10, 1000), (2, 1), (1, 0), (3, 2)])
def test_aicc_is_infinite_from_its_pole_on(n: int, K: int) -> None:
    assert aicc(1.0, n, K) == math.inf
    assert aicc(0.0, n, K) == math.inf
    assert criteria.aicc_penalty(n, K) == math.inf
    assert not criteria.is_admissible(n, K)


def test_the_last_model_before_the_pole_is_finite() -> None:
    assert criteria.is_admissible(10, 8)
    assert aicc(10.0, 10, 8) == 16 + 144


@pytest.mark.parametrize("rss", [0.0, math.inf, math.nan])
@pytest.mark.parametrize("criterion", [aic, aicc, bic])
def test_an_interpolation_or_a_diverged_fit_never_wins(criterion: object, rss: float) -> None:
    assert criterion(rss, 50, 4) == math.inf  # type: ignore[operator]
    assert log_likelihood(rss, 50) == -math.inf


@pytest.mark.parametrize("rss", [5e-324, 1e-320, 1.7e308])
def test_extreme_sums_of_squares_have_a_finite_criterion(rss: float) -> None:
    assert aicc(rss, 50, 4) == pytest.approx(50 * (math.log(rss) - math.log(50)) + 8 + 40 / 45)


def test_misuse_is_refused() -> None:
    with pytest.raises(ValueError, match="sum of squares"):
        aicc(-1.0, 50, 4)
    with pytest.raises(ValueError, match="training rows"):
        aic(1.0, 0, 4)


# ---- properties


@given(fits(), st.floats(1.001, 100))
def test_aicc_grows_with_rss(fit: tuple[float, int, int], factor: float) -> None:
    rss, n, K = fit
    assert aicc(rss * factor, n, K) > aicc(rss, n, K)


@given(rss_values, st.integers(4, 5000))
def test_aicc_grows_with_every_parameter(rss: float, n: int) -> None:
    values = [aicc(rss, n, K) for K in range(1, min(n, 200) + 2)]
    finite = [v for v in values if math.isfinite(v)]
    assert finite == sorted(set(finite))
    assert values[: len(finite)] == finite  # once infinite, always infinite


@given(fits(), st.floats(1e-3, 1e3))
def test_units_of_y_shift_every_model_alike(fit: tuple[float, int, int], factor: float) -> None:
    rss, n, K = fit
    assert aicc(rss * factor**2, n, K) - aicc(rss, n, K) == pytest.approx(2 * n * math.log(factor), rel=1e-6, abs=1e-5)


@given(fits())
def test_rss_at_aicc_inverts_aicc(fit: tuple[float, int, int]) -> None:
    rss, n, K = fit
    assert criteria.rss_at_aicc(aicc(rss, n, K), n, K) == pytest.approx(rss, rel=1e-6)


def test_rss_at_aicc_beyond_the_floats() -> None:
    assert criteria.rss_at_aicc(5e5, 500, 5) == math.inf
    assert criteria.rss_at_aicc(-5e5, 500, 5) == 0.0
    assert math.isnan(criteria.rss_at_aicc(10.0, 10, 9))


@given(criterion_values, st.floats(-1e3, 1e3))
def test_weights_do_not_change_with_a_shift(values: list[float], shift: float) -> None:
    assert akaike_weights([v + shift for v in values]) == pytest.approx(akaike_weights(values), abs=1e-6)


@given(criterion_values, st.randoms())
def test_weights_follow_their_models(values: list[float], random: object) -> None:
    order = list(range(len(values)))
    random.shuffle(order)  # type: ignore[attr-defined]
    shuffled = akaike_weights([values[i] for i in order])
    assert shuffled == pytest.approx(akaike_weights(values)[order], abs=1e-12)


@given(criterion_values)
def test_weights_by_definition(values: list[float]) -> None:
    finite = [v for v in values if math.isfinite(v)]
    weights = akaike_weights(values)
    if not finite:
        assert not weights.any()
        assert np.isinf(delta(values)).all()
        return
    least = min(finite)
    raw = [math.exp(-(v - least) / 2) if math.isfinite(v) else 0.0 for v in values]
    assert weights == pytest.approx([r / sum(raw) for r in raw], abs=1e-12)
    assert weights.sum() == pytest.approx(1)
    assert list(delta(values)) == [v - least if math.isfinite(v) else math.inf for v in values]


@given(st.lists(st.floats(-500, 500), min_size=2, max_size=10))
def test_evidence_ratio_is_the_quotient_of_the_weights(values: list[float]) -> None:
    weights = akaike_weights(values)
    assume(weights.min() > 0)
    assert evidence_ratio(values) == pytest.approx(weights.max() / weights, rel=1e-6)


def test_ties_share_the_weight() -> None:
    assert akaike_weights([3.0, 3.0, 3.0, math.inf]) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
    assert evidence_ratio([3.0, 3.0, math.inf, 1e9]).tolist() == [1, 1, math.inf, math.inf]


def test_no_models_no_weights() -> None:
    assert akaike_weights([]).shape == (0,)
    assert delta([]).shape == (0,)
