"""The supervisor's end of one worker process: start it, hand it units, hear from it, end it.

Loads the standard library alone, so that a command can start a worker before it loads anything else (`spare_worker`).
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kanlab.engines.registry import FitOptions, Unit

PROGRAM = ("-m", "kanlab.execution.worker")
_PACKAGE_ROOT = Path(__file__).resolve().parents[2]

Message = tuple["WorkerProcess", dict[str, Any]]


@dataclass(frozen=True, eq=False)
class _Started:
    """A worker program that runs. preload_pykan, program: what it was started with."""

    preload_pykan: bool
    program: tuple[str, ...]
    process: subprocess.Popen[str]
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
    path = os.pathsep.join(p for p in (str(_PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")) if p)
    process = subprocess.Popen(
        [sys.executable, *program, str(scratch)] + (["--preload-pykan"] if preload_pykan else []),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        env=os.environ | {"PYTHONPATH": path},
        text=True,
        start_new_session=True,  # Ctrl-C in a terminal is the supervisor's to handle
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
    """A running `python -m kanlab.execution.worker`.

    What it says arrives in `inbox` as (worker, message), {"event": "exit"} last.

    program: what Python runs in its place; it gets the scratch folder as an argument and speaks the protocol of
    kanlab.execution.worker.
    """

    local = True  # a process of this machine

    def __init__(self, inbox: queue.Queue[Message], *, preload_pykan: bool, program: Sequence[str] = PROGRAM) -> None:
        self.inbox = inbox
        self.ready = False
        self.unit: Unit | None = None
        self.fit_started = 0.0  # when the fit in hand began, monotonic seconds
        wanted = preload_pykan, tuple(program)
        spares = (s for s in list(_spares) if (s.preload_pykan, s.program) == wanted and _claim(s))
        self._started = next(spares, None) or _start(*wanted)
        self._process, self._scratch, self._stderr = self._started.process, self._started.scratch, self._started.stderr
        threading.Thread(target=self._listen, daemon=True, name="kanlab-worker-reader").start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                message = json.loads(line)
            except ValueError:  # it died in the middle of a word
                break
            self.inbox.put((self, message))
        self.inbox.put((self, {"event": "exit"}))

    def submit(self, unit: Unit, *, dataset: Path, engine: str, options: FitOptions, seed: int) -> None:
        """Hand over one unit; the worker answers with a "fit" a cell and "done"."""
        content = {"engine": engine, "unit": asdict(unit), "options": asdict(options), "seed": seed}
        self.unit = unit
        self._send({"dataset": str(dataset)} | content)

    def submit_task(self, task: str, arguments: Mapping[str, Any], *, dataset: Path) -> None:
        """Hand over one task of kanlab.execution.tasks; the worker answers with "result" or "error", and "done"."""
        self._send({"dataset": str(dataset), "task": task, "arguments": dict(arguments)})

    def _send(self, request: dict[str, Any]) -> None:
        self.fit_started = time.monotonic()
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has died: the reader is about to say so

    def last_words(self) -> str:
        """Why it ended: the signal that killed it, and the last line on its standard error."""
        try:
            code = self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            code = None
        try:
            self._stderr.seek(0)
            lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        except (OSError, ValueError):
            lines = []
        last = lines[-1].strip()[:300] if lines else ""
        if code is not None and code < 0:
            return f"killed by signal {-code}" + (f" ({last})" if last else "")
        return last or f"the process ended with code {code}"

    def kill(self) -> None:
        """End it at once, in the middle of a fit if need be, and leave no files."""
        self._started.kill()
