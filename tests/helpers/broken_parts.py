"""Workbooks and Parquet files built from broken parts, and what must hold of each: a table or one sentence, in bounds.

A workbook is taken to pieces, its pieces are broken as text and put together again, so that what is broken is read and not
its checksum. A Parquet file is the data of one table under the footer of another, or has its bits flipped. Each is read by
the reader's own code in a fork with its limits, whose time and memory the system tells.
"""

from __future__ import annotations

import faulthandler
import functools
import io
import os
import signal
import zipfile
from dataclasses import dataclass
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import python_calamine  # noqa: F401 - loaded before the fork, whose memory is limited and holds all of its parent
from hypothesis import strategies as st

from kanlab.data.reading import reader
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.limits import limits_for
from kanlab.data.reading.messages import UNFORESEEN, Answer, Request, line, parsed
from tests.helpers.corpus import excel, merged
from tests.helpers.hostile import HOSTILE, dictionary, prefixes, shared_text, workbook
from tests.helpers.sentences import assert_sentence

LARGEST_PART = 30_000_000
CPU_SECONDS, MEGABYTES = 10.0, 1024.0


def _dated() -> bytes:
    content = io.BytesIO()
    days = pd.date_range("2024-01-01", periods=24, freq="31h")
    pd.DataFrame({"when": days, "time": days.time, "flag": [True, False] * 12, "s": list("abcdefgh") * 3}).to_excel(
        content
    )
    return content.getvalue()


def _parts(book: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def _packed(parts: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return content.getvalue()


@functools.cache
def _books() -> tuple[dict[str, bytes], ...]:
    return tuple(_parts(book) for book in (workbook(), excel(), merged(), _dated(), shared_text(50, 20)))


_READ = (
    "xl/worksheets/sheet1.xml",
    "xl/styles.xml",
    "xl/workbook.xml",
    "xl/_rels/workbook.xml.rels",
    "xl/sharedStrings.xml",
)
TAGS = tuple(
    token.encode()
    for token in (
        '<row r="1048576">', '<row r="99999999999">', '<row r="-1">', "<row>", "</row>", '<c r="XFD1"><v>1</v></c>',
        '<c r="A1048576"><v>1</v></c>', '<c r="ZZZZ9"><v>1</v></c>', '<c r=""><v>1</v></c>', '<c><v>1</v></c>', "<c/>",
        't="s"', 't="b"', 't="e"', 't="d"', 't="str"', 't="inlineStr"', "<is><t>x</t></is>", 's="0"', 's="1"',
        's="4294967295"',
        "<v>1e999</v>", "<v>-1e10</v>", "<v>nan</v>", "<v>99999999</v>", "<v></v>", "<v>2024-01-01T00:00:00</v>", "<v>-1</v>",
        '<dimension ref="A1:XFD1048576"/>', '<mergeCells><mergeCell ref="A1:XFD1048576"/></mergeCells>', "<f>A1</f>",
        '<f t="shared" si="0" ref="A1:XFD1048576">A1</f>', '<f t="shared" si="0"/>', "<!--", "-->", "<![CDATA[", "]]>",
        "&a;", "&",
        '<!DOCTYPE a [<!ENTITY a "b">]>', "\0", "\ufffe", "<", ">", '"', "'", "</sheetData>", "<sheetData>", "</worksheet>",
        'formatCode="[h]:mm:ss"', 'formatCode="yyyy"', 'numFmtId="14"', 'numFmtId="999999999999"', 'date1904="1"',
        'Target="../workbook.xml"', 'Target="/xl/worksheets/sheet1.xml"', 'Target=""', 'r:id="rId99"', 'state="hidden"',
        'name=""',
        "_x0000_", "_xD800_", "<si><t>y</t></si>", '<t xml:space="preserve"> </t>', "<r><t>z</t></r>",
    )
)  # fmt: skip


@st.composite
def broken_books(draw: Any) -> bytes:
    """A workbook some of whose parts are cut, repeated, mixed, missing or under another's name."""
    parts = dict(draw(st.sampled_from(_books())))
    for _ in range(draw(st.integers(1, 4))):
        name = draw(st.sampled_from([*(n for n in _READ if n in parts), *sorted(parts)]))
        kind = draw(st.sampled_from(["text", "text", "text", "text", "missing", "other", "moved"]))
        if kind == "missing":
            del parts[name]
        elif kind == "other":
            parts[name] = draw(st.sampled_from(sorted(set().union(*(b.values() for b in _books())))))
        elif kind == "moved":
            parts[draw(st.sampled_from(_READ))] = parts.pop(name)
        else:
            parts[name] = _text(draw, parts[name])
        if not parts:
            break
    content = _packed(parts)
    return _bits(draw, content) if draw(st.integers(0, 9)) == 0 else content


def _text(draw: Any, text: bytes) -> bytes:
    """XML with a tag put in, a stretch cut or repeated up to millions of bytes, or a sign changed."""
    places = [i for i, sign in enumerate(text) if sign in b'<"'] or [0]
    at = draw(st.sampled_from(places))
    to = draw(st.sampled_from([p for p in places if p >= at]))
    kind = draw(st.sampled_from(["tag", "tag", "cut", "repeat", "much", "replace", "encode"]))
    if kind == "tag":
        return text[:at] + draw(st.sampled_from(TAGS)) + text[at:]
    if kind == "cut":
        return text[:at] + text[to:]
    if kind == "repeat":
        return text[:to] + text[at:to] * draw(st.integers(1, 50)) + text[to:]
    if kind == "much":
        unit = draw(st.sampled_from(TAGS)) if draw(st.booleans()) else text[at:to] or b"<a>"
        return (
            text[:at] + unit * min(draw(st.sampled_from([10**3, 10**5, 10**7])), LARGEST_PART // len(unit)) + text[at:]
        )
    if kind == "replace":
        old = draw(st.sampled_from([b"0", b"1", b'"', b"<v>", b"</v>", b"<c ", b'r="', b"xmlns", b"Id", b"/", b" "]))
        return text.replace(old, draw(st.sampled_from(TAGS)))
    return text.decode("utf-8", "replace").encode(draw(st.sampled_from(["utf-16", "utf-32", "latin-1"])), "replace")


@functools.cache
def _tables() -> tuple[bytes, ...]:
    """Small Parquet files of every type and encoding the reader meets."""
    rows = 30
    texts = [["a", "bb", None, "ccc" * 9][i % 4] for i in range(rows)]
    table = pa.table({
        "i": pa.array(range(rows), pa.int32()), "x": pa.array([i / 7 for i in range(rows)]), "s": texts,
        "d": pa.array(texts).dictionary_encode(), "t": pa.array([10**15 * i for i in range(rows)], pa.timestamp("us", "UTC")),
        "day": pa.array(range(rows), pa.date32()), "b": pa.array([None if i == 3 else i % 2 == 0 for i in range(rows)]),
        "n": pa.array([[i] for i in range(rows)]), "y": pa.array(range(rows), pa.int64()),
    })  # fmt: skip
    found = []
    for how in (
        {"compression": "none"}, {"compression": "snappy"}, {"compression": "zstd", "data_page_version": "2.0"},
        {"compression": "gzip", "row_group_size": 7}, {"use_dictionary": False, "compression": "none"},
        {"use_dictionary": False, "column_encoding": {"s": "DELTA_BYTE_ARRAY", "i": "DELTA_BINARY_PACKED", "y": "PLAIN"}},
        {"compression": "brotli", "version": "1.0", "store_schema": False},
    ):  # fmt: skip
        content = io.BytesIO()
        pq.write_table(table.drop(["n"]) if "column_encoding" in how else table, content, **how)
        found.append(content.getvalue())
    return (*found, dictionary(1000, 50), prefixes(1000, 20, 3))


def _footer(content: bytes) -> int:
    """Where the footer of a Parquet file begins."""
    return len(content) - 8 - int.from_bytes(content[-8:-4], "little")


@st.composite
def broken_parquet(draw: Any) -> bytes:
    """A Parquet file with its bits flipped, its pages cut or repeated, or under the footer of another."""
    content: bytes = draw(st.sampled_from(_tables()))
    if draw(st.integers(0, 3)) == 0:
        other = draw(st.sampled_from(_tables()))
        content = content[: _footer(content)] + other[_footer(other) :]
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(4, len(content) - 9))
        to = draw(st.integers(at, min(len(content) - 8, at + draw(st.sampled_from([1, 8, 200])))))
        kind = draw(st.sampled_from(["cut", "repeat", "same"]))
        if kind == "cut":
            content = content[:at] + content[to:]
        elif kind == "repeat":
            content = content[:to] + content[at:to] * draw(st.integers(1, 30)) + content[to:]
        else:
            content = content[:at] + bytes([draw(st.sampled_from([0, 1, 127, 128, 255]))]) * (to - at) + content[to:]
    return _bits(draw, content)


def _bits(draw: Any, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(4, len(changed) - 5))
        changed[at] ^= 1 << draw(st.integers(0, 7))
    return bytes(changed)


def broken_binaries() -> st.SearchStrategy[bytes]:
    """Either, and now and then one of the hostile files as it is."""
    hostile = st.deferred(lambda: st.sampled_from(hostile_contents()))
    return st.one_of(broken_books(), broken_parquet(), broken_books(), broken_parquet(), hostile)


@functools.cache
def hostile_contents() -> tuple[bytes, ...]:
    """Those that are quick to write."""
    return tuple(case.content() for case in HOSTILE if "MB" not in case.name)


@dataclass(frozen=True)
class Read:
    """What became of a file, and what it cost its reader."""

    outcome: str
    seconds: float
    megabytes: float


def read_in_a_fork(content: bytes) -> Read:
    """Read a file as the reader program does, and account for it.

    Raises AssertionError where a promise is broken: no table and no sentence, or out of bounds.
    """
    limits = limits_for(len(content), content[:16])
    request = Request("some.file", len(content), ReadOptions(), limits)
    back, out = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            faulthandler.disable()  # which pytest has on
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
            reader.take(limits)
            os.write(out, line(reader.answered(request, io.BytesIO(content))[0])[: 2**15])
        finally:
            os._exit(0)
    os.close(out)
    with os.fdopen(back, "rb") as pipe:
        text = pipe.read()
    _, status, usage = os.wait4(pid, 0)
    ended = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    outcome = _outcome(text, ended)
    found = Read(outcome, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
    assert found.seconds < CPU_SECONDS + 1, f"{found.seconds:.1f} s"
    assert found.megabytes < limits.memory / 2**20 + _own_megabytes(), f"{found.megabytes:.0f} MB"
    return found


def _own_megabytes() -> float:
    """What a fork has of its parent: more than the program itself, which starts afresh."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def _outcome(text: bytes, ended: int) -> str:
    if ended in (signal.SIGABRT, signal.SIGXCPU):  # kanlab.data.reading.reader_process makes a sentence of it
        return "ended by a limit"
    assert not ended, f"ended by signal {ended}"
    if not text.endswith(b"\n"):
        return "table"  # of a report too long for the pipe
    answer = parsed(text, Answer)
    if not answer.error:
        assert answer.report is not None
        assert len(answer.sizes) == answer.report.columns
        return "table"
    assert UNFORESEEN not in answer.error, answer.error
    assert_sentence(answer.error)
    return "refused"
