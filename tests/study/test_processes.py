"""Which processes are there: told by number and start, whatever version wrote them down."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from kanlab.study import processes
from kanlab.study.processes import Process, host, process_started, this_process

ASK = """
from kanlab.study import processes
if {blind}:
    processes._clock_ticks = lambda pid: ""
print(processes.process_started({pid}))
"""


@pytest.fixture(params=["Linux", "another system"])
def blind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether this is a system without /proc, whose starts psutil tells."""
    if request.param == "Linux":
        return False
    monkeypatch.setattr(processes, "_clock_ticks", lambda pid: "")
    return True


@pytest.fixture
def other() -> Iterator[subprocess.Popen[bytes]]:
    """A process that sleeps."""
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.communicate()


def test_a_start_is_the_same_whoever_asks(blind: bool, other: subprocess.Popen[bytes]) -> None:
    found = process_started(other.pid)
    assert found
    assert found != process_started(os.getpid())
    asked = subprocess.run(
        [sys.executable, "-c", ASK.format(blind=blind, pid=other.pid)], capture_output=True, text=True, check=True
    )
    assert asked.stdout.strip() == found


@pytest.mark.usefixtures("blind")
def test_a_process_is_there_until_it_has_ended(other: subprocess.Popen[bytes]) -> None:
    started = process_started(other.pid)
    assert started
    process = Process(host(), other.pid, started)
    assert not process.is_gone
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)  # a zombie from here on
    assert process_started(other.pid) is None
    assert process.is_gone
    other.wait()
    assert process.is_gone


@pytest.mark.usefixtures("blind")
def test_a_number_used_again_is_another_process() -> None:
    us = this_process()
    assert us.started
    assert not us.is_gone
    assert replace(us, started="12345").is_gone
    assert not replace(us, started="12345", host="elsewhere").is_gone  # which this machine cannot tell


@pytest.mark.usefixtures("blind")
def test_a_holder_written_without_a_start_is_told_by_its_number(other: subprocess.Popen[bytes]) -> None:
    """As the version before wrote it on macOS and Windows: a live one keeps its lease, a dead one loses it."""
    old = Process.of_token(f"{host()}|{other.pid}||0123")
    assert not old.is_gone
    other.kill()
    other.wait()
    assert old.is_gone


def test_a_holder_written_on_linux_before_is_told_by_its_start() -> None:
    """Clock ticks since boot, as the version before wrote them."""
    with open(f"/proc/{os.getpid()}/stat") as file:
        ticks = file.read().rpartition(")")[2].split()[19]
    assert this_process().started == ticks
    assert not Process.of_token(f"{host()}|{os.getpid()}|{ticks}|0123").is_gone


def test_a_process_that_is_hidden_is_not_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    def not_ours(pid: int, signal: int) -> None:
        raise PermissionError

    def hidden(pid: int) -> None:
        raise psutil.NoSuchProcess(pid)

    monkeypatch.setattr(processes.os, "kill", not_ours)
    monkeypatch.setattr(processes.psutil, "Process", hidden)
    assert process_started(1) == ""
    assert not Process(host(), 1, "12345").is_gone
