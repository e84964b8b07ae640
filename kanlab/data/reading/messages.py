"""What passes between whoever wants a table and the process that reads it: two lines of JSON, bytes before and after.

in    a Request, and the `size` bytes of the file
out   an Answer, and for each column a stream of Arrow (IPC), of the `sizes` given
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeVar

import msgspec
import pandas as pd
import pyarrow as pa

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.limits import Limits
from kanlab.data.reading.typed import TableReport
from kanlab.language import marked

PROGRAM = "kanlab.data.reading.reader"
IDLE_SECONDS = 900.0  # a reader that has nothing to read by then ends
UNFORESEEN = marked("for a reason nobody foresaw")  # so that tests can tell a bug from a refusal

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


def columns_of(frame: pd.DataFrame) -> list[pa.Table]:
    """Each column by itself, so that its memory is let go with it."""
    return [pa.Table.from_pandas(frame[[c]], preserve_index=False) for c in frame.columns]


def size_of(column: pa.Table) -> int:
    """How many bytes `send` would send."""
    sink = pa.MockOutputStream()
    send(column, sink)
    return int(sink.size())


def send(column: pa.Table, sink: Any) -> None:
    """Write a column as a stream of Arrow."""
    with pa.ipc.new_stream(sink, column.schema) as stream:
        stream.write_table(column)


def received(source: Any, sizes: Sequence[int], rows: int) -> pd.DataFrame:
    """The data frame again. EOFError where the source ends before; what Arrow or pandas raise where it is no such thing."""
    columns: dict[str, pd.Series] = {}
    for size in sizes:
        content = pa.allocate_buffer(size)  # whose memory goes back to the system
        if source.readinto(memoryview(content)) < size:
            raise EOFError
        column = pa.ipc.open_stream(content).read_all()
        column.validate(full=True)
        columns.update(column.to_pandas().items())
    return pd.DataFrame(columns, index=pd.RangeIndex(rows))
