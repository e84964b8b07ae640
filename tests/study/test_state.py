"""The state of a study as other processes read it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from uuid import uuid4

import optuna
import pytest

from kanlab.study import processes
from kanlab.study.state import (
    LIVE,
    STALE_SECONDS,
    StudyState,
    is_awaited,
    read_state,
    request_run,
    request_stop,
    stop_requested,
    write_state,
)
from kanlab.study.storage import get_storage

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
    name_of_host = processes.host() if host is None else host
    state = StudyState(name, "detail", 12.5, time.time() - age, name_of_host, pid)  # type: ignore[arg-type]
    return {"state": state.to_dict(), "uid": uuid4().hex}  # a study nobody has looked at


def test_a_new_study_is_queued(study: optuna.Study) -> None:
    assert read_state(study.user_attrs) == StudyState("queued")


@pytest.mark.parametrize("name", [*LIVE, *ENDED])
def test_write_and_read(study: optuna.Study, name: str) -> None:
    before = time.time()
    write_state(study, StudyState(name, "One sentence.", 3.5))  # type: ignore[arg-type]
    found = read_state(study.user_attrs)
    assert (found.name, found.detail, found.elapsed) == (name, "One sentence.", 3.5)
    assert (found.pid, found.host) == (os.getpid(), processes.host())
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


@pytest.mark.parametrize("skew", [-3600.0, 3600.0])
def test_clocks_that_differ_are_seen_through_by_the_next_beat(skew: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    monkeypatch.setattr(time, "time", lambda: 1e9)

    def look(beats: int) -> tuple[str, bool]:
        content = stored("running", pid=1, host="elsewhere", age=skew - beats) | {"uid": f"skew {skew}"}
        return read_state(content).name, is_awaited(content)

    assert look(0) == ("interrupted", True)  # too early to say
    now += 2
    assert look(2) == ("running", True)
    now += 2
    assert look(4) == ("running", True)
    now += STALE_SECONDS - 1
    assert look(4) == ("running", True)
    now += 2
    assert look(4) == ("interrupted", False)  # silent by our own clock
    now += 100
    assert look(6) == ("interrupted", True)  # it has beaten since, nobody knows when
    now += 2
    assert look(8) == ("running", True)


@pytest.mark.parametrize("name", ENDED)
def test_an_end_stays_an_end(name: str, dead_pid: int) -> None:
    assert read_state(stored(name, pid=dead_pid, age=1e6)).name == name


def test_a_process_of_another_user_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_ours(pid: int, signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("kanlab.study.processes.os.kill", not_ours)
    assert read_state(stored("running", pid=1)).name == "running"


def test_wishes(study: optuna.Study) -> None:
    assert not stop_requested(study.user_attrs)
    request_stop(study)
    assert stop_requested(study.user_attrs)
    request_run(study)
    assert not stop_requested(study.user_attrs)
