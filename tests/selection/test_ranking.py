"""Ranking trials: against the definitions, on trials with known numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanlab.baselines.registry import Baseline
from kanlab.kan.search_space import Cell
from kanlab.selection.candidates import Candidate, trial_words
from kanlab.selection.decision import choose
from kanlab.selection.ranking import COLUMNS, front, knee_trial, pysr_picks, trial_table
from kanlab.stats.metrics import Scores
from kanlab.study.trials import CompletedTrial, TrialRecord, best_trial, completed
from tests.stats.test_pareto import by_definition


def record(number: int, n_params: int, rss: float | None, aicc: float | None, state: str = "complete") -> TrialRecord:
    rss_test = None if rss is None else rss / 4
    kind = CompletedTrial if state == "complete" else TrialRecord
    return kind(number, state, Cell(1 + number, 3, 2), Scores(n_params, rss, rss_test, aicc), 0.5, "stalled")  # type: ignore[arg-type]


TRIALS = [
    record(0, 10, 8.0, -20.0),
    record(1, 20, 4.0, -26.0),
    record(2, 20, 5.0, -21.0),
    record(3, 30, 4.0, -24.0),
    record(4, 15, None, None, "failed"),
    record(5, 40, 3.0, -23.0),
    record(6, 12, None, None, "running"),
    record(7, 8, 0.0, None, "failed"),  # an interpolation
]
LINEAR = Baseline("linear", Scores(3, 9.0, 2.0, -22.0))
CONSTANT = Baseline("constant", Scores(2, 12.0, 3.0))

records = st.lists(
    st.tuples(
        st.integers(1, 8),
        st.sampled_from([0.5, 1.0, 2.0]) | st.floats(0.1, 10),
        st.sampled_from([-3.0, 0.0]) | st.floats(-50, 50),
        st.sampled_from(["complete", "complete", "failed", "running"]),
    ),
    max_size=20,
).map(
    lambda rows: [
        record(i, K, rss if s == "complete" else None, a if s == "complete" else None, s)
        for i, (K, rss, a, s) in enumerate(rows)
    ]
)


def test_the_table() -> None:
    table = trial_table(TRIALS)
    assert tuple(table.columns) == COLUMNS
    assert table["number"].tolist() == list(range(8))
    assert table["state"].tolist() == ["complete"] * 4 + ["failed", "complete", "running", "failed"]
    np.testing.assert_array_equal(table["delta_aicc"], [6, 0, 5, 2, np.nan, 3, np.nan, np.nan])
    raw = np.exp(-np.array([6, 0, 5, 2, 3]) / 2)
    np.testing.assert_allclose(table["akaike_weight"].dropna(), raw / raw.sum())
    assert table["on_front"].tolist() == [True, True, False, False, False, True, False, False]
    np.testing.assert_array_equal(table["rss_test"], [2, 1, 1.25, 1, np.nan, 0.75, np.nan, 0.0])


def test_the_table_of_no_trials() -> None:
    table = trial_table([])
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 0


def test_best_front_and_completed() -> None:
    assert [r.number for r in completed(TRIALS)] == [0, 1, 2, 3, 5]
    best = best_trial(TRIALS)
    assert best is not None
    assert best.number == 1
    assert [r.number for r in front(TRIALS)] == [0, 1, 5]
    assert best_trial(TRIALS[4:5]) is None
    assert front([]) == []


def test_ties_go_to_the_simpler_trial_then_to_the_earlier() -> None:
    assert best_trial([record(0, 9, 1.0, -5.0), record(1, 7, 1.0, -5.0), record(2, 7, 1.0, -5.0)]).number == 1  # type: ignore[union-attr]
    assert [r.number for r in front([record(2, 7, 1.0, -5.0), record(1, 7, 1.0, -5.0)])] == [1, 2]


def lowest_aicc(trials: list[TrialRecord], families: list[Baseline]) -> CompletedTrial | Baseline | None:
    """The model that is taken where no leave-one-out error is known."""
    listed = [Candidate(trial_words(r), "kan", r, r.scores) for r in completed(trials)]
    listed += [Candidate(b.family, b.family, None, b.scores, baseline=b) for b in families]
    choice = choose(listed).choice
    return choice.model if choice else None


def test_the_lowest_aicc_of_all() -> None:
    assert lowest_aicc(TRIALS, [CONSTANT, LINEAR]) == TRIALS[1]
    better = LINEAR.rescored(aicc=-27.0)
    assert lowest_aicc(TRIALS, [CONSTANT, better]) == better
    equal = LINEAR.rescored(aicc=-26.0)  # as good with 3 parameters as the trial with 20
    assert lowest_aicc(TRIALS, [equal]) == equal
    assert lowest_aicc([], [CONSTANT, LINEAR]) == LINEAR
    assert lowest_aicc([], [CONSTANT]) is None
    assert lowest_aicc(TRIALS, []) == TRIALS[1]


@given(records)
def test_table_and_functions_agree_with_the_definitions(trials: list[TrialRecord]) -> None:
    table = trial_table(trials)
    done = [r for r in trials if r.state == "complete"]
    on_front = by_definition([(float(r.n_params), float(r.rss_train or 0)) for r in done])
    expected = [r for r, on in zip(done, on_front, strict=True) if on]
    assert {r.number for r in front(trials)} == {r.number for r in expected}
    assert table["number"][table["on_front"]].tolist() == [r.number for r in expected]
    assert [r.n_params for r in front(trials)] == sorted(r.n_params for r in expected)
    best = best_trial(trials)
    if not done:
        assert best is None
        return
    assert best is not None
    assert best.aicc == min(r.aicc for r in done if r.aicc is not None)
    assert table["delta_aicc"].min() == 0
    assert table["akaike_weight"].sum() == pytest.approx(1)
    assert table["akaike_weight"].notna().sum() == len(done)
    assert math.isclose(table["akaike_weight"].max(), table["akaike_weight"][trials.index(best)])


# ---- other rules


def on_a_front(*points: tuple[int, float]) -> list[TrialRecord]:
    return [record(i, K, rss, -10.0 - i) for i, (K, rss) in enumerate(points)]


def test_the_rules_of_pysr_by_hand() -> None:
    # falls of ln(rss) a parameter: 0.693/5 = 0.139, 1.609/10 = 0.161, 0.105/10 = 0.011
    trials = on_a_front((5, 10.0), (10, 5.0), (20, 1.0), (30, 0.9), (25, 3.0))  # the last one is dominated
    picks = {rule: r.number for rule, r in pysr_picks(trials).items()}
    assert picks == {"accuracy": 3, "score": 2, "best": 2}
    steep = on_a_front((5, 10.0), (6, 5.0), (20, 1.0), (30, 0.9))
    assert {rule: r.number for rule, r in pysr_picks(steep).items()} == {"accuracy": 3, "score": 1, "best": 2}


def test_the_rules_of_pysr_on_few_trials() -> None:
    assert pysr_picks([]) == {}
    one = on_a_front((5, 10.0))
    assert {r.number for r in pysr_picks(one).values()} == {0}
    assert pysr_picks(TRIALS[4:5]) == {}


def test_the_knee() -> None:
    trials = on_a_front((5, 100.0), (10, 10.0), (20, 8.0), (40, 7.0))
    found = knee_trial(trials)
    assert found is not None
    assert found.number == 1
    assert knee_trial(trials[:2]) is None
    assert knee_trial([]) is None


@given(records)
def test_the_picks_lie_on_the_front(trials: list[TrialRecord]) -> None:
    numbers = {r.number for r in front(trials)}
    picks = pysr_picks(trials)
    assert {r.number for r in picks.values()} <= numbers
    if picks:
        least = min(r.rss_train or 0 for r in front(trials))
        assert picks["accuracy"].rss_train == least
        assert (picks["best"].rss_train or 0) <= 1.5 * least
    found = knee_trial(trials)
    assert found is None or found.number in numbers
