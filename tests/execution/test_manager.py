"""The manager of a process: several studies at once, none of them twice."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import optuna
import pytest

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution import manager as jobs
from kanlab.execution import supervisor as supervisor_module
from kanlab.execution.manager import JobManager, manager
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import create_study, load_study
from kanlab.study.processes import process_started
from kanlab.study.spec import StudySpec
from kanlab.study.state import StudyState
from tests.helpers.fits import fitted_cells, release, worker_pids
from tests.helpers.sentences import refused
from tests.helpers.studies import STOCK, finish, finished, numbers, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 5), (1, 2))


def test_two_studies_at_once_do_not_disturb_one_another(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(jitter=0.03)
    specs = [
        StudySpec(space=SPACE, engine=STOCK, seed=1),
        StudySpec(space=SPACE, engine=STOCK, sampler="tpe", seed=2, count="trainable"),
    ]
    alone = []
    for spec in specs:
        finish(handle := create_study(small, spec))
        alone.append(numbers(handle.records()))
    handles = [create_study(small, spec) for spec in specs]
    supervisors = [manager().start(handle) for handle in handles]
    assert all(s.is_alive() for s in supervisors)
    for supervisor in supervisors:
        supervisor.join(60)
    assert [state(h).name for h in handles] == ["finished", "finished"]
    assert [numbers(h.records()) for h in handles] == alone


def test_studies_share_the_slots(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(hold_after=0)
    jobs = JobManager(slots=5)
    handles = [create_study(small, StudySpec(space=SPACE, engine=STOCK)) for _ in range(2)]
    keys = [h.key for h in handles]
    first = jobs.start(handles[0])
    assert jobs._share(keys[0]) == 5
    second = jobs.start(handles[1])
    assert [jobs._share(key) for key in keys] == [3, 2]
    jobs.stop(handles[0])
    first.join(20)
    assert jobs._share(keys[1]) == 5
    jobs.stop(handles[1])
    second.join(20)


def test_more_studies_than_slots_wait_for_their_turn(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_after=0)
    jobs = JobManager(slots=1)
    specs = [StudySpec(space=SPACE, engine=STOCK, seed=seed) for seed in range(3)]
    handles = [create_study(small, spec) for spec in specs]
    supervisors = [jobs.start(handle) for handle in handles]
    wait_for(lambda: state(handles[2]).detail == "Number 2 in the queue for a free slot.")
    assert [state(h).name for h in handles[1:]] == ["queued", "queued"]
    jobs.stop(handles[1])  # while it waits
    wait_for(lambda: state(handles[2]).detail == "Number 1 in the queue for a free slot.")
    assert state(handles[1]).name == "stopped"
    assert handles[1].records() == []
    release(log)
    for supervisor in supervisors:
        supervisor.join(60)
    assert [state(h).name for h in handles] == ["finished", "stopped", "finished"]
    seeds = [line.split()[3] for line in log.read_text().splitlines()]
    assert seeds == sorted(seeds)
    assert "1" not in seeds


def test_a_study_in_the_queue_is_never_called_running(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_workers(hold_after=0)
    jobs, told = JobManager(slots=1), []
    write = supervisor_module.write_state

    def noted(study: optuna.Study, new: StudyState) -> None:
        told.append((study.study_name, new.name))
        write(study, new)

    monkeypatch.setattr(supervisor_module, "write_state", noted)
    first, second = (create_study(small, StudySpec(space=SPACE, engine=STOCK), name=name) for name in ("one", "two"))
    supervisors = [jobs.start(handle) for handle in (first, second)]
    wait_for(lambda: state(second).detail == "Number 1 in the queue for a free slot.")
    assert {name for study, name in told if study == "two"} == {"queued"}
    for handle, supervisor in zip((second, first), reversed(supervisors), strict=True):
        jobs.stop(handle)
        supervisor.join(60)


def test_the_time_in_the_queue_is_not_the_time_of_the_study(
    small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that one with a budget of minutes is not over before it has begun. The clock jumps by a day in the queue."""
    log = fake_workers(hold_after=0)
    later = [0.0]
    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + later[0], sleep=time.sleep)
    monkeypatch.setattr(supervisor_module, "time", clock)
    jobs = JobManager(slots=1)
    first = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    second = create_study(small, StudySpec(space=SPACE, engine=STOCK, trials=3, minutes=10))
    supervisors = [jobs.start(handle) for handle in (first, second)]
    wait_for(lambda: state(second).name == "queued" and state(second).detail)
    later[0] = 86_400.0
    written = state(second).heartbeat
    wait_for(lambda: state(second).heartbeat > written)
    assert state(second).name == "queued"
    jobs.stop(first)
    release(log)
    for supervisor in supervisors:
        supervisor.join(60)
    assert state(second).detail == "All 3 trials are done."
    assert state(second).elapsed < 43_200


def test_a_server_leaves_a_core_to_its_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "default_workers", lambda: 4)
    served = JobManager()
    assert served.slots == 4
    served.serve()
    assert served.slots == 3
    monkeypatch.setenv("KANLAB_SLOTS", "7")
    chosen = JobManager()
    chosen.serve()
    assert chosen.slots == 7


def test_pause_finishes_the_fits_in_hand_and_begins_no_other(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_after=2)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=2))
    supervisor = manager().start(handle)
    wait_for(lambda: len(fitted_cells(log)) >= 3)
    manager().pause(handle)
    release(log)
    supervisor.join(20)
    assert state(handle).name == "paused"
    done = finished(handle)
    assert sorted(done) == sorted(fitted_cells(log))  # every fit that began has its result
    log.write_text("")
    manager().start(handle).join(60)
    assert state(handle).name == "finished"
    assert sorted(finished(handle)) == sorted(handle.spec.admissible(48, 2))


def test_a_pause_that_is_taken_back(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(hold_after=0)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    supervisor = manager().start(handle)
    wait_for(lambda: state(handle).name == "running" and state(handle).detail == "")
    manager().pause(handle)
    wait_for(lambda: state(handle).name == "pausing")
    assert manager().start(handle) is supervisor
    wait_for(lambda: state(handle).name == "running")
    manager().stop(handle)
    supervisor.join(20)


def test_a_study_runs_once(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_after=1)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1), name="mine")
    supervisor = manager().start(handle)
    for again in (handle, load_study("mine")):
        with refused(StudyError, "'mine' is running already", "stop it first"):
            manager().start(again)
    wait_for(lambda: fitted_cells(log))
    with refused(StudyError, "running already"):
        JobManager().start(handle)  # as another process would
    manager().stop(handle)
    supervisor.join(20)
    assert state(handle).name == "stopped"
    release(log)
    manager().start(handle).join(60)
    assert state(handle).name == "finished"
    assert len(finished(handle)) == len(handle.spec.admissible(48, 2))


def test_a_stop_right_after_the_start_is_heard(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(seconds=5)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK))
    supervisor = manager().start(handle)
    manager().stop(handle)
    supervisor.join(20)
    assert state(handle).name == "stopped"
    assert handle.records() == []
    assert len(fitted_cells(log)) <= 4


def test_stop_in_the_middle_of_a_fit_does_not_wait_for_it(small: Dataset, fake_workers: Fake) -> None:
    cells = StudySpec(space=SPACE, engine=STOCK).admissible(48, 2)
    log = fake_workers(hang=[cells[0]])
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    supervisor = manager().start(handle)
    wait_for(lambda: fitted_cells(log))
    manager().stop(handle)
    supervisor.join(2)  # what is promised
    assert not supervisor.is_alive()
    assert state(handle).name == "stopped"
    assert [process_started(pid) for pid in worker_pids(log)] == [None]
    assert handle.records() == []  # its cell is open again


def test_the_manager_outlives_a_reload_of_its_source() -> None:
    before = manager()
    assert manager() is before
    assert importlib.reload(jobs).manager() is before
