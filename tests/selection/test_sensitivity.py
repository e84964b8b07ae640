"""Criteria opened into their terms, and studies ranked again, against statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tools import eval_measures

from kanlab.data.dataset import Dataset
from kanlab.kan.parameter_count import RULES, n_params
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection.sensitivity import CRITERIA, Criterion, ranked_again, terms
from kanlab.stats.criteria import aic, aicc, bic
from tests.helpers.cement import HEAT, INGREDIENTS, RESULTS
from tests.helpers.validations import study

CELLS = {Cell(1, 2, 1): -90.0, Cell(1, 4, 2): -100.0, Cell(2, 2, 1): -95.0, Cell(2, 3, 2): -80.0}


@given(st.floats(1e-6, 1e6), st.integers(5, 2000), st.integers(1, 400), st.sampled_from(list(CRITERIA)))
def test_the_terms_add_up(rss: float, n: int, K: int, criterion: Criterion) -> None:
    opened = terms(rss, n, K, criterion)
    assert (opened.n, opened.n_params, opened.misfit) == (n, K, rss)
    of_rss = {"AICc": aicc, "AIC": aic, "BIC": bic}[criterion]
    assert opened.total == pytest.approx(of_rss(rss, n, K), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(("chosen", "K", "sigma2", "value"), [row[:4] for row in RESULTS])
def test_published_values(chosen: tuple[int, ...], K: int, sigma2: float, value: float) -> None:
    """Burnham & Anderson's first worked example."""
    design = sm.add_constant(INGREDIENTS[:, [i - 1 for i in chosen]])
    fit = sm.OLS(HEAT, design).fit()
    opened = terms(fit.ssr, len(HEAT), K)
    assert opened.total == pytest.approx(value, abs=0.02)
    assert opened.penalty == 2 * K
    constant = len(HEAT) * (1 + math.log(2 * math.pi))
    assert terms(fit.ssr, len(HEAT), K, "BIC").total + constant == pytest.approx(
        eval_measures.bic(fit.llf, len(HEAT), K)
    )
    assert opened.total + constant == pytest.approx(eval_measures.aicc(fit.llf, len(HEAT), K))


def test_beyond_the_pole_the_correction_is_infinite() -> None:
    assert terms(1.0, 10, 9).correction == np.inf
    assert terms(1.0, 10, 9, "AIC").total == pytest.approx(10 * math.log(0.1) + 18)


@pytest.mark.parametrize("criterion", list(CRITERIA))
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("sigma2", [True, False])
def test_ranked_again(criterion: Criterion, rule: str, sigma2: bool, small: Dataset) -> None:
    records = study(small, CELLS, space=SearchSpace((1, 3), (2, 4), (1, 2))).records()
    again = ranked_again(records, 48, 2, rule=rule, count_sigma2=sigma2, criterion=criterion)  # type: ignore[arg-type]
    assert sorted(again["number"]) == [0, 1, 2, 3]
    by_number = again.set_index("number")
    values = {}
    for record in records:
        K = n_params((2, record.cell.neuron_num, 1), record.cell.grid, record.cell.k, rule) + sigma2  # type: ignore[arg-type]
        llf = -24 * math.log((record.rss_train or 0) / 48)
        value = {"AICc": eval_measures.aicc, "AIC": eval_measures.aic, "BIC": eval_measures.bic}[criterion](llf, 48, K)
        values[record.number] = value
        assert by_number.loc[record.number, "n_params"] == K
        assert by_number.loc[record.number, "value"] == pytest.approx(value)
    order = sorted(values, key=lambda number: values[number])
    assert again["number"].tolist() == order
    assert again["rank"].tolist() == [1, 2, 3, 4]
    assert [by_number.loc[number, "rank_before"] for number in (1, 2, 0, 3)] == [1, 2, 3, 4]


def test_the_counts_of_the_study_change_nothing(small: Dataset) -> None:
    again = ranked_again(
        study(small, CELLS, space=SearchSpace((1, 3), (2, 4), (1, 2))).records(),
        48,
        2,
        rule="identifiable",
        count_sigma2=True,
    )
    assert (again["rank"] == again["rank_before"]).all()
    assert again["value"].tolist() == pytest.approx(sorted(CELLS.values()))


def test_trials_beyond_the_pole_of_the_new_count_come_last_without_a_rank(small: Dataset) -> None:
    handle = study(small, CELLS, space=SearchSpace((1, 3), (2, 4), (1, 2)), count="article")
    again = ranked_again(handle.records(), 30, 2, rule="trainable", count_sigma2=True)
    lost = again[again["rank"].isna()]
    assert len(lost) > 0
    assert (lost["n_params"] >= 29).all()
    assert again["rank"].dropna().tolist() == list(range(1, 5 - len(lost)))
    assert again.index[-len(lost) :].tolist() == lost.index.tolist()


def test_no_trials() -> None:
    assert len(ranked_again([], 48, 2, rule="article", count_sigma2=True)) == 0
