"""`kanlab app` in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import psutil

from tests.helpers.fork_server import ROOT, Forked


class _Process(Protocol):
    pid: int

    def ended(self) -> bool: ...

    def wait(self, seconds: float) -> int: ...


class _Command:
    """`kanlab app` as a user starts it."""

    def __init__(self, port: int, environment: dict[str, str], folder: Path, log: Path) -> None:
        command = [sys.executable, "-m", "kanlab", "app", "--headless", "--port", str(port)]
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=out, start_new_session=True
            )
        self.pid = self._process.pid

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, seconds: float) -> int:
        return self._process.wait(seconds)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_last: list[int] = []


def _port() -> int:
    """That of the last server where it is free again: a browser then has kept what all of them serve."""
    with suppress(OSError, IndexError), socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", _last[0]))
        return _last[0]
    _last[:] = [free_port()]
    return _last[0]


class AppServer:
    """The app on a free port of this machine, over a home.

    It comes from the fork server, and so do its workers and readers, which spares them the seconds of their imports.

    own_programs: its workers and readers are those that a user has.  command: so is the app, started as a user does.
    worker: what Python runs in the place of the worker program of an app that is not.  environment: more variables.
    """

    def __init__(
        self,
        home: Path,
        *,
        own_programs: bool = False,
        command: bool = False,
        worker: Sequence[str] = (),
        port: int | None = None,
        **environment: str,
    ) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.port = port or _port()
        self.log = home.with_name(f"{home.name}.log")
        everything = os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT)} | environment
        self.process: _Process
        if command:
            self.process = _Command(self.port, everything, home.parent, self.log)
        else:
            options = {"address": "127.0.0.1", "port": self.port, "headless": "true"}  # as kanlab.ui.launch
            self.process = Forked(
                "streamlit",
                *("run", str(ROOT / "app.py"), *(f"--server.{name}={value}" for name, value in options.items())),
                environment=everything,
                folder=ROOT,
                log=self.log,
                forks=not own_programs,
                worker=worker,
            )
        wait_until_it_serves(self.url, self.process, self.log)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def ui_pid(self) -> int:
        """The process of the pages: the child of the command."""
        if isinstance(self.process, _Command):
            return psutil.Process(self.process.pid).children()[0].pid
        return self.process.pid

    def close(self) -> None:
        """End it, unless the test has. It has come upon nothing unforeseen."""
        if not self.process.ended():
            os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)
        said = self.log.read_text()
        assert "Traceback" not in said, said


def wait_until_it_serves(url: str, process: _Process, log: Path) -> None:
    """Until a server of Streamlit answers."""
    deadline = time.monotonic() + 90
    while not _answers(f"{url}/_stcore/health"):
        assert not process.ended(), log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


def _answers(url: str) -> bool:
    with suppress(OSError), urllib.request.urlopen(url, timeout=5):
        return True
    return False
