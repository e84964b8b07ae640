"""What is recommended and why: every reason and every warning, where it must come and where it must not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.api import tune
from kanlab.baselines.registry import Baseline
from kanlab.data.dataset import Dataset
from kanlab.data.preparation import Preparation
from kanlab.execution.final_check import FINAL_CHECK, final_check_task, keep_final_check
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.language import use
from kanlab.selection.candidates import Candidate, candidates
from kanlab.selection.decision import Decision, choose
from kanlab.selection.diagnostics import chance_ratio
from kanlab.selection.explanation import explain
from kanlab.selection.recommendation import Recommendation, recommend
from kanlab.selection.validation import Validation, p_value
from kanlab.stats.metrics import Scores
from kanlab.study.handle import StudyHandle
from tests.helpers.sentences import assert_sentence
from tests.helpers.validations import refits, study, validation

INNER, OTHER, LARGE = Cell(2, 3, 2), Cell(1, 4, 2), Cell(2, 4, 2)
SMALL = SearchSpace((1, 1), (2, 2), (1, 1))
SPACE = SearchSpace((1, 4), (2, 5), (1, 3))
FAR = -300.0  # an AICc no other model comes near to


def found(handle: StudyHandle, known: Validation | None = None) -> Recommendation:
    result = recommend(handle, handle.records(), known)
    for sentence in [*result.reasons, *(a.sentence for a in result.warnings)]:
        assert_sentence(sentence)
    return result


def warning(result: Recommendation, words: str) -> str | None:
    hits = [a.sentence for a in result.warnings if words in a.sentence]
    assert len(hits) <= 1
    return hits[0] if hits else None


@pytest.fixture
def quiet(small: Dataset) -> StudyHandle:
    """A study that should raise no warning but that of its few rows."""
    tested = {INNER: 1e-6, OTHER: 2e-6, LARGE: 2e-6}
    return study(small, {INNER: FAR, OTHER: FAR + 30, LARGE: FAR + 40}, space=SPACE, rss_test=tested)


# ---- the choice


def test_the_lowest_aicc_is_chosen(quiet: StudyHandle) -> None:
    result = found(quiet)
    assert result.choice is not None
    assert result.choice.trial is not None
    assert result.choice.trial.cell == INNER
    assert result.choice.model == result.choice.trial
    assert result.reasons[0] == "It has the lowest AICc of all networks and linear models."
    assert "below that of the linear model" in result.reasons[1]
    assert result.ties == ()
    assert [str(c.key) for c in result.candidates][:3] == ["2,3,2", "1,4,2", "2,4,2"]
    assert {c.family for c in result.candidates[3:]} == {"constant", "linear", "stepwise", "ridge"}


def test_a_linear_model_can_win(small: Dataset) -> None:
    handle = study(small, {INNER: 400.0, LARGE: 500.0}, space=SPACE)
    result = found(handle)
    assert result.choice is not None
    assert isinstance(result.choice.model, Baseline)
    assert result.choice.model in handle.baselines
    assert warning(result, "No network beats the")
    assert warning(result, "as good within the noise") is None


def test_a_sum_of_features_that_is_nearly_the_target_is_doubted(small: Dataset) -> None:
    """Of a linear model alone, and not where it leaves more than its LOO error may."""
    handle = study(small, {INNER: 400.0, LARGE: 500.0}, space=SPACE)
    assert warning(found(handle), "nearly the target") is None

    def leaving(share: float) -> StudyHandle:
        mean = next(b for b in handle.baselines if b.family == "constant")
        kept = [b if b.family != "linear" else b.rescored(press=share * (mean.press or 0.0)) for b in handle.baselines]
        return replace(handle, baselines=[b for b in kept if b.family in ("constant", "linear")])

    assert "it misses 0.005% of the variance" in (warning(found(leaving(5e-5)), "nearly the target") or "")
    assert warning(found(leaving(2e-4)), "nearly the target") is None


def test_before_any_trial_is_complete_a_linear_model_is_all_there_is(small: Dataset) -> None:
    handle = study(small, {}, space=SPACE)
    result = found(handle)
    assert result.choice is not None
    assert result.choice.trial is None
    assert warning(result, "No network beats") is None


def test_nothing_to_choose_from(quiet: StudyHandle) -> None:
    result = recommend(replace(quiet, baselines=[]), [], None)
    assert (result.choice, result.ties, result.warnings, result.candidates) == (None, (), (), ())


def test_ties_lie_within_ten_units(small: Dataset) -> None:
    handle = study(small, {INNER: FAR, OTHER: FAR + 9.9, LARGE: FAR + 10.1}, space=SPACE)
    assert [str(c.key) for c in found(handle).ties] == ["1,4,2"]


def test_the_smaller_model_within_the_measured_noise(small: Dataset) -> None:
    handle = study(small, {LARGE: FAR, OTHER: FAR + 3}, space=SPACE)
    assert str(found(handle).choice.key) == "2,4,2"  # type: ignore[union-attr]
    steady = validation(refits=refits(handle, {LARGE: [FAR] * 5, OTHER: [FAR + 3] * 5}))
    assert str(found(handle, steady).choice.key) == "2,4,2"  # type: ignore[union-attr]
    noisy = {LARGE: [FAR - 8, FAR + 8, FAR - 8, FAR + 8, FAR], OTHER: [FAR + 12, FAR - 5, FAR + 12, FAR - 5, FAR + 3]}
    result = found(handle, validation(refits=refits(handle, noisy)))
    assert result.choice is not None
    assert str(result.choice.key) == "1,4,2"
    assert "3.0 above the lowest, within the" in result.reasons[0]
    assert result.choice.spread == pytest.approx(7.6, abs=0.1)
    assert result.choice.wins == 2
    assert "the best of the finalists in 2" in " ".join(result.reasons)


def test_families_fitted_for_comparison_are_listed_and_not_chosen(quiet: StudyHandle) -> None:
    gam = Baseline("gam", Scores(9.5, 1.0, 0.5, FAR - 50))
    boosting = Baseline("boosting", Scores(None, 0.1, 0.5))
    result = found(quiet, validation(families=[gam.to_dict(), boosting.to_dict()]))
    assert result.choice is not None
    assert str(result.choice.key) == "2,3,2"
    assert result.candidates[0].label == "spline GAM"
    assert result.candidates[-1].label == "gradient boosting"
    assert "the AICc of the spline GAM model is 50.0 lower" in (warning(result, "another family") or "")
    assert result.reasons[0].startswith("It has the lowest AICc of all networks and linear models")
    assert "that of the spline GAM model, which is compared but not recommended" in result.reasons[0]
    assert "is 50.0 lower" in result.reasons[0]
    near = found(quiet, validation(families=[gam.rescored(aicc=FAR - 1).to_dict()]))
    assert warning(near, "another family") is None


def test_what_is_known_of_a_finalist(quiet: StudyHandle) -> None:
    known = validation(folds={"2,3,2": [0.04, 0.09, 0.16, 0.09, 0.04]}, dof={"2,3,2": [10.0, 14.0]}, edf={"2,3,2": 9.0})
    candidate = candidates(quiet, quiet.records(), known)[0]
    assert candidate.cv_error == pytest.approx((0.42 / 5) ** 0.5)
    assert candidate.cv_se == pytest.approx(0.0837 / 5**0.5, rel=1e-3)
    assert (candidate.dof, candidate.dof_se, candidate.edf) == (12.0, pytest.approx(2.0), 9.0)
    assert choose(candidates(quiet, [], None))[1] == 0.0


def test_one_fold_is_no_cross_validation_yet(quiet: StudyHandle) -> None:
    candidate = candidates(quiet, quiet.records(), validation(folds={"2,3,2": [0.04]}))[0]
    assert candidate.cv_error is None
    assert candidate.cv_se is None


def checked(handle: StudyHandle, press: float, press_se: float, reduced: dict[str, Any] | None = None) -> StudyHandle:
    """The same study, its best network with a leave-one-out error as if a worker had done it."""
    task = final_check_task(handle, handle.records())
    assert task is not None
    keep_final_check(handle, task, {"press": press, "press_se": press_se, "reduced": reduced})
    return handle


def two(handle: StudyHandle) -> StudyHandle:
    """With no linear models but the mean and the full one."""
    return replace(handle, baselines=[b for b in handle.baselines if b.family in ("constant", "linear")])


def press(handle: StudyHandle, family: str = "linear") -> float:
    return next(b.press for b in handle.baselines if b.family == family) or 0.0


REDUCED: dict[str, Any] = {
    "cell": [3, 3, 2], "below": [2], "columns": [0], "n_params": 22, "charge": 1.4, "aicc": FAR - 20, "rss_train": 1e-4,
    "rss_test": 1e-4, "rmse_train": 1e-3, "rmse_test": 1e-3, "press": 1e-3, "press_se": 1e-4, "status": "stalled",
    "seconds": 0.1,
}  # fmt: skip


def test_the_loo_error_confirms_the_network(quiet: StudyHandle) -> None:
    at = press(quiet)
    result = found(checked(quiet, at / 4, at / 4))
    assert result.choice is not None
    assert str(result.choice.key) == "2,3,2"
    assert result.choice.press == at / 4
    assert (
        "Its leave-one-out (LOO) error is 50.0% lower than that of the linear model, a difference of 3.0"
        in " ".join(result.reasons)
    )


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (1.21, "is 10.0% higher than that of the linear model."),
        (0.81, "10.0% lower than that of the linear model,"),
        (0.9999, "is as high as that of the linear model."),
    ],
)
def test_the_loo_error_speaks_against_the_network(share: float, words: str, quiet: StudyHandle) -> None:
    at = press(quiet)
    result = found(checked(two(quiet), share * at, at / 2))
    assert result.choice is not None
    assert result.choice.family == "linear"
    assert result.choice.model == next(b for b in quiet.baselines if b.family == "linear")
    assert result.reasons[0].startswith("The AICc of the network of trial 0: 2 hidden neurons, grid 3, k 2 is ")
    assert words in result.reasons[0]
    assert ("too small a difference" in result.reasons[0]) == (share < 0.99)
    assert warning(result, "No network beats") is None


def test_another_linear_model_is_better_than_the_network(quiet: StudyHandle) -> None:
    at = press(quiet)
    ridge = [b.rescored(press=0.25 * at, press_se=0.01 * at) if b.family == "ridge" else b for b in quiet.baselines]
    handle = checked(replace(quiet, baselines=ridge), 0.49 * at, 0.01 * at)
    result = found(handle)
    assert result.choice is not None
    assert result.choice.family == "ridge"
    assert "its leave-one-out (LOO) error is 40.0% higher than that of this model." in result.reasons[0]
    assert "50.0% lower than that of the linear model, a difference of 75.0 standard errors" in result.reasons[1]


def test_a_final_check_of_an_earlier_best_says_nothing(quiet: StudyHandle) -> None:
    handle = checked(two(quiet), 1e9, 1.0)
    assert found(handle).choice.family == "linear"  # type: ignore[union-attr]
    later = [r for r in handle.records() if r.cell != INNER]
    choice = recommend(handle, later, None).choice
    assert choice is not None
    assert str(choice.key) == "1,4,2"


def test_a_network_without_a_feature(quiet: StudyHandle) -> None:
    result = found(checked(quiet, 1e-3, 1e-4, REDUCED))
    assert result.choice is not None
    assert result.choice.is_network
    assert result.choice.trial is None
    assert result.choice.label == "trial 0 without b: 3 hidden neurons, grid 3, k 2"
    assert result.reasons[0] == "It has the lowest AICc of all networks and linear models."
    assert "The edges of b do next to nothing: without that feature K is 22 instead of" in result.reasons[1]
    assert "AICc 20.0 lower, 1.4 for the choice among features included" in result.reasons[1]
    content = result.choice.to_dict()
    assert (content["family"], content["number"], content["without"]) == ("kan", 0, ["b"])
    assert content["params"] == {"neuron_num": 3, "grid": 3, "k": 2}  # depth is no parameter of this search


def test_the_mean_as_good_as_the_linear_model(small: Dataset) -> None:
    handle = two(study(small, {INNER: 400.0}, space=SPACE))
    mean = [b.rescored(press=0.999 * press(handle)) if b.family == "constant" else b for b in handle.baselines]
    assert warning(found(handle), "error of the mean is as low") is None
    words = "leave-one-out (LOO) error of the mean is as low as that of the linear model"
    assert warning(found(replace(handle, baselines=mean)), words)


# ---- warnings


def test_a_quiet_study(quiet: StudyHandle) -> None:
    calm = validation(
        refits=refits(quiet, {INNER: [FAR] * 5, OTHER: [FAR + 30] * 5}),
        folds={"2,3,2": [0.04] * 5, "1,4,2": [0.05] * 5},
        null={"gain": 90.0, "permuted": [1.0] * 20},
    )
    words = [a.sentence for a in found(quiet, calm).warnings]
    assert len(words) == 1
    assert "training rows a parameter" in words[0]


def test_few_rows(quiet: StudyHandle) -> None:
    assert "There are only 1.4 training rows a parameter" in (warning(found(quiet), "rows a parameter") or "")
    roomy = replace(quiet, data=replace(quiet.data, n_train=480))
    assert warning(found(roomy), "rows a parameter") is None


@pytest.mark.parametrize(
    ("best", "space", "wider"),
    [
        (Cell(2, 3, 2), SPACE, None),
        (Cell(4, 2, 1), SearchSpace((1, 4), (2, 5), (1, 3)), SearchSpace((1, 5), (2, 5), (1, 3))),
        (Cell(1, 5, 2), SearchSpace((1, 4), (2, 5), (1, 3)), SearchSpace((1, 4), (2, 6), (1, 3))),
        (Cell(2, 4, 2), SearchSpace((2, 3), (4, 5), (1, 3)), SearchSpace((1, 3), (3, 5), (1, 3))),
        (Cell(1, 10, 1), SearchSpace((1, 1), (2, 10), (1, 1)), SearchSpace((1, 2), (2, 14), (1, 2))),
        (Cell(1, 100, 1), SearchSpace((1, 2), (90, 100), (1, 2)), None),  # as far as it goes
        (Cell(1, 2, 1), SearchSpace(), None),  # nothing lies beyond
    ],
)
def test_the_best_network_at_an_edge(best: Cell, space: SearchSpace, wider: SearchSpace | None, small: Dataset) -> None:
    result = found(study(small, {best: FAR}, space=space))
    warnings = [a for a in result.warnings if a.widen]
    assert [a.widen for a in warnings] == ([wider] if wider else [])
    assert bool(warning(result, "at the edge")) == bool(wider)


def test_curves_that_need_a_finer_grid(small: Dataset) -> None:
    """20 periods of a sine: for one and two nodes the finest grid is the best by far, three nodes make up for it."""
    space = SearchSpace((1, 4), (2, 4), (1, 3))
    coarse = (
        {Cell(h, 3, 2): FAR + 200 for h in (1, 2)} | {Cell(h, 4, 2): FAR + 150 for h in (1, 2)} | {Cell(3, 2, 1): FAR}
    )
    asked = found(study(small, coarse, space=space))
    assert [a.widen for a in asked.warnings if "the finest grid" in a.sentence] == [replace(space, grid=(2, 5))]
    nearly = coarse | {Cell(h, 4, 2): FAR + 195 for h in (1, 2)}
    assert warning(found(study(small, nearly, space=space)), "the finest grid") is None


def test_a_best_network_of_the_greatest_depth_asks_for_more(small: Dataset) -> None:
    space = replace(SPACE, depth=(1, 2))
    deepest = found(study(small, {Cell(1, 2, 1, 2): FAR}, space=space))
    assert [a.widen for a in deepest.warnings if a.widen] == [replace(space, depth=(1, 3))]
    assert "range of depth;" in (warning(deepest, "at the edge") or "")
    assert "trial 0: 2 layers of" in deepest.choice.label  # type: ignore[union-attr]
    assert warning(found(study(small, {Cell(1, 2, 1): FAR}, space=space)), "at the edge") is None


def test_test_rows_that_disagree(small: Dataset) -> None:
    scores = {INNER: FAR, OTHER: FAR + 20}
    agree = study(small, scores, space=SPACE, rss_test={INNER: 1.0e-6, OTHER: 0.8e-6})
    assert warning(found(agree), "the test rows disagree") is None
    disagree = study(small, scores, space=SPACE, rss_test={INNER: 1.0e-6, OTHER: 0.5e-6})
    assert (
        warning(found(disagree), "disagree") is None
    )  # 29% less error of the lowest of a few on 12 rows may be chance
    disagree = study(small, scores, space=SPACE, rss_test={INNER: 1.0e-6, OTHER: 0.1e-6})
    assert "trial 1: 1 hidden neuron, grid 4, k 2 has 68% lower error" in (warning(found(disagree), "disagree") or "")


@pytest.mark.parametrize("rows", [12, 100])
def test_models_that_are_equal_seldom_disagree_on_the_test_rows(rows: int) -> None:
    """200 models with the same noise and as much again of their own: the lowest error of all is no evidence."""
    rng, alarms = np.random.default_rng(0), 0
    for _ in range(200):
        noise = rng.normal(size=rows)
        errors = np.sqrt(np.mean((noise + rng.normal(size=(200, rows))) ** 2, axis=1))
        alarms += errors[0] / errors.min() > chance_ratio(200, rows)
    assert alarms <= 10


def test_without_test_rows_nothing_is_said_of_them(quiet: StudyHandle) -> None:
    bare = [r.rescored(rss_test=None) for r in quiet.records()]
    assert warning(recommend(quiet, bare, None), "disagree") is None


def test_linear_as_good(small: Dataset) -> None:
    linear = min(b.aicc or 0.0 for b in study(small, {}, space=SPACE).baselines if b.aicc is not None)
    assert warning(
        found(study(small, {INNER: linear - 9}, space=SPACE)), "as good within the noise: its AICc is only 9.0"
    )
    assert warning(found(study(small, {INNER: linear - 11}, space=SPACE)), "as good within the noise") is None


def test_a_linear_model_that_errs_more_on_rows_left_out_is_not_as_good(small: Dataset) -> None:
    at = study(small, {}, space=SPACE)
    linear, best = min(b.aicc or 0.0 for b in at.baselines if b.aicc is not None), press(at)
    handle = checked(study(small, {INNER: linear - 9}, space=SPACE), best / 4, best / 10)
    assert warning(found(handle), "as good within the noise") is None
    unknown = study(small, {INNER: linear - 9}, space=SPACE)
    plain = {name: [2.0, 2.2, 1.9] for name in ("linear", "stepwise", "ridge")}
    near = validation(folds={"2,3,2": [1.9, 2.3, 1.8]} | plain)
    far = validation(folds={"2,3,2": [1.0, 1.1, 0.9]} | plain)
    assert warning(found(unknown, near), "as good within the noise")
    assert warning(found(unknown, far), "as good within the noise") is None


# ---- to read or to predict


AVERAGED: dict[str, Any] = {
    "cell": list(INNER), "press": 1.0, "press_se": 0.1, "reduced": None, "others": [],
    "average": {"cells": [list(INNER), list(OTHER)], "family": "linear", "share": 0.75, "press_se": 0.1, "rss_train": 1.0,
                "rmse_train": 0.1},
}  # fmt: skip


@pytest.mark.parametrize(("press_of_average", "use", "words"), [(0.81, "predict", "10.0% below"), (0.99, "read", "only 0.5%"),
                                                               (1.2, "read", "no lower than")])  # fmt: skip
def test_the_evidence_decides_between_reading_and_predicting(
    press_of_average: float, use: str, words: str, quiet: StudyHandle
) -> None:
    content = AVERAGED | {"average": AVERAGED["average"] | {"press": press_of_average}}
    quiet.optuna.set_user_attr(FINAL_CHECK, content)
    result = found(quiet)
    assert result.use == use
    assert words in result.use_reason
    assert words in result.average_reason
    assert_sentence(result.average_reason)
    assert_sentence(result.use_reason.split(". It has no")[0].rstrip(".") + ".")
    assert result.average is not None
    assert result.average.name == "the average of 2 networks (75%) and the linear model (25%)"
    assert result.chosen_for("read") == result.choice
    assert result.chosen_for("predict") == result.average
    assert result.chosen_for() == (result.average if use == "predict" else result.choice)
    assert result.to_dict()["recommended"]["family"] == "kan"
    assert result.to_dict()["to_predict"]["family"] == "average"


def test_without_an_average_there_is_one_model(quiet: StudyHandle) -> None:
    result = found(quiet)
    assert (result.average, result.use, result.use_reason) == (None, "read", "")
    assert result.chosen_for("predict") == result.choice


@pytest.mark.parametrize(("won", "fires"), [(5, False), (4, False), (3, True), (1, True)])
def test_seeds_that_do_not_agree(won: int, fires: bool, quiet: StudyHandle) -> None:
    others = [FAR + 1] * won + [FAR - 1] * (5 - won)
    result = found(quiet, validation(refits=refits(quiet, {INNER: [FAR] * 5, OTHER: others})))
    assert result.choice is not None
    assert result.choice.wins == won
    assert bool(warning(result, f"Only {won} of 5 seeds agree")) == fires


def test_a_seed_that_finds_more(quiet: StudyHandle) -> None:
    scores = {INNER: [FAR, FAR - 9, FAR, FAR, FAR], OTHER: [FAR + 20] * 5}
    assert warning(found(quiet, validation(refits=refits(quiet, scores))), "Another seed") is None
    scores[OTHER] = [FAR + 20, FAR + 20, FAR - 12.5, FAR + 20, FAR + 20]
    words = warning(found(quiet, validation(refits=refits(quiet, scores))), "Another seed")
    assert "from seed 3 the network of 1 hidden neuron, grid 4, k 2 comes 12.5 units below" in (words or "")


def test_seeds_still_to_come_count_for_nothing(quiet: StudyHandle) -> None:
    half = refits(quiet, {INNER: [FAR + 2] * 5, OTHER: [FAR]})
    result = found(quiet, validation(refits=half))
    assert result.choice is not None
    assert result.choice.wins == 0
    assert warning(result, "seeds agree") is None


@pytest.mark.parametrize(
    ("folds", "moved"),
    [
        ({"2,3,2": [0.10] * 5, "linear": [0.09, 0.02, 0.03, 0.2, 0.09]}, False),  # within the standard error
        ({"2,3,2": [0.1, 9.0, 0.1, 0.1, 0.1], "linear": [0.09, 8.9, 0.09, 0.09, 0.09]}, True),  # of the difference
        ({"2,3,2": [0.10] * 5, "linear": [0.05, 0.05, 0.06, 0.05, 0.05]}, True),
        ({"2,3,2": [0.01] * 5, "linear": [0.05] * 5}, False),
        ({"linear": [0.05] * 5}, False),  # the choice has not been verified
    ],
)
def test_cross_validation_that_disagrees_decides(folds: dict[str, Any], moved: bool, quiet: StudyHandle) -> None:
    result = found(quiet, validation(folds=folds))
    assert result.choice is not None
    assert result.choice.family == ("linear" if moved else "kan")
    assert ("the cross-validated error of this model is lower" in result.reasons[0]) == moved
    assert warning(result, "By cross-validation") is None


def test_a_network_that_cross_validation_prefers_is_not_said_to_lie_below_in_aicc(small: Dataset) -> None:
    """And not -80 below it, nor as good within the noise; of the seeds none may agree."""
    linear = min(b.aicc or 0.0 for b in study(small, {}, space=SPACE).baselines if b.aicc is not None)
    handle = study(small, {INNER: linear + 80.0, OTHER: linear + 90.0}, space=SPACE)
    folds = {"2,3,2": [0.01] * 5} | {name: [0.2, 0.3, 0.2, 0.3, 0.2] for name in ("linear", "ridge", "stepwise")}
    seeds = refits(handle, {INNER: [linear + 99.0] * 5, OTHER: [linear + 85.0] * 5})
    result = found(handle, validation(folds=folds, refits=seeds))
    assert result.choice is not None
    assert result.choice.is_network
    assert not any("below that of the linear model" in reason for reason in result.reasons)
    assert "Refitted from 5 other seeds, it is the best of the finalists in none." in result.reasons
    assert warning(result, "No seed of 5 agrees on this configuration")
    assert warning(result, "within the noise") is None


@pytest.mark.parametrize(("above", "fires"), [(0, False), (1, True), (10, True)])
def test_pure_noise(above: int, fires: bool, quiet: StudyHandle) -> None:
    null = {"gain": 5.0, "permuted": [6.0] * above + [1.0] * (20 - above)}
    known = validation(null=null)
    assert p_value(known) == pytest.approx((1 + above) / 21)
    result = found(quiet, known)
    assert bool(warning(result, "Pure noise cannot be excluded")) == fires
    assert result.choice is not None
    assert result.choice.is_network != fires
    assert ("it may show chance" in result.reasons[0]) == fires


def test_a_few_permutations_decide_nothing(quiet: StudyHandle) -> None:
    result = found(quiet, validation(null={"gain": 5.0, "permuted": [1.0] * 18}))  # p is 0.053, and may become 0.048
    assert result.choice is not None
    assert result.choice.is_network
    assert warning(result, "Pure noise") is None


@pytest.mark.parametrize(("share", "fires"), [(0.04, False), (0.2, True)])
def test_rows_that_extrapolate(share: float, fires: bool, quiet: StudyHandle) -> None:
    known = validation(refits=refits(quiet, {INNER: [FAR] * 5}, extrapolates=share))
    assert bool(warning(found(quiet, known), "20% of the test rows lie outside")) == fires


def amounts(rows: int = 40, sd: float = 2.0) -> pd.DataFrame:
    """A target above 0 that a line leaves below it."""
    x = np.linspace(0, 1, rows)
    return pd.DataFrame({"x": x, "amount": np.maximum(0.2, 10 * x - 1 + np.random.default_rng(0).normal(0, sd, rows))})


@pytest.mark.usefixtures("one_worker")
@pytest.mark.parametrize(("rows", "sd", "name"), [(40, 2.0, "the linear model"), (60, 1.5, "trial 0")])
def test_predictions_below_0_of_amounts_above_it(rows: int, sd: float, name: str) -> None:
    table = amounts(rows, sd)
    study = tune(Dataset.from_frame(table, "amount"), SMALL, workers=1)
    below = int((study.predict(table).frame["amount_predicted"] < 0).sum())
    assert below > 1
    (warning,) = [w for w in study.recommendation.warnings if w.log]
    assert name in warning.sentence
    assert f"are below 0 in {below} of {rows} rows" in warning.sentence
    assert_sentence(warning.sentence)
    assert warning.sentence in study.recommendation.to_dict()["warnings"]
    logged = Dataset.from_frame(table, "amount", preparation=Preparation(target_scale="log"))
    study = tune(logged, SMALL, workers=1)
    assert not [w for w in study.recommendation.warnings if w.log]
    assert (study.predict(table).frame["amount_predicted"] > 0).all()


@pytest.mark.usefixtures("one_worker")
def test_nothing_is_said_of_a_target_that_has_values_of_0_and_below() -> None:
    shifted = amounts().assign(amount=lambda t: t["amount"] - 0.2)
    study = tune(Dataset.from_frame(shifted, "amount"), SMALL, workers=1)
    assert not [w for w in study.recommendation.warnings if w.log]
    assert all(c.n_negative is None for c in study.recommendation.candidates)


def test_the_linear_model_of_lowest_aicc_is_held_against_the_choice_and_not_against_itself() -> None:
    """As of thirty classes, where logistic regression has the lowest AICc and ridge predicts rows left out better."""
    linear, ridge = (
        Candidate(family, family, None, Scores(5, 1.0, 1.0, aicc, press=press, press_se=1.0))
        for family, aicc, press in (("linear", 10.0, 121.0), ("ridge", 50.0, 100.0))
    )
    reasons = explain(Decision(ridge), [linear, ridge])
    assert reasons[0] == (
        "The AICc of the linear model is 40.0 lower, but its leave-one-out (LOO) error is 10.0% higher than that of "
        "this model."
    )


@pytest.mark.usefixtures("one_worker")
def test_a_network_of_nearly_as_many_parameters_as_rows_is_said_to_follow_any(small: Dataset) -> None:
    """It recommended itself by what it explained of a dozen rows, in English and in Chinese."""
    x = np.arange(1, 13)
    hump = pd.DataFrame({"x": x, "count": np.round(100 * np.exp(-((x - 6) ** 2) / 8)).astype(int)})
    tuned = tune(Dataset.from_frame(hump, "count", task="counts"), SMALL, workers=1)
    choice = tuned.recommendation.choice
    assert choice is not None
    assert choice.is_network
    assert (choice.n_params, tuned.handle.data.n_train) == (8, 10)
    words = "With 8 parameters for 10 training rows it can pass through nearly every one of them"
    assert any(reason.startswith(words) for reason in tuned.recommendation.reasons)
    with use("zh"):
        told = recommend(tuned.handle, tuned.handle.records(), None).reasons
    assert any("它有 8 个参数，而训练行只有 10 行" in reason for reason in told)
    many = found(study(small, {Cell(1, 2, 1): FAR}, space=SMALL))  # 9 parameters, 48 rows
    assert many.choice is not None
    assert many.choice.is_network
    assert not any("(interpolation)" in reason for reason in many.reasons)


def test_three_ranges_are_listed_with_one_and(small: Dataset) -> None:
    result = found(study(small, {Cell(1, 2, 1): FAR}, space=SMALL))
    assert "at the edge of the ranges of neuron_num, grid and k;" in (warning(result, "at the edge") or "")
