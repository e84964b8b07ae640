"""What passes between whoever wants a table and the process that reads it: two lines of JSON, bytes before and after.

in    a Request, and the `size` bytes of the file
out   an Answer, and for each column a stream of Arrow (IPC), of the `sizes` given
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import msgspec

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.limits import Limits
from kanlab.data.reading.typed import TableReport

PROGRAM = "kanlab.data.reading.reader"
IDLE_SECONDS = 900.0  # a reader that has nothing to read by then ends

_T = TypeVar("_T")


@dataclass(frozen=True)
class Request:
    """A file of so many bytes, what to call it, how to read it, and what that may cost."""

    name: str
    size: int
    options: ReadOptions
    limits: Limits


@dataclass(frozen=True)
class Answer:
    """Why there is no table, in a sentence; or the report of one and the sizes of its columns."""

    error: str = ""
    report: TableReport | None = None
    sizes: tuple[int, ...] = ()


def line(message: Any) -> bytes:
    """A message as one line. The names of files may hold what UTF-8 cannot, so all but ASCII is escaped."""
    return json.dumps(asdict(message)).encode("ascii") + b"\n"


def parsed(text: bytes, kind: type[_T]) -> _T:
    """A line as the message it must be; ValueError where it is not."""
    return msgspec.convert(json.loads(text), kind)
