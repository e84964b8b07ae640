"""The two likelihoods against scikit-learn and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from sklearn.metrics import log_loss

from kanlab.stats.criteria import aicc, aicc_of
from kanlab.stats.likelihood import BERNOULLI, CERTAIN, GAUSSIAN

RNG = np.random.default_rng(0)
Y = (RNG.random(50) < 0.4).astype(float)
P = RNG.random(50)


def test_the_deviance_is_two_n_log_losses() -> None:
    assert BERNOULLI.misfit(P, Y) == pytest.approx(2 * 50 * log_loss(Y, P))
    assert BERNOULLI.term(12.5, 50) == 12.5
    assert BERNOULLI.term(np.nan, 50) == np.inf


def test_certainty_that_is_wrong_costs_much_and_not_everything() -> None:
    worst = BERNOULLI.misfit([1.0, 0.0], [0.0, 1.0])
    assert worst == pytest.approx(-4 * np.log(CERTAIN))
    assert BERNOULLI.misfit([1.0, 0.0], [1.0, 0.0]) == pytest.approx(0.0, abs=1e-14)


def test_the_criteria_of_both_are_those_of_a_glm() -> None:
    X = sm.add_constant(RNG.normal(size=(50, 2)))
    binomial = sm.GLM(Y, X, family=sm.families.Binomial()).fit()
    deviance = BERNOULLI.misfit(binomial.predict(), Y)
    assert aicc_of(BERNOULLI.term(deviance, 50), 50, 3) == pytest.approx(binomial.aic + 2 * 3 * 4 / (50 - 3 - 1))
    normal = sm.OLS(P, X).fit()
    rss = GAUSSIAN.misfit(normal.predict(), P)
    assert rss == pytest.approx(normal.ssr)
    assert aicc_of(GAUSSIAN.term(rss, 50), 50, 4) == aicc(rss, 50, 4)


def test_means() -> None:
    eta = np.array([-800.0, 0.0, 800.0])
    np.testing.assert_array_equal(BERNOULLI.mean(eta), [0.0, 0.5, 1.0])
    assert GAUSSIAN.mean(eta) is eta
    assert (GAUSSIAN.counts_variance, BERNOULLI.counts_variance) == (True, False)
