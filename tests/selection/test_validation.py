"""Validation of a study: the plan, what answers come to, and a small validation from end to end."""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kanlab.api import Study, open_study, tune
from kanlab.baselines.registry import COMPARISON_FAMILIES, baselines
from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.final_check import keep_final_check
from kanlab.execution.messages import (
    AverageTask,
    DofTask,
    EdfTask,
    FamilyFoldTask,
    FamilyTask,
    FinalCheckTask,
    FoldTask,
    PermutationTask,
    RefitTask,
)
from kanlab.execution.worker_pool import Failure, Job
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.selection import validation_plan, validation_run
from kanlab.selection.validation import Step, Validation, collect, read_validation
from kanlab.selection.validation_plan import confidence_set, null_cells, plan
from kanlab.selection.validation_run import start_validation, stop_validation, validate
from kanlab.study.handle import load_study
from kanlab.study.model_key import ModelKey
from kanlab.study.spec import StudySpec
from kanlab.study.storage import stored_path
from kanlab.study.trials import ranked
from tests.helpers.sentences import refused
from tests.helpers.studies import wait_for
from tests.helpers.validations import study

SPACE = SearchSpace((1, 2), (2, 4), (1, 2))
SCORES = {Cell(1, 2, 1): -90.0, Cell(1, 3, 1): -100.0, Cell(1, 2, 2): -99.0, Cell(2, 2, 1): -50.0}


# ---- the plan


def test_the_plan_says_most_first(small: Dataset) -> None:
    handle = study(small, SCORES, space=SPACE, seed=7)
    jobs = plan(handle)
    assert len({j.key for j in jobs}) == len(jobs)
    counts = Counter(type(j.task) for j in jobs)
    assert counts.pop(FinalCheckTask) == 1
    assert counts == {
        RefitTask: 4 * 5, FoldTask: 4 * 5, FamilyFoldTask: 8 * 5, FamilyTask: 4, AverageTask: 1, PermutationTask: 21,
        DofTask: 24, EdfTask: 3,
    }  # fmt: skip
    final_check = jobs[0].task
    assert isinstance(final_check, FinalCheckTask)
    keep_final_check(handle, final_check, {"press": 1.0, "press_se": 0.1, "reduced": None})
    assert FinalCheckTask not in {type(j.task) for j in plan(handle)}  # it is known now
    first = [j.task for j in jobs if isinstance(j.task, RefitTask)][:5]
    assert [t.cell for t in first] == [Cell(1, 3, 1)] * 5
    assert [t.seed for t in first] == [8, 9, 10, 11, 12]
    assert {j.task.family for j in jobs if isinstance(j.task, FamilyTask)} == set(COMPARISON_FAMILIES)
    shuffles = [j.task.shuffle for j in jobs if isinstance(j.task, PermutationTask)]
    assert shuffles[0] is None
    assert len(set(shuffles)) == 21


def test_a_study_of_stock_networks_has_no_linear_smoother(small: Dataset) -> None:
    tasks = {type(j.task) for j in plan(study(small, SCORES, space=SPACE, engine="pykan-lbfgs"))}
    assert tasks.isdisjoint({EdfTask, FinalCheckTask})


def test_the_cells_of_the_null_run_do_not_depend_on_the_target() -> None:
    spec = StudySpec()
    cells = null_cells(spec, 300, 3)
    sizes = [spec.n_params(c, 3) for c in cells]
    assert len(cells) == validation_plan.NULL_CELLS
    assert sizes == sorted(sizes)
    assert sizes[0] == min(spec.n_params(c, 3) for c in spec.admissible(300, 3))
    assert 80 < sizes[-1] <= 100
    few = null_cells(spec, 25, 2)  # no cell has three rows a parameter
    assert few[0] == spec.admissible(25, 2)[0]
    assert 1 <= len(few) <= validation_plan.NULL_CELLS


def test_a_permutation_test_of_products_fits_some() -> None:
    """Half of its cells have a node that multiplies where the study has such, from small to large."""
    spec = StudySpec(SearchSpace((1, 10), (2, 10), (1, 3), multiplication=(0, 1)))
    cells = null_cells(spec, 300, 3)
    kinds = [c.multiplication for c in cells]
    assert (kinds.count(0), kinds.count(1)) == (3, 3)
    assert all(3 * spec.n_params(c, 3) <= 300 for c in cells)
    sizes = [spec.n_params(c, 3) for c in cells if c.multiplication]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 2 * sizes[0]
    assert null_cells(spec, 40, 3) == null_cells(replace(spec, space=replace(spec.space, multiplication=(0, 0))), 40, 3)


# ---- the confidence set


def test_the_confidence_set(small: Dataset) -> None:
    records = study(small, SCORES, space=SPACE).records()
    kept = confidence_set(records)
    raw = np.exp(-0.5 * np.array([0.0, 1.0, 10.0]))
    assert [r.cell for r, _ in kept] == [Cell(1, 3, 1), Cell(1, 2, 2)]
    np.testing.assert_allclose([w for _, w in kept], raw[:2] / raw[:2].sum())
    assert len(confidence_set(records, 0.999)) == 3
    assert len(confidence_set(records, 0.5)) == 1
    assert confidence_set([]) == []


# ---- what answers come to


SMALL = ModelKey(cell=Cell(1, 2, 1))
GAM = {"family": "gam", "n_params": 4.0, "rss_train": 1.0, "rss_test": None, "aicc": 2.0}


def test_answers_are_collected_and_failures_leave_a_gap() -> None:
    answers: dict[Any, Any] = {
        Step("refit", SMALL, 2): {"rss_train": 3.0, "rss_test": 1.0, "extrapolates": 0.0, "seconds": 0.1},
        Step("refit", SMALL, 1): Failure("the process ended: killed by signal 9"),
        Step("fold", ModelKey("linear"), 1): {"rss": 8.0, "loss": 8.0, "rows": 4},
        Step("fold", ModelKey("linear"), 0): {"rss": 5.0, "loss": 5.0, "rows": 5},
        Step("family", ModelKey("gam")): GAM | {"seconds": 1.0},
        Step("dof", SMALL, 3): {"dof": 7.5},
        Step("edf", SMALL): {"edf": 6.0},
        Step("permutation", number=2): {"gain": 4.0},
        Step("permutation", number=0): {"gain": 40.0},
        Step("permutation", number=1): {"gain": -1.0},
        Step("average"): {"rss_train": 2.0, "rss_test": None},
    }  # fmt: skip
    found = collect(answers, 20, "running")
    assert (found.done, found.total, found.state) == (11, 20, "running")
    assert [e["seed"] for e in found.refits[SMALL]] == [2]
    assert found.folds == {ModelKey("linear"): [1.0, 2.0]}
    assert found.families == [GAM]
    assert (found.dof, found.edf) == ({SMALL: [7.5]}, {SMALL: 6.0})
    assert found.null == {"gain": 40.0, "permuted": [-1.0, 4.0]}
    assert found.average == {"rss_train": 2.0, "rss_test": None}
    stored = found.to_dict()
    assert set(stored["folds"]) == {"linear"}  # readable
    assert set(stored["refits"]) == set(stored["edf"]) == {"1,2,1"}
    assert read_validation({"validation": json.loads(json.dumps(stored))}) == found
    assert read_validation({"judgement": found.to_dict()}) == found  # as versions before stored it
    assert read_validation({}) is None


def test_the_null_run_says_nothing_before_its_own_target_is_known() -> None:
    assert collect({Step("permutation", number=1): {"gain": 4.0}}, 21, "running").null == {}


def test_a_validation_that_its_process_has_left_is_not_live() -> None:
    assert Validation(written=time.time()).is_live
    assert not Validation(written=time.time() - 1000).is_live
    assert not Validation(state="done", written=time.time()).is_live


# ---- validating


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "FINALISTS": 2,
        "SEEDS": 2,
        "VERIFIED": 2,
        "FOLDS": 2,
        "PERMUTATIONS": 3,
        "NULL_CELLS": 2,
    }.items():
        monkeypatch.setattr(validation_plan, name, value)
    monkeypatch.setattr(validation_plan, "DOF_FINALISTS", 1)
    monkeypatch.setattr(validation_plan, "DOF_PAIRS", 2)


def without_clocks(found: Validation) -> Validation:
    refits = {key: [e | {"seconds": 0.0} for e in entries] for key, entries in found.refits.items()}
    return replace(found, written=0.0, refits=refits)


@pytest.mark.usefixtures("few")
def test_a_validation_end_to_end(small: Dataset) -> None:
    """The default engine in real workers; what is written is what is returned; two workers give the same."""
    tuned = tune(small, SearchSpace((1, 2), (2, 3), (1, 1)), name="mine", workers=1)
    heard: list[int] = []
    found = tuned.validate(workers=1, on_progress=lambda j: heard.append(j.done))
    assert (found.state, found.detail) == ("done", "")
    assert heard[0] == 0
    assert heard[-1] == found.done == found.total == len(plan(tuned.handle))
    assert open_study("mine").validation == found

    finalists_by_rank = ranked(tuned.handle.records())
    finalists = {r.key for r in finalists_by_rank[:2]}
    assert set(found.refits) == finalists
    assert all(len(entries) == 2 for entries in found.refits.values())
    others = ("constant", "linear", "stepwise", "ridge", *COMPARISON_FAMILIES)
    assert set(found.folds) == finalists | {ModelKey(name) for name in others}
    assert min(np.mean(found.folds[key]) for key in finalists) < np.mean(found.folds[ModelKey("constant")])
    assert {f["family"] for f in found.families} == set(COMPARISON_FAMILIES)
    assert len(found.null["permuted"]) == 3
    assert found.null["gain"] > max(found.null["permuted"])
    assert set(found.dof) == set(found.edf) == {finalists_by_rank[0].key}
    assert 0 < found.average["rss_train"] < (baselines(small)[0].rss_train)

    again = validate(tuned.handle, workers=2)
    assert without_clocks(again) == without_clocks(found)

    content = tuned.to_dict()
    assert content["validation"] == content["judgement"] == "done"
    assert content["warnings"] == content["alarms"]
    assert tuned.judgement == again
    assert tuned.verdict == tuned.recommendation
    assert [b["family"] for b in content["baselines"]] == [
        "constant",
        "linear",
        "stepwise",
        "ridge",
        *sorted(COMPARISON_FAMILIES),
    ]
    assert content["recommended"]["family"] == "kan"
    assert tuned.recommendation.choice is not None
    assert tuned.recommended == tuned.recommendation.choice.model


def sleepy(jobs: list[Job], *_: Any, on_answer: Any, stop: Any, **__: Any) -> list[Any]:
    """Stands for a pool that answers once and then waits to be stopped."""
    on_answer(jobs[0], {"rss_train": 1.0, "rss_test": None, "extrapolates": None})
    wait_for(stop)
    return []


def test_in_the_background_and_stopped(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation_run, "run_tasks", sleepy)
    handle = study(small, SCORES, space=SPACE)
    first = start_validation(handle)
    assert start_validation(handle) is first
    assert Study(handle).validation.is_live  # type: ignore[union-attr]
    with refused(StudyError, "is being validated already"):
        Study(handle).validate()
    stop_validation(handle)
    first.join(20)
    found = Study(load_study(handle.name)).validation
    assert found is not None
    assert (found.state, found.done) == ("stopped", 1)
    assert not first.is_alive()


def test_failed_steps_are_told(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(jobs: list[Job], *_: Any, on_answer: Any, **__: Any) -> list[Any]:
        for job in jobs:
            on_answer(job, Failure("killed by signal 9"))
        return []

    monkeypatch.setattr(validation_run, "run_tasks", broken)
    found = validate(study(small, SCORES, space=SPACE), workers=1)
    assert found.state == "done"
    assert found.detail == f"{found.total} of {found.total} steps failed, one of them so: killed by signal 9"


def test_an_interrupted_validation_keeps_what_it_knows(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(jobs: list[Job], *_: Any, on_answer: Any, **__: Any) -> list[Any]:
        on_answer(jobs[0], {"rss_train": 1.0, "rss_test": None, "extrapolates": None})
        raise KeyboardInterrupt

    monkeypatch.setattr(validation_run, "run_tasks", interrupted)
    handle = study(small, SCORES, space=SPACE)
    with pytest.raises(KeyboardInterrupt):
        validate(handle, workers=1)
    found = Study(handle).validation
    assert found is not None
    assert (found.state, found.done) == ("stopped", 1)


def test_nothing_to_validate(small: Dataset) -> None:
    with refused(StudyError, "there is nothing to validate"):
        Study(study(small, {}, space=SPACE)).validate()


def test_a_background_validation_whose_data_are_gone_says_so(small: Dataset) -> None:
    handle = study(small, SCORES, space=SPACE)
    stored_path(small.sha256).unlink()
    started = start_validation(handle)
    started.join(20)
    found = Study(handle).validation
    assert found is not None
    assert found.state == "failed"
    assert "no longer in" in found.detail
