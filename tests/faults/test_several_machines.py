"""Four machines on one PostgreSQL, each a process with a home of its own that knows the storage's address alone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from optuna.trial import TrialState

from kanlab.data.dataset import Dataset
from kanlab.execution import remote
from kanlab.execution.manager import manager
from kanlab.kan.search_space import SearchSpace
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.lease import claim, holder
from kanlab.study.optuna_adapter import storage_of
from kanlab.study.spec import StudySpec
from kanlab.study.storage import get_storage
from tests.helpers import fake_cli
from tests.helpers.fits import fitted_cells, worker_pids
from tests.helpers.studies import NESTED, STOCK, by_cell, finish, finished, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 9), (1, 3))
ROOT = Path(__file__).parents[2]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """Start `kanlab worker NAME --storage URL` as another machine would."""
    started: list[subprocess.Popen[str]] = []

    def start(name: str, url: str) -> subprocess.Popen[str]:
        home = tmp_path / f"machine-{len(started)}"
        environment = os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, fake_cli.__file__, "worker", name, "--storage", url, "--workers", "1"]
        process = subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("victim", ["a worker", "the supervisor"])
def test_four_workers_one_killed_every_cell_once(
    victim: str, url: str, small: Dataset, fake_workers: Fake, machine: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    log = fake_workers(seconds=0.1, jitter=0.1)
    sampler, engine = ("exhaustive", NESTED) if victim == "a worker" else ("tpe", STOCK)
    spec = StudySpec(space=SPACE, engine=engine, sampler=sampler)
    cells = spec.admissible(small.n, small.d)
    handle = create_study(small, spec, name=f"shared by {victim}", storage_url=url)
    machines = [machine(handle.name, url) for _ in range(4)]
    wait_for(lambda: len(set(worker_pids(log))) == 4 and len(finished(handle)) >= 5, 60)
    leading = holder(handle.optuna)
    assert leading is not None
    dead = next(m for m in machines if (m.pid == leading.process.pid) == (victim == "the supervisor"))
    before = by_cell([r for r in handle.records() if r.state != "running"])
    os.kill(dead.pid, signal.SIGKILL)
    for process in machines:
        if process is not dead:
            _, said = process.communicate(timeout=60)
            assert process.returncode == 0, said
            assert f"All {len(cells)} trials are done." in said
    assert state(handle).name == "finished"
    after = by_cell(handle.records())
    assert [row for row in after if row in before] == before  # lost: 0
    assert sorted(finished(handle)) == sorted(cells)  # none lost, none twice
    assert {r.state for r in handle.records()} == {"complete"}
    again = {c: count for c, count in Counter(fitted_cells(log)).items() if count > 1}
    most = 3 * 4 if engine == NESTED else 8 + 4  # units or trials in hand when it died
    assert len(again) <= most
    with remote.database(storage_of(handle.optuna)).connect() as connection:
        assert connection.execute(remote.select(remote.SLOTS.c.slot)).all() == []
        assert connection.execute(remote.select(remote.MESSAGES.c.id)).all() == []


def test_numbers_are_those_of_one_machine(url: str, small: Dataset, fake_workers: Fake) -> None:
    fake_workers()
    spec = StudySpec(space=SPACE, engine=STOCK, sampler="tpe", trials=20, seed=3)
    handles = [create_study(small, spec, storage_url=u) for u in (url, None)]
    for handle in handles:
        finish(handle)
    assert by_cell(handles[0].records()) == by_cell(handles[1].records())


def test_helpers_join_a_study_of_the_app_and_stop_with_it(
    url: str, small: Dataset, fake_workers: Fake, machine: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    log = fake_workers(seconds=0.3)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1), name="led", storage_url=url)
    supervisor = manager().start(handle)
    helpers = [machine("led", url) for _ in range(2)]
    wait_for(lambda: len(set(worker_pids(log))) == 3, 60)
    manager().stop(handle)
    began = time.monotonic()
    supervisor.join(20)
    assert time.monotonic() - began < 10
    for helper in helpers:
        _, said = helper.communicate(timeout=20)
        assert "is stopped" in said
    assert not handle.optuna.get_trials(states=(TrialState.RUNNING,))


def test_a_worker_for_a_study_that_has_ended(
    url: str, small: Dataset, fake_workers: Fake, machine: Callable[[str, str], subprocess.Popen[str]]
) -> None:
    fake_workers()
    handle = create_study(small, StudySpec(space=SearchSpace((1, 1), (2, 3), (1, 1))), name="over", storage_url=url)
    finish(handle)
    process = machine("over", url)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 2
    assert "'over' is finished" in said


def test_the_lease_on_postgresql(url: str, small: Dataset) -> None:
    handle: StudyHandle = create_study(small, StudySpec(), storage_url=url)
    lease = claim(handle.optuna, wait=0)
    lease.renew()
    assert holder(handle.optuna) is not None
    lease.release()
    assert holder(handle.optuna) is None
    assert get_storage(url) is storage_of(handle.optuna)
