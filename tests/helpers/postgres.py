"""A PostgreSQL server of the tests' own, started from Debian's package and thrown away."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

BINARIES = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)), Path("/nowhere")).parent


def _unprivileged() -> str | None:
    """The user to run as: PostgreSQL refuses root. None where we are none."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


class Server:
    """Listens on 127.0.0.1 alone and trusts whoever asks; can be stopped and started again in between."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="kanlab-test-postgres-"))
        user = _unprivileged()
        if user:
            shutil.chown(self._folder, user)
        self._how: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": self._folder}
        self._account: dict[str, Any] = {}
        if user:
            self._account = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = str(probe.getsockname()[1])
        name = user or getpass.getuser()
        self.url = f"postgresql+psycopg://{name}@127.0.0.1:{self._port}/postgres"
        self._process: subprocess.Popen[bytes] | None = None
        command = [BINARIES / "initdb", "-D", self._data, "-A", "trust", "-U", name, "-N", "-E", "UTF8", "--locale=C"]
        subprocess.run(command, check=True, **self._how, **self._account)

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def start(self) -> None:
        command = [BINARIES / "postgres", "-D", self._data, "-p", self._port, "-k", self._folder]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
        self._process = subprocess.Popen(command, **self._how, **self._account)
        deadline = time.monotonic() + 30
        while subprocess.run([BINARIES / "pg_isready", "-h", "127.0.0.1", "-p", self._port], **self._how).returncode:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.1)

    def stop(self, how: str = "immediate") -> None:
        """Connections break: "immediate" and "fast" as pg_ctl has it, or "kill -9" of the process that leads the others."""
        if self._process is not None:
            numbers = {"immediate": signal.SIGQUIT, "fast": signal.SIGINT, "kill -9": signal.SIGKILL}
            others = psutil.Process(self._process.pid).children(recursive=True)
            self._process.send_signal(numbers[how])
            self._process.wait(20)
            psutil.wait_procs(others, 20)  # of a killed one they end when they notice
            self._process = None

    def processes(self) -> list[int]:
        """Numbers of its processes, the one that leads the others first."""
        assert self._process is not None
        return [self._process.pid, *(p.pid for p in psutil.Process(self._process.pid).children(recursive=True))]

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
