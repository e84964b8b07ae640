"""The program that reads one table, `python -P -m kanlab.data.reading.reader`: from its standard input to its standard output.

Before the first byte of the file it takes its limits from the system: time, memory, and no files. It ends when whoever
started it does, since the system ends it when its standard input closes, and nobody need run a line of Python for that:
the libraries it calls may let no other thread run for long.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
import threading
import traceback
from contextlib import suppress
from typing import IO, Any, NoReturn

import psutil
import pyarrow as pa

from kanlab.data.reading.limits import Limits
from kanlab.data.reading.messages import (
    IDLE_SECONDS,
    UNFORESEEN,
    Answer,
    Request,
    columns_of,
    line,
    parsed,
    send,
    size_of,
)
from kanlab.data.reading.typed import read_here
from kanlab.errors import DatasetError
from kanlab.language import say, use

try:
    import fcntl
    import resource
except ImportError:  # Windows: whoever started this watches it, and a thread waits for their end
    fcntl = resource = None  # type: ignore[assignment]

_MAPPED = 2**26  # of the libraries, which is not in memory yet but may come to be
_COMPLAINTS = 2**20  # bytes that may be written to files: what goes wrong, on standard error


def main() -> NoReturn:
    """Read one table and end."""
    inbox, outbox = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    faulthandler.dump_traceback_later(IDLE_SECONDS, exit=True)
    text = inbox.readline()
    if text:
        request = parsed(text, Request)
        faulthandler.dump_traceback_later(request.limits.clock_seconds, exit=True)
        take(request.limits)
        answer, columns = answered(request, _Body(inbox, request.size))
        with suppress(BrokenPipeError):
            outbox.write(line(answer))
            for column in columns:
                send(column, outbox)
            outbox.flush()
    os._exit(0)  # the watching thread need not be asked


@use("en")
def answered(request: Request, body: Any) -> tuple[Answer, list[pa.Table]]:
    """The table of a request, column by column, or the sentence why there is none. body: has `read(size)`."""
    try:
        table = read_here(body, request.name, request.options)
        columns = columns_of(table.frame)
        return Answer(report=table.report, sizes=tuple(map(size_of, columns))), columns
    except DatasetError as error:
        return Answer(str(error)), []
    except MemoryError:
        return Answer(str(request.limits.too_large(request.name))), []
    except Exception:  # a bug of ours or of a library: nobody is there to see it but the log
        traceback.print_exc()
        return Answer(
            say(
                "{name} cannot be read, {reason}; save it as CSV and read that.",
                name=request.name,
                reason=say(UNFORESEEN),
            )
        ), []


class _Body:
    """The bytes of the file, from standard input. After the last one the end of the input is watched for."""

    def __init__(self, stream: IO[bytes], size: int) -> None:
        self._stream, self._left = stream, size
        if not size:
            _end_with(stream.fileno())

    def read(self, size: int) -> bytes:
        piece = self._stream.read(min(size, self._left))
        if len(piece) < min(size, self._left):
            os._exit(1)  # whoever sends it is gone
        if self._left and len(piece) == self._left:
            _end_with(self._stream.fileno())
        self._left -= len(piece)
        return piece


def _end_with(pipe: int) -> None:
    """End when the other end of the pipe does."""
    if fcntl is not None:
        signal.signal(signal.SIGIO, signal.SIG_DFL)  # which is to end the process, by the system
        with suppress(OSError):  # where a pipe has no such thing, the thread has to do
            fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
            fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    threading.Thread(target=lambda: (os.read(pipe, 1), os._exit(1)), daemon=True).start()


def take(limits: Limits) -> None:
    """Limits that the system keeps, where it has any."""
    if resource is None:
        return
    seconds = round(limits.cpu_seconds)
    memory = psutil.Process().memory_info()
    wanted = {
        resource.RLIMIT_CPU: (seconds, seconds + 1),
        resource.RLIMIT_AS: (memory.vms - memory.rss + limits.memory - _MAPPED,) * 2,
        resource.RLIMIT_FSIZE: (_COMPLAINTS,) * 2,
        resource.RLIMIT_CORE: (0, 0),
    }
    for which, values in wanted.items():
        with suppress(ValueError, OSError):  # a limit set from outside may be lower
            resource.setrlimit(which, values)


if __name__ == "__main__":
    main()
