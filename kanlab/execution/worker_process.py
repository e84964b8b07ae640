"""The pool's end of one worker process: start it, send it requests, hear from it, end it.

Loads the standard library alone, so that a command can start a worker before it loads anything else (`spare_worker`).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from kanlab import programs
from kanlab.language import say, use

if TYPE_CHECKING:
    from kanlab.execution.messages import Request
    from kanlab.execution.worker_pool import Inbox

PROGRAM = ("-P", "-m", "kanlab.execution.worker")


@dataclass(frozen=True, eq=False)
class _Started:
    """A worker program that runs. preload_pykan, program: what it was started with."""

    preload_pykan: bool
    program: tuple[str, ...]
    process: subprocess.Popen[bytes]
    scratch: Path
    stderr: IO[bytes]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self.stderr.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def _start(preload_pykan: bool, program: tuple[str, ...]) -> _Started:
    scratch = Path(tempfile.mkdtemp(prefix=f"kanlab-{os.getpid()}-"))
    stderr = open(scratch / "stderr.txt", "w+b")  # noqa: SIM115, closed by kill()
    process = subprocess.Popen(
        [sys.executable, *program, str(scratch)] + (["--preload-pykan"] if preload_pykan else []),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=programs.environment(),
        start_new_session=True,  # Ctrl-C in a terminal is its starter's to handle
    )
    return _Started(preload_pykan, program, process, scratch, stderr)


_spares: list[_Started] = []


def _claim(spare: _Started) -> bool:
    """Take a spare one; False where somebody was faster."""
    try:
        _spares.remove(spare)
    except ValueError:
        return False
    return True


@contextmanager
def spare_worker(*, preload_pykan: bool) -> Iterator[None]:
    """Start a worker now for the first WorkerProcess that wants one like it, and end it where none does.

    A command that runs a study has libraries to load and a storage to open first, and a worker takes as long to start.
    """
    with suppress(OSError):  # whoever needs the worker tries again, and says what is wrong
        _spares.append(_start(preload_pykan, PROGRAM))
    try:
        yield
    finally:
        for spare in list(_spares):
            if _claim(spare):
                spare.kill()


class WorkerProcess:
    """A running `python -m kanlab.execution.worker`, one of a pool's workers (kanlab.execution.worker_pool.Worker).

    What it says arrives in `inbox` as (worker, message), an `Exit` last: when its output ends, or holds a line that is no
    message.  program: what Python runs in its place; it gets the scratch folder as an argument and speaks the same messages.
    Raises OSError where no process can be started.
    """

    def __init__(self, inbox: Inbox, *, preload_pykan: bool, program: Sequence[str] | None = None) -> None:
        self.inbox = inbox
        wanted = preload_pykan, tuple(program or PROGRAM)
        spares = (s for s in list(_spares) if (s.preload_pykan, s.program) == wanted and _claim(s))
        self._started = next(spares, None) or _start(*wanted)
        self._process, self._scratch, self._stderr = self._started.process, self._started.scratch, self._started.stderr
        threading.Thread(target=self._listen, daemon=True, name="kanlab-worker-reader").start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @use("en")
    def _listen(self) -> None:
        from kanlab.execution.messages import (  # they load NumPy, which a spare one does not need
            Exit,
            MessageError,
            decode,
        )

        assert self._process.stdout is not None
        reason = ""
        for line in self._process.stdout:
            if not line.endswith(b"\n"):  # it died in the middle of a line
                break
            try:
                message = decode(line)
            except MessageError as error:
                reason = str(error)
                break
            self.inbox.put((self, message))
        self.inbox.put((self, Exit(reason or self._why_it_ended())))

    def send(self, request: Request) -> None:
        """Hand over a request; to one that has died nothing happens, its `Exit` is on the way."""
        from kanlab.execution.messages import encode

        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{encode(request)}\n".encode())
            self._process.stdin.flush()

    def _why_it_ended(self) -> str:
        """The signal that killed it, and the last line on its standard error."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = None
        try:
            self._stderr.seek(0)
            lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        except (OSError, ValueError):  # closed by kill()
            lines = []
        last = lines[-1].strip()[:300] if lines else ""
        if code is not None and code < 0:
            return say("killed by signal {signal}", signal=-code) + (f" ({last})" if last else "")
        return last or say("the process ended with code {code}", code=code)

    def kill(self) -> None:
        """End it at once, in the middle of a fit if need be, and leave no files."""
        self._started.kill()
