"""From a path or an upload to the bytes of one table, whatever it is packed in, never more of them than fit.

Everything is read in pieces and counted, so that neither a packed bomb nor a file without an end fills the memory.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import IO, Any, BinaryIO, Literal

import pyarrow as pa

from kanlab.errors import DatasetError
from kanlab.language import marked, say

MAX_BYTES = 2**30  # of text, unpacked
MAX_LINE = 2**20
MAX_CELLS = 100_000_000
MAX_COLUMNS = 2_000
MAX_RATIO = 200  # of unpacked to packed bytes; tables reach 50
MAX_DICTIONARY = 2**27  # bytes an xz file may ask its reader to keep; `xz -9` asks for half of it
_PIECE = 2**20
_TABLES = (".csv", ".tsv", ".txt", ".tab", ".dat", ".data", ".parquet", ".pq", ".xlsx", ".xlsm")
_UNREADABLE = {
    b"\xd0\xcf\x11\xe0": marked("{name} is an Excel file of the old kind (.xls); save it as .xlsx or CSV."),
    b"%PDF": marked("{name} is a PDF document; a table has to be exported from its source as CSV."),
    b"7z\xbc\xaf": marked("{name} is a 7z archive; unpack it first, or pack it with gzip or zip."),
    b"SQLite format 3": marked("{name} is an SQLite database; export the table as CSV."),
    b"\x89HDF": marked("{name} is an HDF5 file; export the table as CSV or Parquet."),
    b"\x93NUMPY": marked("{name} is a NumPy array; save it as CSV or Parquet."),
}


@dataclass(frozen=True)
class Content:
    """The bytes of a table, what they are, and what they were unpacked from (part: the file in a zip, or the sheet)."""

    name: str
    kind: Literal["text", "parquet", "excel"]
    data: bytes
    packed: str = ""
    part: str = ""
    parts: tuple[str, ...] = ()


def is_text(head: bytes) -> bool:
    """Whether a file that begins with these bytes may be text as it stands: nothing packed, no Parquet, no workbook."""
    return not head.startswith((*_PACKINGS, b"PK\x03\x04", b"PAR1"))


@contextmanager
def opened(source: str | PathLike[str] | BinaryIO, name: str | None) -> Iterator[tuple[Any, str]]:
    """A file or buffer to read from, and what to call it. Raises DatasetError where a path leads nowhere."""
    if not isinstance(source, (str, PathLike)):
        yield source, name or Path(getattr(source, "name", say("the table"))).name
        return
    path = Path(source)
    name = name or path.name
    if path.is_dir():
        raise DatasetError(say("{name} is a folder; give the path of a CSV file.", name=name))
    try:
        with path.open("rb") as stream:
            yield stream, name
    except OSError as error:
        raise DatasetError(
            say("{name} cannot be read: {reason}.", name=name, reason=error.strerror or error)
        ) from error


def read_content(stream: Any, name: str, part: str | None = None) -> Content:
    """Read a stream. part: which file of a zip, or which sheet of a workbook, by default the first table.

    Raises DatasetError, with one sentence, for what is no table or too large.
    """
    head = stream.read(16)
    rest = Joined(head, stream)
    for magic, sentence in _UNREADABLE.items():
        if head.startswith(magic):
            raise DatasetError(say(sentence, name=name))
    if head.startswith(b"PAR1"):
        return Content(name, "parquet", _limited(rest, name))
    for magic, (packing, unpacker) in _PACKINGS.items():
        if head.startswith(magic):
            packed = _limited(rest, name)
            with _damage(name, packing):
                return Content(name, "text", _text(unpacker(io.BytesIO(packed)), name, len(packed)), packing)
    if head.startswith(b"PK\x03\x04"):
        return _unzip(_limited(rest, name), name, part)
    return Content(name, "text", _text(rest, name))


class Joined:
    """A stream whose first bytes were read already."""

    def __init__(self, head: bytes, stream: Any) -> None:
        self._head, self._stream = head, stream

    def read(self, size: int) -> bytes:
        head, self._head = self._head[:size], self._head[size:]
        return head + self._stream.read(size - len(head)) if len(head) < size else head

    def read_all(self, name: str) -> bytes:
        """Everything, where that is not too much."""
        return _limited(self, name)


class _Xz:
    """An xz file unpacked piece by piece; lzma.LZMAFile would give it as much memory as the file asks for."""

    def __init__(self, packed: IO[bytes]) -> None:
        self._packed, self._decoder = packed, self._fresh()

    @staticmethod
    def _fresh() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_DICTIONARY)

    def read(self, size: int) -> bytes:
        while True:
            if self._decoder.eof:  # a file may hold several streams one after the other, padded with zeros
                rest = (self._decoder.unused_data or self._packed.read(_PIECE)).lstrip(b"\0")
                if not rest:
                    return b""
                self._decoder = self._fresh()
            elif self._decoder.needs_input:
                rest = self._packed.read(_PIECE)
                if not rest:
                    raise EOFError("the file ends before its stream does")
            else:
                rest = b""
            if piece := self._decoder.decompress(rest, size):
                return piece


_PACKINGS: dict[bytes, tuple[str, Callable[[IO[bytes]], Any]]] = {
    b"\x1f\x8b": ("gzip", lambda packed: gzip.GzipFile(fileobj=packed)),
    b"BZh": ("bzip2", bz2.BZ2File),
    b"\xfd7zXZ": ("xz", _Xz),
    b"\x28\xb5\x2f\xfd": ("zstd", lambda packed: pa.CompressedInputStream(packed, "zstd")),
}


def _limited(stream: Any, name: str, packed: int | None = None, check: Callable[[bytes], None] | None = None) -> bytes:
    """All bytes of a stream, of which the first piece is checked before the rest is read."""
    pieces: list[bytes] = []
    total = 0
    while piece := stream.read(_PIECE):
        if not pieces and check:
            check(piece)
        pieces.append(piece)
        total += len(piece)
        if packed is not None and total > 64 * _PIECE and total > MAX_RATIO * packed:
            raise DatasetError(
                say(
                    "{name} unpacks to more than {max_ratio} times its size, which no table does; unpack "
                    "it yourself first.",
                    name=name,
                    max_ratio=MAX_RATIO,
                )
            )
        if total > MAX_BYTES:
            raise DatasetError(
                say(
                    "{name} holds more than {max_bytes:g} GB; keep fewer rows or columns, or convert it to Parquet.",
                    name=name,
                    max_bytes=MAX_BYTES / 2**30,
                )
            )
    return b"".join(pieces)


def _text(stream: Any, name: str, packed: int | None = None) -> bytes:
    def check(head: bytes) -> None:
        if len(head) >= MAX_LINE and b"\n" not in head and b"\r" not in head:
            if b"\x00" in head[:1000] and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise DatasetError(say("{name} is a binary file, not a text table; export it as CSV first.", name=name))
            raise DatasetError(
                say(
                    "{name} has no line end in its first {max_line} MB; a table has a line for each row: "
                    "save it again.",
                    name=name,
                    max_line=MAX_LINE // 2**20,
                )
            )

    return _limited(stream, name, packed, check)


def _unzip(data: bytes, name: str, part: str | None) -> Content:
    with _damage(name, "zip"):
        archive = zipfile.ZipFile(io.BytesIO(data))
        members = [m for m in archive.infolist() if not m.is_dir() and not _is_hidden(m.filename)]
        if any(m.filename == "xl/workbook.xml" for m in members):
            _count(archive, name, len(data))
            return Content(name, "excel", data, part=part or "")
        if part is None and {"model.json", "predict.py"} <= {Path(m.filename).name for m in members}:
            raise DatasetError(
                say(
                    "{name} is a bundle, which holds a model and no table; give a table here, and the bundle to 'kanlab "
                    "predict'.",
                    name=name,
                )
            )
        tables = [m for m in members if m.filename.lower().endswith(_TABLES)] or members
        names = tuple(m.filename for m in tables)
        if not tables:
            raise DatasetError(say("{name} is a zip archive without a file; pack a CSV into it.", name=name))
        if part is not None and part not in names:
            raise DatasetError(
                say(
                    "{name} holds no file '{part}'; it has '{first}' and {more} more.",
                    name=name,
                    part=part[:80],
                    first=names[0][:80],
                    more=len(names) - 1,
                )
            )
        chosen = tables[names.index(part) if part else 0]
        if chosen.flag_bits & 1:
            raise DatasetError(say("{name} is locked with a password; unpack it first.", name=name))
        with archive.open(chosen) as unpacked:
            inner = unpacked.read(4)
            stream = Joined(inner, unpacked)
            if inner == b"PAR1":
                return Content(name, "parquet", _limited(stream, name, len(data)), "zip", chosen.filename, names)
            if inner == b"PK\x03\x04":
                book = _limited(stream, name, len(data))
                return _nested(book, name, chosen.filename, names)
            return Content(name, "text", _text(stream, name, len(data)), "zip", chosen.filename, names)


def _nested(book: bytes, name: str, member: str, names: tuple[str, ...]) -> Content:
    """A workbook in an archive; an archive in an archive is refused."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        if "xl/workbook.xml" not in archive.namelist():
            raise DatasetError(say("{name} holds an archive within the archive; unpack it first.", name=name))
        _count(archive, name, len(book))
    return Content(name, "excel", book, "zip", "", ())


def _is_hidden(filename: str) -> bool:
    return filename.startswith("__MACOSX/") or Path(filename).name.startswith(".")


def _count(archive: zipfile.ZipFile, name: str, packed: int) -> None:
    """Unpack the parts of a workbook once, keeping nothing: its reader trusts their sizes, so they are counted here."""
    whole = 0
    for member in archive.infolist():
        total = 0
        with archive.open(member) as unpacked:
            while piece := unpacked.read(_PIECE):
                total += len(piece)
                whole += len(piece)
                if whole > MAX_BYTES or (total > 64 * _PIECE and total > MAX_RATIO * min(packed, member.compress_size)):
                    raise DatasetError(
                        say("{name} unpacks to far more than a table does; save the sheet as CSV.", name=name)
                    )


@contextmanager
def _damage(name: str, kind: str) -> Iterator[None]:
    """Whatever an unpacker raises on bytes it did not expect (zipfile: seven kinds of error at least), as one sentence."""
    try:
        yield
    except (DatasetError, MemoryError):
        raise
    except Exception as error:
        raise DatasetError(
            say(
                "{name} is a binary file that looks like {kind} but cannot be unpacked; it may be "
                "damaged, so pack it again or give the CSV itself.",
                name=name,
                kind=kind,
            )
        ) from error


def too_wide(name: str, columns: int) -> DatasetError:
    """What to say of a table with too many columns."""
    return DatasetError(
        say(
            "{name} has {columns:,} columns and at most {max_columns:,} are read; keep the ones "
            "that may matter, since every feature costs a network parameters.",
            name=name,
            columns=columns,
            max_columns=MAX_COLUMNS,
        )
    )
