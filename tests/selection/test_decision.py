"""Which model is taken: AICc among networks, leave-one-out error against the linear models."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from kanlab.execution.final_check import ReducedTrial
from kanlab.kan.search_space import Cell
from kanlab.selection.candidates import Candidate
from kanlab.selection.decision import WORTH, Decision, choose, reference
from kanlab.selection.explanation import explain
from kanlab.selection.headline import headline
from kanlab.stats.criteria import SUPPORTED
from kanlab.stats.metrics import ClassScores, Scores
from kanlab.study.trials import CompletedTrial


def plain(
    family: str, aicc: float | None, press: float | None, press_se: float = 2.0, n_params: float = 5
) -> Candidate:
    return Candidate(family, family, None, Scores(n_params, 1.0, 1.0, aicc, press=press, press_se=press_se))


def network(
    number: int, aicc: float, press: float | None = None, press_se: float = 2.0, n_params: int = 30
) -> Candidate:
    scores = Scores(n_params, 1.0, 1.0, aicc, press=press, press_se=press_se)
    return Candidate(
        f"trial {number}", "kan", CompletedTrial(number, "complete", Cell(1 + number, 3, 2), scores), scores
    )


MEAN, LINEAR = plain("constant", 40.0, 130.0, 15.0, 2), plain("linear", 10.0, 100.0, 0.0)
RIDGE, STEPWISE = plain("ridge", 8.0, 99.0), plain("stepwise", 9.0, 101.0)
PLAIN = [MEAN, LINEAR, STEPWISE, RIDGE]


def taken(*listed: Candidate) -> Candidate | None:
    return choose(listed)[0]


def test_a_network_must_be_better_on_rows_left_out_beyond_its_standard_error() -> None:
    assert taken(*PLAIN, best := network(0, -50.0, 97.0)) is best
    assert taken(*PLAIN, network(0, -50.0, 98.5)) is LINEAR
    assert taken(*PLAIN, network(0, -50.0, 97.0, press_se=4.0)) is LINEAR
    assert taken(*PLAIN, network(0, -50.0, 140.0)) is LINEAR


def test_a_network_must_have_the_lowest_aicc_too() -> None:
    assert taken(*PLAIN, network(0, 8.5, 50.0)) is LINEAR


def test_another_network_may_have_the_lowest_aicc_of_all_parameters() -> None:
    """As of twenty periods of a sine: the network that has spent its parameters best has many, and rows left out are for it;
    a small one, of which these are not known, says that there is more than a line.
    """
    large = network(0, 200.0, 50.0).rescored(aicc_effective=-800.0)
    small = network(1, -90.0).rescored(aicc_effective=-120.0)
    assert taken(*PLAIN, large, small) is large
    assert taken(*PLAIN, large) is LINEAR
    assert taken(*PLAIN, large.rescored(press=99.5), small) is LINEAR


def test_the_reason_names_the_aicc_that_the_networks_are_ranked_by() -> None:
    first = replace(network(0, -50.0, 90.0).rescored(aicc_effective=-60.0, n_params_effective=3.5), apart=0.2)
    nearest = replace(network(1, -40.0, 90.0).rescored(aicc_effective=-57.0, n_params_effective=4.5), apart=0.1)
    listed = [*PLAIN, first, nearest]
    decision = choose(listed)
    assert decision.choice is nearest
    told = explain(decision, listed)[0]
    assert "within 10 units of the lowest AICc of effective K" in told
    assert "its AICc of effective K is 3.0 above the lowest" in told  # by the AICc beside its K it would be 10.0
    alike = [c.rescored(aicc_effective=None, n_params_effective=None) for c in (first, nearest)]
    listed = [*PLAIN, *alike]
    assert "its AICc is 10.0 above the lowest" in explain(choose(listed), listed)[0]


def test_of_classes_rows_left_out_decide_where_the_network_has_rows_enough() -> None:
    def of_classes(candidate: Candidate) -> Candidate:
        classes = ClassScores(1.0, 0.5, None, 0.1, None, 0.8, None, 0.8, None)
        return replace(candidate.rescored(classes=classes), edf=12.0 if candidate.is_network else None)

    listed, better = [of_classes(c) for c in PLAIN], of_classes(network(0, 50.0, 90.0))  # whose AICc is 40 higher
    assert choose([*listed, better], rows=30).choice is better
    assert choose([*listed, better], rows=20).choice is listed[1]
    doubtful = of_classes(network(0, 50.0, 98.5))
    assert choose([*listed, doubtful], rows=30).choice is listed[1]
    unknown = of_classes(network(0, 50.0, None, None))
    assert choose([*listed, unknown], rows=30).choice is listed[1]


def test_of_classes_a_network_must_be_better_than_the_shares_beyond_the_standard_error() -> None:
    """As of noise, which a logistic model predicts worse than the shares do, and a network by chance better."""

    def of_classes(candidate: Candidate, se: float | None = None) -> Candidate:
        classes = ClassScores(1.0, 0.5, None, 0.1, None, 0.8, None, 0.8, None, press_se_shares=se)
        return replace(candidate.rescored(classes=classes), edf=12.0 if candidate.is_network else None)

    shares, linear = of_classes(MEAN.rescored(press=92.0)), of_classes(LINEAR)
    found = network(0, 50.0, 90.0)
    assert choose([shares, linear, better := of_classes(found, 1.9)], rows=30).choice is better
    assert choose([shares, linear, of_classes(found, 2.1)], rows=30).choice is shares
    assert (
        choose([shares, linear, before := of_classes(found)], rows=30).choice is before
    )  # of a study of version 0.1.0


def test_a_linear_model_of_another_kind_must_be_better_beyond_its_standard_error() -> None:
    assert taken(*PLAIN) is LINEAR
    assert taken(MEAN, LINEAR, STEPWISE, better := RIDGE.rescored(press=97.5)) is better
    assert taken(MEAN.rescored(press=60.0), LINEAR, STEPWISE, RIDGE).family == "constant"  # type: ignore[union-attr]
    assert taken(MEAN, LINEAR, tiny := RIDGE.rescored(press=100 * (1 - WORTH / 2), press_se=1e-9)) is not tiny


def test_a_network_must_be_better_than_that_one() -> None:
    ridge = RIDGE.rescored(press=90.0)
    assert taken(MEAN, LINEAR, ridge, network(0, -50.0, 91.0)) is ridge
    assert taken(MEAN, LINEAR, ridge, best := network(0, -50.0, 89.0)) is best


def test_where_the_reduced_network_fails_the_full_one_is_asked() -> None:
    full, reduced = network(0, -50.0, 80.0), network(1, -60.0, 120.0, n_params=10)
    assert taken(*PLAIN, full, reduced) is full
    assert taken(*PLAIN, full, fine := reduced.rescored(press=80.0)) is fine


def test_networks_nobody_has_looked_at_do_not_stand_in() -> None:
    assert taken(*PLAIN, network(0, -50.0, 120.0), network(1, -49.0)) is LINEAR


def test_where_no_rows_were_left_out_aicc_decides() -> None:
    bare = [c.rescored(press=None, press_se=None) for c in PLAIN]
    assert taken(*bare).family == "ridge"  # type: ignore[union-attr]
    assert taken(*bare, best := network(0, -50.0), network(1, -40.0)) is best
    assert taken(*PLAIN, best) is best  # the study runs on: nothing is known of its networks yet
    assert taken(*bare, network(0, 8.5)).family == "ridge"  # type: ignore[union-attr]


def test_the_smaller_network_within_the_noise_of_the_seeds() -> None:
    best = replace(network(0, -50.0, 80.0), spread=5.0)
    small = replace(network(1, -46.0, n_params=12), spread=5.0)
    assert taken(*PLAIN, best, small) is small
    assert taken(*PLAIN, best, small.rescored(aicc=-44.0)) is best
    assert taken(*PLAIN, best.rescored(press=120.0), small) is LINEAR


def test_the_reference() -> None:
    assert reference(PLAIN) is LINEAR
    assert reference([MEAN, RIDGE]) is MEAN
    assert reference([]) is None
    assert choose([]) == Decision(None)


@given(
    st.lists(st.tuples(st.floats(-50, 50), st.floats(10, 200), st.floats(0, 50)), max_size=5), st.permutations(range(9))
)
def test_the_order_of_the_list_does_not_matter(numbers: list[tuple[float, float, float]], order: list[int]) -> None:
    networks = [network(i, a, p, s, 10 + i) for i, (a, p, s) in enumerate(numbers)]
    listed = [*PLAIN, *networks]
    found = taken(*listed)
    again = taken(*(listed[i] for i in order if i < len(listed)))
    assert found is not None
    assert again is not None
    assert (found.aicc, found.n_params) == (again.aicc, again.n_params)
    if found is not LINEAR and found.press is not None and found.press_se is not None:
        assert (LINEAR.press or 0.0) - found.press > found.press_se


def at(candidate: Candidate, apart: float) -> Candidate:
    return replace(candidate, apart=apart)


def thin(candidate: Candidate, **scores: float) -> Candidate:
    """What is left of a network without some edges."""
    trial = candidate.trial
    assert trial is not None
    kept = ReducedTrial(
        trial.number,
        "complete",
        trial.cell,
        replace(candidate.scores, **scores),
        below=(),
        columns=(0, 1),
        without=(),
        charge=2.0,
        gone=(1,),
        edges=(3, 4),
    )
    return Candidate(f"{candidate.label} thin", "kan", None, kept.scores, reduced=kept)


def test_of_networks_better_than_the_line_the_one_nearest_to_their_mean_is_taken() -> None:
    first, second, third = network(0, -60.0, 80.0), network(1, -50.0, 70.0), network(2, -40.0, 75.0)
    fourth = network(3, -52.0, 75.0)
    assert taken(*PLAIN, at(first, 0.3), at(second, 0.2), best := at(fourth, 0.1)) is best
    assert taken(*PLAIN, at(first, 0.3), best := at(second, 0.2), at(third, 0.1)) is best  # 20 above: no support
    assert taken(*PLAIN, at(first, 0.3), best := at(second, 0.2), at(fourth.rescored(press=99.5), 0.1)) is best
    wild = [at(c.rescored(press=150.0), 0.1) for c in (first, second, third)]
    assert taken(*PLAIN, *wild) is LINEAR
    assert taken(*PLAIN, *(at(c.rescored(aicc=c.aicc + 100.0), 0.1) for c in (first, second, third))) is LINEAR
    assert taken(*PLAIN, first, second, third) is first  # of an earlier version, which knew no mean


def test_a_network_without_idle_edges_must_be_as_good_on_rows_left_out() -> None:
    first, nearest = at(network(0, -60.0, 80.0), 0.3), at(network(1, -50.0, 70.0), 0.1)
    better = thin(nearest, aicc=-55.0, press=70.0)
    assert taken(*PLAIN, first, nearest, better) is better
    assert taken(*PLAIN, first, nearest, thin(nearest, aicc=-55.0, press=70.5)) is nearest
    assert taken(*PLAIN, first, nearest, thin(nearest, aicc=-45.0, press=60.0)) is nearest


def test_the_errors_with_all_edges_speak_for_predicting() -> None:
    """Rows left out do not see which edges were chosen, so theirs is the error with all of them; folds do."""
    scores = Scores(30, 1.0, 1.0, None, press=60.0, press_se=1.0)
    average, whole = Candidate("average", "average", None, scores), network(1, -50.0, 70.0)
    few = thin(whole, press=60.0)
    assert headline(few, average)[0] == "read"
    use, why = headline(few, average, whole)
    assert use == "predict"
    assert "before it lost its edges" in why
    folds = {"cv_error": 1.0, "cv_se": 0.1}
    assert headline(replace(few, **folds), replace(average, **folds), replace(whole, cv_error=2.0))[0] == "read"


def test_a_network_that_is_wild_between_the_rows_is_not_taken_to_be_read() -> None:
    first = replace(network(1, -50.0, 90.0), apart=0.1, wild=0.6)
    second, third = replace(network(2, -30.0, 90.0), apart=0.3), replace(network(3, -28.0, 90.0), apart=0.2)
    assert -50.0 + SUPPORTED < -30.0
    assert taken(first, second, third, *PLAIN) == third  # the nearest of those within SUPPORTED of the lowest not wild
    tame = replace(first, wild=None)
    assert taken(tame, second, third, *PLAIN) == tame
    assert taken(first, *PLAIN) == first  # all there are
    listed = [first, second, third, *PLAIN]
    reasons = explain(choose(listed), listed)
    assert reasons[1] == (
        "The network of trial 1 has a lower AICc and is not taken: where values of two training rows are put together, it "
        "departs from the other networks by up to 60% of the range of their predictions."
    )
    listed = [first, replace(second, wild=0.3), third, *PLAIN]
    assert explain(choose(listed), listed)[0].startswith("2 networks with a lower AICc are not taken: where values")
    assert not any("not taken" in reason for reason in explain(choose([tame, third, *PLAIN]), [tame, third, *PLAIN]))
