"""A table read by a process of its own, with limits that the system and its starter keep, and ended with whoever wants it.

What comes back is Arrow and JSON, never pickled: nothing in it can be executed. One process reads one table. A spare one can
be kept, since it takes a second to start. As many read at once as there are processors; the others wait for their turn.
"""

from __future__ import annotations

import io
import os
import queue
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, BinaryIO

import psutil

from kanlab import programs
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.limits import limits_for
from kanlab.data.reading.messages import IDLE_SECONDS, PROGRAM, Answer, Request, line, parsed, received
from kanlab.data.reading.source import Joined, opened
from kanlab.data.reading.typed import Table
from kanlab.errors import DatasetError
from kanlab.language import say

Waiting = Callable[[], None]
TICK_SECONDS = 0.1
_PIECE = 2**20
_LONGEST_ANSWER = 2**26
_LAST_SECONDS = 2.0  # for a process that has closed its answer
_KEPT = (
    "PATH",
    "PYTHONHOME",
    "PYTHONPATH",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "TEMP",
    "TMP",
    "TMPDIR",
    "TZ",
    "LANG",
)
_ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "ARROW_IO_THREADS"), "1")
_TURN = threading.BoundedSemaphore(max(2, os.cpu_count() or 1))


def read_apart(
    source: bytes | BinaryIO,
    *,
    name: str | None = None,
    options: ReadOptions | None = None,
    waiting: Waiting | None = None,
) -> Table:
    """Read a table as `read_table` does, in a process of its own.

    waiting: called ten times a second until the table is there; whatever it raises ends the process and is raised here.
    Raises DatasetError, with one sentence, where the content is no table or costs too much.
    """
    stream = io.BytesIO(source) if isinstance(source, bytes) else source
    with opened(stream, name) as (_, called):
        content = stream.getbuffer()[stream.tell() :] if isinstance(stream, io.BytesIO) else _whole(stream, called)
    limits = limits_for(len(content), bytes(content[:16]))
    sendable = called.encode(errors="replace").decode()  # a file's name may hold what no text can
    options = options or ReadOptions()
    if options.header is not None:
        options = options.with_(header=int(options.header))
    request = Request(sendable, len(content), options, limits)
    with _turn(waiting or _nothing), _Reader(request, content) as reader:
        return reader.table(waiting or _nothing)


def _whole(stream: BinaryIO, name: str) -> memoryview:
    return memoryview(Joined(b"", stream).read_all(name))


def _nothing() -> None:
    pass


@contextmanager
def _turn(waiting: Waiting) -> Iterator[None]:
    while not _TURN.acquire(timeout=TICK_SECONDS):
        waiting()
    try:
        yield
    finally:
        _TURN.release()


# ---- the program


class _Program:
    """The reader program, started and not asked yet."""

    def __init__(self) -> None:
        kept = {k: v for k, v in programs.environment().items() if k in _KEPT}  # it needs no password of ours
        self.began = time.monotonic()
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115, closed by end()
        self.process = subprocess.Popen(
            programs.command(PROGRAM),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            env=kept | _ONE_THREAD | {"ARROW_DEFAULT_MEMORY_POOL": "system"},
            start_new_session=True,  # Ctrl-C in a terminal is for whoever wants the table
        )

    @property
    def is_ready(self) -> bool:
        return self.process.poll() is None and time.monotonic() - self.began < IDLE_SECONDS - 60

    def end(self) -> None:
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        for pipe in (self.process.stdin, self.process.stdout, self.complaints):
            with suppress(OSError, ValueError):  # what was not sent is of no use any more
                if pipe is not None:
                    pipe.close()

    def last_words(self) -> str:
        self.complaints.seek(0)
        lines = self.complaints.read(2**16).decode(errors="replace").strip().splitlines()
        return lines[-1].strip()[:200] if lines else say("code {code}", code=self.process.returncode)


_spares: list[_Program] = []
_lock = threading.Lock()


def keep_ready() -> None:
    """Start a reader for the next table, unless one is waiting already; it ends with this process, or unused."""
    with _lock:
        for old in [s for s in _spares if not s.is_ready]:
            _spares.remove(old)
            old.end()
            old.close()
        if not _spares:
            with suppress(OSError):  # whoever reads tries again, and says what is wrong
                _spares.append(_Program())


def _taken() -> _Program:
    with _lock:
        while _spares:
            spare = _spares.pop()
            if spare.is_ready:
                return spare
            spare.end()
            spare.close()
    return _Program()


class _Reader:
    """A program that reads one table. It is gone, and what it was sent let go, when the context ends."""

    def __init__(self, request: Request, content: memoryview) -> None:
        self._request, self._limits = request, request.limits
        try:
            self._program = _taken()
        except OSError as error:
            raise DatasetError(
                say(
                    "{name} cannot be read: no process can be started ({strerror}).",
                    name=request.name,
                    strerror=error.strerror,
                )
            ) from error
        self._process, self._answers = self._program.process, queue.Queue[Table | Exception | None]()
        self._threads = [
            threading.Thread(target=self._send, args=(content,), daemon=True),
            threading.Thread(target=self._listen, daemon=True),
        ]

    def __enter__(self) -> _Reader:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._program.end()
        for thread in self._threads:  # their pipes are broken now
            thread.join()
        self._program.close()

    def table(self, waiting: Waiting) -> Table:
        """Wait for the table, and end the process where it goes beyond its limits."""
        until = time.monotonic() + self._limits.clock_seconds
        while True:
            with suppress(queue.Empty):
                answer = self._answers.get(timeout=TICK_SECONDS)
                if isinstance(answer, Table):
                    return answer
                raise answer or self._why_it_ended()
            if time.monotonic() > until or self._seconds() > self._limits.cpu_seconds + 1:
                raise self._limits.too_slow(self._request.name)
            if self._memory() > self._limits.memory:
                raise self._limits.too_large(self._request.name)
            waiting()

    def _seconds(self) -> float:
        with suppress(psutil.Error):
            times = psutil.Process(self._process.pid).cpu_times()
            return float(times.user + times.system)
        return 0.0

    def _memory(self) -> int:
        with suppress(psutil.Error):
            return int(psutil.Process(self._process.pid).memory_info().rss)
        return 0

    def _send(self, content: memoryview) -> None:
        pipe = self._process.stdin
        assert pipe is not None
        with content, suppress(OSError, ValueError):  # it has ended: the listener says so
            pipe.write(line(self._request))
            for start in range(0, len(content), _PIECE):
                pipe.write(content[start : start + _PIECE])
            pipe.flush()

    def _listen(self) -> None:
        try:
            assert self._process.stdout is not None
            self._answers.put(self._received(self._process.stdout))
        except Exception:  # whatever a damaged answer leads to: it is trusted no more than the file
            self._answers.put(self._unreadable(say("its answer is damaged")))

    def _received(self, pipe: IO[bytes]) -> Table | DatasetError | None:
        """The table, the refusal, or nothing where the process ended amid its answer."""
        text = pipe.readline(_LONGEST_ANSWER)
        if not text.endswith(b"\n"):
            return None
        answer = parsed(text, Answer)
        if answer.error:
            return DatasetError(answer.error)
        if answer.report is None or sum(answer.sizes) > self._limits.memory:
            return self._limits.too_large(self._request.name)
        try:
            return Table(received(pipe, answer.sizes, answer.report.rows), answer.report)
        except EOFError:
            return None

    def _why_it_ended(self) -> DatasetError:
        try:
            code = self._process.wait(_LAST_SECONDS)
        except subprocess.TimeoutExpired:
            return self._unreadable(say("its answer is too long"))
        name = self._request.name
        killed = signal.Signals(-code).name if code < 0 else ""
        if killed == "SIGXCPU":
            return self._limits.too_slow(name)
        if killed in ("SIGABRT", "SIGKILL"):  # an allocation that failed, or the system had no more to give
            return self._limits.too_large(name)
        return self._unreadable(say("it ended, {last_words}", last_words=self._program.last_words()))

    def _unreadable(self, why: str) -> DatasetError:
        return DatasetError(
            say(
                "{name} cannot be read by the process that reads it ({why}); the file may be "
                "damaged, so save it again, as CSV.",
                name=self._request.name,
                why=why,
            )
        )
