"""Processes killed at any moment: no trial lost, none counted twice, never two supervisors on one study."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import SearchSpace
from kanlab.study import lease
from kanlab.study.handle import StudyHandle, create_study, load_study
from kanlab.study.lease import LeaseLost, Watch, claim, holder
from kanlab.study.processes import process_started
from kanlab.study.spec import StudySpec
from kanlab.study.state import request_stop
from tests.helpers.fits import fitted_cells, release, worker_pids
from tests.helpers.sentences import refused
from tests.helpers.studies import NESTED, STOCK, finished, numbers, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 3), (2, 9), (1, 3))


class Runner:
    """tests/helpers/runner.py, which starts supervisors in processes of their own."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.helpers.runner"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert self._read() == "ready"

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def run(self, name: str) -> int:
        """Start a supervisor; returns its process."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{name}\n")
        self._process.stdin.flush()
        return int(self._read())

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.fixture
def runner(fake_workers: Fake, kanlab_home: Path) -> Iterator[Callable[..., tuple[Runner, Path]]]:
    started: list[Runner] = []

    def start(**plan: object) -> tuple[Runner, Path]:
        log = fake_workers(**plan)
        started.append(Runner())
        return started[0], log

    yield start
    for each in started:
        each.close()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: process_started(pid) is None)


@pytest.mark.parametrize(("engine", "sampler"), [(NESTED, "exhaustive"), (STOCK, "tpe")])
def test_kill_at_twenty_random_moments(
    engine: str, sampler: str, small: Dataset, runner: Callable[..., tuple[Runner, Path]]
) -> None:
    """Of the supervisor, or of the supervisor and the worker that is fitting: the study is resumed and ends whole.

    At most one fit ends between two kills, so that the study outlasts them on any machine.
    """
    program, log = runner(seconds=0.02, jitter=0.05, hold_after=0)
    spec = StudySpec(space=SPACE, engine=engine, sampler=sampler, workers=2)
    cells = spec.admissible(small.n, small.d)
    handle = create_study(small, spec, name="hunted")
    moments = random.Random(20)
    for turn in range(20):
        release(log, up_to=len(fitted_cells(log)) + 1)
        before = numbers([r for r in handle.records() if r.state != "running"])
        pid = program.run("hunted")
        time.sleep(moments.uniform(0.02, 0.5))
        if turn % 3 == 2 and (workers := worker_pids(log)) and process_started(workers[-1]):
            os.kill(workers[-1], signal.SIGKILL)
        kill(pid)
        after = numbers([r for r in handle.records() if r.state != "running"])
        assert [r for r in after if r in before] == before  # lost: 0
        found = [row[1] for row in after]
        assert len(found) == len(set(found))  # duplicated: 0
    release(log)
    last = program.run("hunted")
    wait_for(lambda: process_started(last) is None, 60)
    assert state(handle).name == "finished"
    found = finished(handle)
    assert sorted(found) == sorted(cells)
    assert {r.state for r in handle.records()} == {"complete"}


def test_two_supervisors_never_run_one_study(small: Dataset, runner: Callable[..., tuple[Runner, Path]]) -> None:
    """Four processes want it at once, over and over: one at a time has it."""
    program, log = runner(seconds=0.5)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1), name="wanted")
    for _ in range(3):
        pids = [program.run("wanted") for _ in range(4)]
        (holding,) = wait_for(lambda pids=pids: alone(pids))
        found = holder(handle.optuna)
        assert found is not None
        assert found.process.pid == holding
        already = len(finished(handle))
        wait_for(lambda already=already: len(finished(handle)) > already)
        before = numbers([r for r in handle.records() if r.state != "running"])
        kill(holding)
        after = numbers([r for r in handle.records() if r.state != "running"])
        assert [r for r in after if r in before] == before  # lost: 0
        assert len({row[1] for row in after}) == len(after)  # duplicated: 0
    workers = worker_pids(log)
    changes = sum(a != b for a, b in itertools.pairwise(workers))
    assert changes == len(set(workers)) - 1  # never back to one that had been replaced


def alone(pids: list[int]) -> list[int]:
    living = [pid for pid in pids if process_started(pid) is not None]
    return living if len(living) == 1 else []


def test_what_a_kill_leaves_is_said_and_can_be_resumed(
    small: Dataset, runner: Callable[..., tuple[Runner, Path]]
) -> None:
    program, log = runner(seconds=0.1)
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1, trials=12, sampler="random"))
    pid = program.run(handle.name)
    wait_for(lambda: len(finished(handle)) >= 3)
    assert state(handle).name == "running"
    kill(pid)
    assert state(handle).name == "interrupted"
    assert state(handle).detail == "The process that ran this study ended before it was done."
    done = len(finished(handle))
    log.write_text("")
    program.run(handle.name)
    wait_for(lambda: state(handle).name == "finished")
    assert len(fitted_cells(log)) == 12 - done  # the budget is what remained


def test_no_worker_outlives_a_killed_supervisor(small: Dataset, runner: Callable[..., tuple[Runner, Path]]) -> None:
    program, log = runner(hang=[StudySpec(space=SPACE, engine=STOCK).admissible(small.n, small.d)[0]])
    handle = create_study(small, StudySpec(space=SPACE, engine=STOCK, workers=1))
    pid = program.run(handle.name)
    wait_for(lambda: worker_pids(log))
    kill(pid)
    wait_for(lambda: process_started(worker_pids(log)[0]) is None)


# ---- the lease itself


@pytest.fixture
def handle(small: Dataset) -> StudyHandle:
    return create_study(small, StudySpec(space=SPACE, engine=STOCK), name="mine")


def test_a_lease_is_held_once(handle: StudyHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    first = claim(handle.optuna)
    with refused(StudyError, "'mine' is running already"):
        claim(handle.optuna, wait=0)
    first.release()
    assert holder(handle.optuna) is None
    claim(handle.optuna, wait=0).release()


def test_of_many_that_claim_at_once_one_succeeds(handle: StudyHandle) -> None:
    won: list[lease.Lease] = []
    gate = threading.Barrier(8)

    def race() -> None:
        gate.wait()
        with contextlib.suppress(StudyError):
            won.append(claim(handle.optuna, wait=0))

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_a_silent_holder_elsewhere_is_watched_then_replaced(
    handle: StudyHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its beats, whatever the clocks say: here its machine cannot be asked."""
    monkeypatch.setattr(lease, "STALE_SECONDS", 0.8)
    monkeypatch.setattr(lease, "_WATCH_SECONDS", 0.05)
    first = claim(handle.optuna)
    monkeypatch.setattr("kanlab.study.processes.host", lambda: "another")
    ends = time.monotonic() + 1.2

    def beat() -> None:
        while time.monotonic() < ends:
            first.renew()
            time.sleep(0.2)

    beating = threading.Thread(target=beat)
    beating.start()
    monkeypatch.setattr(time, "time", lambda: 0.0)  # the clock jumps
    with refused(StudyError, "running already on another machine"):
        claim(handle.optuna, wait=2)
    beating.join()
    second = claim(handle.optuna, wait=2)
    with pytest.raises(LeaseLost):
        first.renew()
    second.renew()


def test_a_number_of_a_process_used_again_is_another_process(handle: StudyHandle) -> None:
    first = claim(handle.optuna)
    found = holder(handle.optuna)
    assert found is not None
    assert not found.is_gone
    again = lease.Holder(found.owner.replace(found.process.started, "12345"), 0)
    assert again.is_gone
    first.release()


def test_a_supervisor_that_has_lost_its_lease_writes_nothing_more(
    handle: StudyHandle, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that was suspended for a while and wakes up."""
    cells = handle.spec.admissible(48, 2)
    log = fake_workers(hang=[cells[0]])
    first = Supervisor(handle)
    first.start()
    wait_for(lambda: fitted_cells(log))
    assert first._lease is not None
    lease._ours.discard(first._lease.owner)  # as if its process had ended
    second = wait_for(lambda: Watch(load_study("mine").optuna).claim())  # again where a beat comes in between
    first.join(20)
    assert not first.is_alive()
    assert state(handle).name == "running"  # the word of the new holder, not an end
    second.renew()
    second.release()
    request_stop(handle.optuna)
