"""The state of a study as other processes read it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import optuna
import pytest

from kanlab import lifecycle
from kanlab.lifecycle import (
    LIVE,
    STALE_SECONDS,
    StudyState,
    read_state,
    request_run,
    request_stop,
    stop_requested,
    write_state,
)
from kanlab.storage import get_storage

ENDED = ("stopped", "finished", "failed", "interrupted")


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="s", storage=get_storage())


@pytest.fixture(scope="module")
def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def stored(name: str, *, pid: int, host: str | None = None, age: float = 0.0) -> dict:
    host = socket.gethostname() if host is None else host
    state = StudyState(name, "detail", 12.5, time.time() - age, host, pid)  # type: ignore[arg-type]
    return {"state": state.to_dict()}


def test_a_new_study_is_queued(study: optuna.Study) -> None:
    assert read_state(study.user_attrs) == StudyState("queued")


@pytest.mark.parametrize("name", [*LIVE, *ENDED])
def test_write_and_read(study: optuna.Study, name: str) -> None:
    before = time.time()
    write_state(study, StudyState(name, "One sentence.", 3.5))  # type: ignore[arg-type]
    found = read_state(study.user_attrs)
    assert (found.name, found.detail, found.elapsed) == (name, "One sentence.", 3.5)
    assert (found.pid, found.host) == (os.getpid(), socket.gethostname())
    assert before <= found.heartbeat <= time.time()
    assert found.is_live == (name in LIVE)


@pytest.mark.parametrize("name", LIVE)
def test_interrupted_when_the_process_is_gone(name: str, dead_pid: int) -> None:
    found = read_state(stored(name, pid=dead_pid))
    assert found.name == "interrupted"
    assert not found.is_live
    assert found.elapsed == 12.5


@pytest.mark.parametrize("name", LIVE)
def test_interrupted_when_the_heartbeat_is_old(name: str) -> None:
    assert read_state(stored(name, pid=os.getpid(), age=STALE_SECONDS + 5)).name == "interrupted"
    assert read_state(stored(name, pid=os.getpid(), age=STALE_SECONDS - 5)).name == name


def test_a_process_of_another_machine_is_judged_by_its_heartbeat(dead_pid: int) -> None:
    assert read_state(stored("running", pid=dead_pid, host="elsewhere")).name == "running"
    assert read_state(stored("running", pid=dead_pid, host="elsewhere", age=STALE_SECONDS + 5)).name == "interrupted"


@pytest.mark.parametrize("name", ENDED)
def test_an_end_stays_an_end(name: str, dead_pid: int) -> None:
    assert read_state(stored(name, pid=dead_pid, age=1e6)).name == name


def test_a_process_of_another_user_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_ours(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr(lifecycle.os, "kill", not_ours)
    assert read_state(stored("running", pid=1)).name == "running"


def test_wishes(study: optuna.Study) -> None:
    assert not stop_requested(study.user_attrs)
    request_stop(study)
    assert stop_requested(study.user_attrs)
    request_run(study)
    assert not stop_requested(study.user_attrs)
