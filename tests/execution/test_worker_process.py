"""One worker process, seen from the supervisor's end."""

from __future__ import annotations

import os
import queue
import re
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from kanlab.data.dataset import Dataset
from kanlab.engines.registry import FitOptions, Unit
from kanlab.execution import worker_process
from kanlab.execution.messages import Done, Exit, Fit, Message, Ready, Request, UnitTask
from kanlab.execution.worker_process import WorkerProcess, spare_worker
from tests.helpers import fake_worker
from tests.helpers.studies import wait_for

pytestmark = pytest.mark.usefixtures("real_workers")

Start = Callable[..., WorkerProcess]


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts a fake worker with a plan; whatever is left at the end is killed."""
    started: list[WorkerProcess] = []

    def begin(**plan: Any) -> WorkerProcess:
        for name, value in fake_worker.environment(log=str(tmp_path / "log"), **plan).items():
            monkeypatch.setenv(name, value)
        worker = WorkerProcess(queue.Queue(), preload_pykan=False, program=(fake_worker.__file__,))
        started.append(worker)
        return worker

    yield begin
    for worker in started:
        if worker._process.poll() is None:
            worker.kill()


def hear(worker: WorkerProcess) -> Message:
    sender, message = worker.inbox.get(timeout=20)
    assert sender is worker
    return message


def submit(worker: WorkerProcess, tmp_path: Path, *neuron_nums: int) -> None:
    (tmp_path / "data.parquet").touch()
    task = UnitTask(unit=Unit(3, 2, neuron_nums), engine="pykan-adam", options=FitOptions(), seed=4)
    worker.send(Request(str(tmp_path / "data.parquet"), task))


def test_a_unit_is_answered_cell_by_cell(start: Start, tmp_path: Path) -> None:
    worker = start()
    assert hear(worker) == Ready()
    for _ in range(2):
        submit(worker, tmp_path, 1, 2)
        for neuron_num in (1, 2):
            message = hear(worker)
            assert isinstance(message, Fit)
            assert message.outcome.rss_train == fake_worker.rss((neuron_num, 3, 2))
        assert hear(worker) == Done()
    assert (tmp_path / "log").read_text() == f"1 3 2 4 {worker.pid} 1\n2 3 2 4 {worker.pid} 1\n" * 2


def test_a_crash_is_heard_with_its_last_words(start: Start, tmp_path: Path) -> None:
    worker = start(crash=[(1, 3, 2)])
    assert hear(worker) == Ready()
    submit(worker, tmp_path, 1)
    assert hear(worker) == Exit("MemoryError: no more room")


def test_a_killed_worker_is_heard_with_its_signal(start: Start, tmp_path: Path) -> None:
    worker = start(hang=[(1, 3, 2)])
    assert hear(worker) == Ready()
    submit(worker, tmp_path, 1)
    os.kill(worker.pid, signal.SIGKILL)
    assert hear(worker) == Exit("killed by signal 9")


def test_half_a_message_is_an_end(start: Start, tmp_path: Path) -> None:
    worker = start(garbage=[(1, 3, 2)])
    assert hear(worker) == Ready()
    submit(worker, tmp_path, 1)
    assert hear(worker) == Exit("the process ended with code 0")


def test_a_worker_that_does_not_start(start: Start, tmp_path: Path) -> None:
    worker = start(stillborn=True)
    assert hear(worker) == Exit("ImportError: no such library")
    submit(worker, tmp_path, 1)  # to nobody: no error


def test_kill_leaves_no_process_and_no_files(start: Start, tmp_path: Path) -> None:
    worker = start(hang=[(1, 3, 2)])
    assert hear(worker) == Ready()
    submit(worker, tmp_path, 1)
    assert worker._scratch.is_dir()
    worker.kill()
    assert worker._process.returncode == -signal.SIGKILL
    assert not worker._scratch.exists()
    assert isinstance(hear(worker), Exit)


def test_a_worker_ends_when_its_supervisor_does(start: Start, tmp_path: Path) -> None:
    worker = start(hang=[(1, 3, 2)])
    assert hear(worker) == Ready()
    submit(worker, tmp_path, 1)
    assert worker._process.stdin is not None
    worker._process.stdin.close()  # what the end of a process does to its pipes
    assert worker._process.wait(timeout=20) == 0


def test_ctrl_c_in_the_terminal_does_not_reach_it(start: Start) -> None:
    worker = start()
    assert os.getsid(worker.pid) == worker.pid != os.getsid(0)
    assert hear(worker) == Ready()


def test_two_workers_do_not_share_a_folder(start: Start) -> None:
    one, two = start(), start()
    assert one._scratch != two._scratch
    for worker in (one, two):
        assert hear(worker) == Ready()
    one.kill()
    assert two._scratch.is_dir()
    assert wait_for(lambda: isinstance(two._process, subprocess.Popen) and two._process.poll() is None)


@pytest.fixture
def spares(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[worker_process._Started]:
    """The spare ones, fake workers whose folders are in tmp_path / "scratch"."""
    for name, value in fake_worker.environment(log=str(tmp_path / "log")).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    monkeypatch.setattr(worker_process, "PROGRAM", (fake_worker.__file__,))
    return worker_process._spares


def test_a_spare_worker_is_the_first_one(start: Start, spares: list[worker_process._Started], tmp_path: Path) -> None:
    with spare_worker(preload_pykan=False):
        (spare,) = spares
        one, two = start(), start()
        assert (one.pid == spare.process.pid, two.pid == spare.process.pid, spares) == (True, False, [])
        assert hear(one) == Ready()
    submit(one, tmp_path, 1)
    assert isinstance(hear(one), Fit)


def test_a_spare_worker_nobody_wants_is_gone(
    start: Start, spares: list[worker_process._Started], tmp_path: Path
) -> None:
    """Because what is wanted is another one."""
    with spare_worker(preload_pykan=True):
        (spare,) = spares
        other = start()
        assert other.pid != spare.process.pid
    assert spares == []
    assert spare.process.returncode == -signal.SIGKILL
    assert list((tmp_path / "scratch").iterdir()) == [other._scratch]


def test_no_room_for_a_spare_worker(spares: list[worker_process._Started], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    with spare_worker(preload_pykan=False):
        assert spares == []


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="limits of another process are Linux's")
def test_a_real_fit_out_of_memory_ends_its_process_and_says_so(tmp_path: Path) -> None:
    """kanlab's own worker, held to 30 MB more than it takes when it is ready."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(20_000, 6)), columns=list("abcdef"))
    data = Dataset.from_frame(frame.assign(y=np.sin(frame["a"]) + frame["b"] ** 2), "y")
    data.save(tmp_path / "data.parquet")
    worker = WorkerProcess(queue.Queue(), preload_pykan=False)
    try:
        _, message = worker.inbox.get(timeout=60)
        assert message == Ready()
        pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[0])
        resource.prlimit(worker.pid, resource.RLIMIT_AS, (pages * resource.getpagesize() + 30 * 2**20,) * 2)
        task = UnitTask(unit=Unit(10, 3, (10,)), engine="lm", options=FitOptions(), seed=0)
        worker.send(Request(str(tmp_path / "data.parquet"), task))
        _, message = worker.inbox.get(timeout=60)
        assert isinstance(message, Exit)
        assert re.search("alloc|Memory|memory", message.reason)  # of Python, or of a library that aborts
    finally:
        worker.kill()
