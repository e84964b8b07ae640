"""Parts of a Dask cluster are killed, or come late: no result is lost, none is doubled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from kanlab.data.dataset import Dataset
from kanlab.execution import dask_cluster
from kanlab.execution.manager import manager
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.spec import StudySpec
from tests.helpers import fake_cli, fake_worker
from tests.helpers.dask_programs import ROOT, DaskPrograms, gone
from tests.helpers.fits import fitted_cells, release, worker_pids
from tests.helpers.sentences import assert_sentence
from tests.helpers.studies import NESTED, STOCK, assert_whole, end, finished, results, state, wait_for

SPACE = SearchSpace((1, 3), (2, 9), (1, 1))
Plan = Callable[..., Path]


def begin(data: Dataset, programs: DaskPrograms, **spec: Any) -> tuple[StudyHandle, Supervisor]:
    handle = create_study(data, StudySpec(**{"space": SPACE, "engine": STOCK} | spec))
    return handle, manager().start(handle, programs.address)


@pytest.mark.parametrize("engine", [STOCK, NESTED])
def test_one_worker_is_killed(engine: str, small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    log = plan(hold_after=7)
    handle, supervisor = begin(small, programs, engine=engine)
    wait_for(lambda: len(fitted_cells(log)) >= 9 and len(finished(handle)) >= 7, 60)
    before, fits = results(handle), set(worker_pids(log)[-2:])
    victim = programs.living()[0]
    theirs = {child.pid for child in psutil.Process(victim.pid).children(recursive=True)}
    programs.kill(victim)
    wait_for(lambda: gone(fits & theirs), 60)  # its programs end with it
    release(log)
    assert end(supervisor) == "finished"
    assert_whole(handle, before)
    again = [c for c, count in Counter(fitted_cells(log)).items() if count > 1]
    assert len(again) <= (1 if engine == STOCK else 3)  # what it had in hand: a cell, or the cells of a unit


def test_all_workers_are_killed_and_others_come(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    log = plan(hold_after=7)
    handle, supervisor = begin(small, programs)
    wait_for(lambda: len(fitted_cells(log)) >= 9 and len(finished(handle)) >= 7, 60)
    before = results(handle)
    for worker in programs.living():
        programs.kill(worker)
    wait_for(lambda: state(handle).name == "queued", 60)
    assert_sentence(state(handle).detail)
    assert "Waiting for a worker of the Dask cluster" in state(handle).detail
    release(log)
    programs.join(1)
    assert end(supervisor) == "finished"
    assert_whole(handle, before)


@pytest.mark.parametrize("wanted", ["pause", "stop"])
def test_a_study_that_waits_for_workers_can_pause_and_stop(
    wanted: str, small: Dataset, plan: Plan, programs: DaskPrograms
) -> None:
    log = plan(hold_after=2)
    handle, supervisor = begin(small, programs)
    wait_for(lambda: len(fitted_cells(log)) >= 4, 60)
    for worker in programs.living():
        programs.kill(worker)
    wait_for(lambda: state(handle).name == "queued", 60)
    before = results(handle)
    (manager().pause if wanted == "pause" else manager().stop)(handle)
    assert end(supervisor) == ("paused" if wanted == "pause" else "stopped")
    release(log)
    assert end(manager().start(handle)) == "finished"  # on this machine
    assert_whole(handle, before)


def test_a_worker_joins_late(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    log = plan(hold_after=4)
    programs.kill(programs.living()[0])
    handle, supervisor = begin(small, programs)
    wait_for(lambda: len(fitted_cells(log)) >= 5, 60)
    assert len(set(worker_pids(log))) == 1
    programs.join(1)
    wait_for(lambda: len(set(worker_pids(log))) == 2, 60)  # while the first one is held
    before = results(handle)
    release(log)
    assert end(supervisor) == "finished"
    assert_whole(handle, before)


@pytest.mark.parametrize("then", ["on this machine", "on another cluster"])
def test_the_scheduler_is_killed(
    then: str, small: Dataset, fake_workers: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "CONNECT_SECONDS", 3.0)
    log = fake_workers(hold_after=7)
    clusters = [
        DaskPrograms(tmp_path / name) for name in ("first", "second") if then.endswith("cluster") or name == "first"
    ]
    try:
        for cluster in clusters:
            cluster.ready(1)
            cluster.use(fake_worker.environment(log=str(log), hold_after=7))
        handle, supervisor = begin(small, clusters[0])
        wait_for(lambda: len(fitted_cells(log)) >= 8 and len(finished(handle)) >= 7, 60)
        before, fits = results(handle), set(worker_pids(log))
        clusters[0].scheduler.kill()
        assert end(supervisor) == "interrupted"
        assert_sentence(state(handle).detail.partition(" Resume")[0])
        assert "no longer answers" in state(handle).detail
        assert not [r for r in handle.records() if r.state == "running"]
        wait_for(lambda: gone(fits), 60)
        release(log)
        address = clusters[1].address if then == "on another cluster" else None
        assert end(manager().start(handle, address)) == "finished"
        assert_whole(handle, before)
    finally:
        for cluster in clusters:
            cluster.close()


def test_whoever_runs_the_study_is_killed(small: Dataset, plan: Plan, programs: DaskPrograms) -> None:
    log = plan(hold_after=7)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK), name="led")
    process = subprocess.Popen(
        [sys.executable, fake_cli.__file__, "resume", "led", "--dask", programs.address],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(lambda: len(fitted_cells(log)) >= 9 and len(finished(handle)) >= 7, 60)
    before, fits = results(handle), set(worker_pids(log)[-2:])
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: gone(fits), 60)  # nobody wants them any more
    handle = load_study("led")
    assert state(handle).name == "interrupted"
    release(log)
    assert end(manager().start(handle, programs.address)) == "finished"
    assert_whole(handle, before)
