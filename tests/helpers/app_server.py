"""`kanlab app` in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]


class AppServer:
    """The app on a free port of this machine, over a home; its fits by the program given, where one is."""

    def __init__(self, home: Path, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        home.mkdir(parents=True, exist_ok=True)
        self.log = home / "app.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "kanlab", "app", "--headless", "--port", str(self.port)],
                cwd=ROOT,
                env=os.environ | {"KANLAB_HOME": str(home), "PYTHONPATH": str(ROOT)} | environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 90
        while not self.answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def answers(self) -> bool:
        """Whether it serves."""
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self.port}/_stcore/health", timeout=5).close()
        except OSError:
            return False
        return True

    @property
    def server(self) -> psutil.Process:
        """The process that serves, the child of the command."""
        return psutil.Process(self._process.pid).children()[0]

    def close(self) -> None:
        """End it."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)
