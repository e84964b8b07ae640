"""Records read little by little are those Optuna has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy
from optuna.trial import TrialState

from kanlab.data.dataset import Dataset
from kanlab.execution.manage import delete
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study import trial_reader
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.optuna_adapter import database, storage_of
from kanlab.study.sampler import distributions
from kanlab.study.spec import StudySpec
from kanlab.study.trials import record_failure
from tests.helpers.studies import STOCK, run, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 5), (1, 2))


def of_optuna(handle: StudyHandle) -> list[tuple[object, ...]]:
    return [
        (t.number, Cell(**t.params), t.user_attrs.get("rss_train"), t.user_attrs.get("aicc"), t._trial_id)
        for t in handle.optuna.get_trials()
        if t.user_attrs.get("fit", {}).get("status") != "interrupted" and len(t.params) == 3
    ]


def read(handle: StudyHandle) -> list[tuple[object, ...]]:
    return [(r.number, r.cell, r.rss_train, r.aicc, r.trial_id) for r in handle.records()]


def test_they_agree_with_optuna_while_a_study_runs(small: Dataset, fake_workers: Fake) -> None:
    cells = StudySpec(space=SPACE).admissible(48, 2)
    fake_workers(seconds=0.02, diverge=[cells[2]])
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=3, sampler="tpe", trials=12))
    supervisor = Supervisor(handle)
    supervisor.start()
    while supervisor.is_alive():
        numbers = [r.number for r in handle.records()]
        assert numbers == sorted(set(numbers))
    assert read(handle) == of_optuna(handle)
    assert len(handle.records()) == 12


def test_a_finished_trial_is_read_once(small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    handle = run(small, space=SPACE)
    before = handle.records()
    seen: list[str] = []
    engine = database(storage_of(handle.optuna))
    sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *a: seen.append(a[2]))
    assert handle.records() == before
    assert len(seen) == 1  # nothing is new, so neither parameters nor attributes are asked for


def test_trials_that_finish_later_or_never(small: Dataset) -> None:
    handle = create_study(small, StudySpec(space=SPACE))
    trials = []
    for cell in StudySpec(space=SPACE).admissible(48, 2)[:3]:
        handle.optuna.enqueue_trial(cell._asdict())
        trials.append(handle.optuna.ask(distributions(SPACE)))
    assert [r.state for r in handle.records()] == ["running"] * 3
    trials[2].set_user_attr("rss_train", 2.0)
    trials[2].set_user_attr("aicc", 1.0)
    handle.optuna.tell(trials[2], 1.0)
    record_failure(handle.optuna, trials[0], "interrupted")
    assert [(r.number, r.state) for r in handle.records()] == [(1, "running"), (2, "complete")]
    handle.optuna.tell(trials[1], state=TrialState.PRUNED)
    assert [(r.number, r.state) for r in handle.records()] == [(1, "running"), (2, "complete")]


def test_a_new_study_does_not_inherit_the_trials_of_a_deleted_one(small: Dataset, fake_workers: Fake) -> None:
    """SQLite gives the new one the number of the old one; another process may have deleted it."""
    fake_workers()
    handle = run(small, space=SPACE, name="old")
    assert handle.records()
    delete(handle)
    new = create_study(small, StudySpec(space=SPACE), name="new")
    assert new.id == handle.id
    assert load_study("new").records() == []
    assert trial_reader._readers
    wait_for(lambda: new.optuna.get_trials(deepcopy=False) == [])
