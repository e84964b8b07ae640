"""kanlab's programs without the seconds of their imports: a process that has loaded them forks one for each that is asked for.

Who asks connects to its socket and sends a line of JSON: which module is to be run as `python -m` would, with which
arguments, environment and folder. With it may come three open files, its standard input, output and error. The answer is the
number of the new process, and at last its exit code. Who hangs up has it killed.
"""

from __future__ import annotations

import atexit
import importlib
import json
import logging
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from kanlab import programs
from kanlab.execution import worker_process

ROOT = Path(__file__).parents[2]
_STUB = Path(__file__).with_name("forked_program.py")
_LONGEST = 2**20

# of the process that is forked, in which no thread runs; the rest is what a worker would set before its imports
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
} | {
    "TQDM_DISABLE": "1",
    "MPLBACKEND": "agg",
}

# what the programs load; of themselves each is run anew
_LOADED = (
    *(
        "streamlit.web.bootstrap",
        "streamlit.web.cli",
        "uvicorn",
        "kanlab.cli.main",
        "kanlab.execution.manager",
        "kanlab.api",
    ),
    *("kanlab.solver.fit", "kanlab.engines.registry", "kanlab.execution.messages", "kanlab.execution.tasks"),
    *("kanlab.data.reading.typed", "kanlab.data.reading.messages"),
)


# ---- who asks


@cache
def address() -> str:
    """Where the fork server of this process of tests listens; it is started with the first question."""
    if __name__ == "__main__":
        return sys.argv[1]
    folder = tempfile.TemporaryDirectory(prefix="fork-server-")
    path = f"{folder.name}/socket"
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | _ENVIRONMENT
    command = [sys.executable, "-P", "-m", "tests.helpers.fork_server", path]
    server = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.PIPE)

    def end() -> None:
        server.communicate()  # closes its input
        folder.cleanup()

    atexit.register(end)
    while not os.path.exists(path):
        assert server.poll() is None, "the fork server has ended"
        time.sleep(0.02)
    return path


def command(module: str, *arguments: str) -> list[str]:
    """As `kanlab.programs.command`; the module is run by a process of the fork server."""
    return [sys.executable, "-I", "-S", str(_STUB), address(), module, *arguments]


def use_it(put: Callable[[Any, str, Any], None] = setattr) -> None:
    """From now on kanlab's workers and readers come from the fork server, on Linux. put: as `setattr`."""
    if sys.platform != "linux":  # elsewhere it takes longer, or a process cannot be forked at all
        return
    put(worker_process, "PROGRAM", tuple(command("kanlab.execution.worker")[1:]))
    put(programs, "command", command)


class Forked:
    """A program of the fork server that runs as `python -m module`.

    log: what it writes to standard output and error.  forks: its own programs come from the fork server too.  worker: what
    Python runs in the place of kanlab's worker program.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        environment: Mapping[str, str],
        folder: Path,
        log: Path,
        forks: bool = True,
        worker: Sequence[str] = (),
    ) -> None:
        self.log = log
        self._code: int | None = None
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._server.connect(address())
        request = {"module": module, "arguments": arguments, "environment": dict(environment), "folder": str(folder)}
        request |= {"forks": forks, "worker": worker}
        with log.open("wb") as out, open(os.devnull, "rb") as nothing:
            files = [nothing.fileno(), out.fileno(), out.fileno()]
            socket.send_fds(self._server, [json.dumps(request).encode()], files)
        self.pid = int(self._server.recv(_LONGEST))

    def ended(self) -> bool:
        """Whether it runs no more."""
        with suppress(TimeoutError):
            self.wait(0.001)
        return self._code is not None

    def wait(self, seconds: float) -> int:
        """Its exit code, once it has ended. Raises TimeoutError where it does not in time."""
        if self._code is None:
            self._server.settimeout(seconds)
            self._code = int(self._server.recv(_LONGEST))
            self._server.close()
        return self._code


def kanlab(*arguments: str, home: Path, seconds: float = 300) -> str:
    """Run a command of kanlab's command line over a home, as `check=True` of `subprocess.run`; returns what it has printed."""
    with tempfile.TemporaryDirectory() as folder:
        log, environment = Path(folder) / "log", os.environ | {"KANLAB_HOME": str(home)}
        done = Forked("kanlab", *arguments, environment=environment, folder=Path(folder), log=log)
        code, said = done.wait(seconds), log.read_text()
    assert code == 0, said
    return said


# ---- the program


class _Server:
    def __init__(self, path: str) -> None:
        self._running: dict[int, socket.socket] = {}
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ended, told = socket.socketpair()  # a child has
        told.setblocking(False)
        self._ended.setblocking(False)
        self._told = told
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(told.fileno())
        self._selector = selectors.DefaultSelector()
        self._listener.bind(path + ".new")
        self._listener.listen(64)
        for source in (self._listener, self._ended, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        os.rename(path + ".new", path)  # whoever sees it can connect

    def serve(self) -> None:
        """Until standard input closes."""
        while True:
            for key, _ in self._selector.select():
                source: Any = key.fileobj
                if source is sys.stdin:
                    for pid in self._running:
                        os.kill(pid, signal.SIGKILL)
                    return
                if source is self._listener:
                    self._selector.register(source.accept()[0], selectors.EVENT_READ)
                elif source is self._ended:
                    with suppress(BlockingIOError):
                        source.recv(_LONGEST)
                    self._reap()
                elif source.fileno() >= 0:  # not closed since
                    self._hear(source)

    def _hear(self, asking: socket.socket) -> None:
        try:
            said, files, _, _ = socket.recv_fds(asking, _LONGEST, 3)
        except ConnectionError:
            said, files = b"", []
        if said:
            pid = self._fork(json.loads(said), files)
            self._running[pid] = asking
            for file in files:
                os.close(file)
            with suppress(OSError):
                asking.send(str(pid).encode())
            return
        for pid, other in self._running.items():
            if other is asking:
                os.kill(pid, signal.SIGKILL)  # it is reaped later
                self._selector.unregister(asking)
                return
        self._selector.unregister(asking)
        asking.close()

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            asking = self._running.pop(pid)
            with suppress(OSError):
                asking.send(str(os.waitstatus_to_exitcode(status)).encode())
            with suppress(KeyError):
                self._selector.unregister(asking)
            asking.close()

    def _fork(self, request: dict[str, Any], files: list[int]) -> int:
        """Begin a process; returns its number, in this one."""
        if child := os.fork():
            return child
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            self._selector.close()
            for other in (self._listener, self._ended, self._told, *self._running.values()):
                other.close()
            os.setsid()
            for place, file in enumerate(files):
                os.dup2(file, place)
                os.close(file)
            sys.stdin = open(0, closefd=False)  # noqa: SIM115
            sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
            sys.stderr = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
            _run(request)
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except BaseException:
            sys.excepthook(*sys.exc_info())
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)


def _run(request: dict[str, Any]) -> None:
    """What the forked process does."""
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    if request.get("forks"):
        use_it()
    if worker := request.get("worker"):
        worker_process.PROGRAM = tuple(worker)
    sys.argv = [request["module"], *request["arguments"]]
    runpy.run_module(request["module"], run_name="__main__", alter_sys=True)


def _load() -> None:
    names = [f"kanlab.ui.{module.name}" for module in pkgutil.iter_modules([str(ROOT / "kanlab" / "ui")])]
    logging.disable(logging.WARNING)  # Streamlit would say that it has not been started
    for name in (*_LOADED, *names):
        importlib.import_module(name)
    logging.disable(logging.NOTSET)


if __name__ == "__main__":
    address()  # before another program has its arguments there
    _load()
    _Server(sys.argv[1]).serve()
