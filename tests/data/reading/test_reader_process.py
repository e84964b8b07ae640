"""Reading in a process of its own: what a hostile file may cost, and who ends the process when."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest

from kanlab.data.reading import reader_process, table
from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.limits import Limits, limits_for
from kanlab.data.reading.messages import Answer, Request, columns_of, line, parsed, received, send, size_of
from kanlab.data.reading.reader_process import keep_ready, read_apart
from kanlab.data.reading.table import read_table
from kanlab.data.reading.typed import read_here
from kanlab.errors import DatasetError
from tests.helpers.corpus import CASES, Case, excel, parquet
from tests.helpers.hostile import HOSTILE, Hostile
from tests.helpers.sentences import assert_sentence, refused

CPU_SECONDS, MEGABYTES = 10.0, 1024.0  # what any small file may cost

MEASURED = """
import json, resource, sys
from pathlib import Path
from kanlab.data.reading.reader_process import read_apart
from kanlab.errors import DatasetError

def used():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime

for path in map(Path, sys.argv[1:]):
    before = used()
    try:
        found = read_apart(path.read_bytes(), name=path.name).report.rows
    except DatasetError as error:
        found = str(error)
    status = Path("/proc/self/status").read_text().splitlines()
    own = next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))
    print(json.dumps([found, used() - before, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024, own]), flush=True)
"""


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Any, float, float, float]]:
    """Of each hostile file: rows or refusal, seconds of the reader, and the most memory of any reader and of the parent."""
    folder = tmp_path_factory.mktemp("hostile")
    paths = []
    for number, case in enumerate(HOSTILE):
        paths.append(folder / f"{number}{case.suffix}")
        paths[-1].write_bytes(case.content())
        assert paths[-1].stat().st_size < 2**20
    process = subprocess.run(
        [sys.executable, "-c", MEASURED, *map(str, paths)], capture_output=True, text=True, check=True, timeout=300
    )
    lines = map(json.loads, process.stdout.splitlines())
    return {case.name: tuple(found) for case, found in zip(HOSTILE, lines, strict=True)}


@pytest.mark.parametrize("case", HOSTILE, ids=lambda c: c.name)
def test_a_hostile_file_costs_little(case: Hostile, measured: dict[str, tuple[Any, float, float, float]]) -> None:
    found, seconds, memory, own = measured[case.name]
    if case.rows >= 0 and not case.sentence:
        assert found == case.rows
    elif not isinstance(found, int):
        assert_sentence(found)
        assert case.sentence in found
    else:
        assert case.rows < 0
    assert seconds < CPU_SECONDS
    assert memory < MEGABYTES
    assert own < 400


# ---- what comes back


@pytest.mark.parametrize("case", [c for c in CASES if c.columns], ids=lambda c: c.name)
def test_a_table_comes_back_as_it_was_sent(case: Case) -> None:
    read = read_here(io.BytesIO(case.content()), f"some{case.suffix}", ReadOptions())
    columns = columns_of(read.frame)
    answer = parsed(line(Answer(report=read.report, sizes=tuple(map(size_of, columns)))), Answer)
    pipe = io.BytesIO()
    for column in columns:
        send(column, pipe)
    assert pipe.tell() == sum(answer.sizes)
    pipe.seek(0)
    back = received(pipe, answer.sizes, len(read.frame))
    pd.testing.assert_frame_equal(back, read.frame)
    assert [str(t) for t in back.dtypes] == [str(t) for t in read.frame.dtypes]
    assert answer.report == read.report
    back.iloc[0, 0] = None  # it can be written to


def test_requests_and_names_that_are_no_text() -> None:
    options = ReadOptions(missing=("NA", "\udcff"), kinds={"a": "text"}, part="Sheet", header=1)
    request = Request("odd\udcff.csv", 3, options, limits_for(3, b"a,b"))
    assert parsed(line(request), Request) == request
    assert read_apart(b"1,2\n3,4\n", name="t.csv", options=ReadOptions(header=False)).report.header == 0
    assert read_apart(b"a,b\n1,2\n3,4\n", name="odd\udcff.csv").frame["a"].tolist() == [1, 3]


def test_options_reach_the_reader() -> None:
    read = read_apart(b"a;b\n007;1,5\n008;2,5\n", name="t.csv", options=ReadOptions(kinds={"a": "text"}))
    assert read.frame["a"].tolist() == ["007", "008"]
    assert read.frame["b"].tolist() == [1.5, 2.5]
    with refused(DatasetError, "no column 'z'"):
        read_apart(b"a;b\n1;2\n", name="t.csv", options=ReadOptions(kinds={"z": "text"}))


def test_files_and_buffers_are_read_from_where_they_stand(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes(b"skipped\na,b\n1,2\n")
    with path.open("rb") as stream:
        stream.seek(8)
        assert read_apart(stream).report.source == "t.csv"
    buffer = io.BytesIO(path.read_bytes())
    buffer.seek(8)
    assert read_apart(buffer, name="t.csv").frame.shape == (1, 2)
    buffer.write(b"5,6\n")  # it is let go of


def test_read_table_takes_a_process_where_it_would_have_to_trust(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[str] = []

    def noted(content: bytes, **keywords: Any) -> Any:
        taken.append(keywords["name"])
        return read_here(io.BytesIO(content), keywords["name"], keywords["options"])

    monkeypatch.setattr(table, "read_apart", noted)
    for name, content in {"t.csv": b"a,b\n1,2\n3,4\n", "t.xlsx": excel(), "t.parquet": parquet()}.items():
        assert read_table(io.BytesIO(content), name=name).report.rows == 2
    assert taken == ["t.xlsx", "t.parquet"]


# ---- limits


def large(rows: int = 400_000) -> bytes:
    text = io.StringIO()
    numbers = np.random.default_rng(0).normal(size=(rows // 40, 8)) * 1e5
    pd.DataFrame(numbers).map("$ {:,.4f}".format).to_csv(text, index=False, sep=";")
    head, _, body = text.getvalue().partition("\n")
    return (head + "\n" + body * 40).encode()


LARGE = large()  # seconds of work
ENOUGH = Limits(30, 200, 2**31)


def limited(monkeypatch: pytest.MonkeyPatch, limits: Limits) -> None:
    monkeypatch.setattr(reader_process, "limits_for", lambda *_: limits)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(1, 200, 2**31), "within 1 seconds of computing"),
        (Limits(30, 0.3, 2**31), "within 30 seconds of computing"),
        (Limits(30, 200, 200 * 2**20), "more than 0.2 GB of memory"),
    ],
)
def test_beyond_a_limit_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, limits: Limits, words: str) -> None:
    limited(monkeypatch, limits)
    with refused(DatasetError, "large.csv", words):
        read_apart(LARGE, name="large.csv")


def test_limits_grow_with_what_was_uploaded_and_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    small, text, packed = limits_for(10**4, b"a,b"), limits_for(2 * 10**8, b"a,b"), limits_for(2 * 10**7, b"PK\x03\x04")
    assert (small.cpu_seconds, small.memory) == (10, pytest.approx(2**30, rel=0.001))
    assert text == packed
    assert (text.cpu_seconds, text.memory) == (15, 2**30 + 16 * 10**8)
    assert limits_for(10**12, b"a,b").cpu_seconds < 60
    assert limits_for(10**12, b"a,b").memory == 5 * 2**30
    monkeypatch.setenv("KANLAB_READ_SECONDS", "20")
    monkeypatch.setenv("KANLAB_READ_GB", "0.5")
    assert limits_for(1, b"a").cpu_seconds == 20
    assert limits_for(1, b"a").memory == 2**29 + 8
    monkeypatch.setenv("KANLAB_READ_GB", "much")
    with refused(DatasetError, "KANLAB_READ_GB", "'much'"):
        limits_for(1, b"a")


def test_a_reader_knows_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KANLAB_STORAGE", "postgresql://me:secret@host/db")
    program = reader_process._Program()
    try:
        process = psutil.Process(program.process.pid)
        while not process.cmdline():  # the kernel shows neither for a moment after it was started
            time.sleep(0.01)
        assert "-P" in process.cmdline()
        assert "KANLAB_STORAGE" not in process.environ()
        assert "secret" not in str(process.environ())
    finally:
        program.end()
        program.close()


def test_as_many_read_at_once_as_there_are_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader_process, "_TURN", threading.BoundedSemaphore(1))
    asked: list[float] = []
    with reader_process._turn(lambda: None):
        other = threading.Thread(
            target=lambda: read_apart(b"a,b\n1,2\n", name="t.csv", waiting=lambda: asked.append(time.monotonic()))
        )
        other.start()
        time.sleep(0.5)
        assert asked
        assert not readers()
    other.join(60)
    assert not other.is_alive()


# ---- the end of a reader


def readers(of: int | None = None) -> list[psutil.Process]:
    """The reader programs of a process that still run."""
    found = []
    for child in psutil.Process(of).children(recursive=True):
        try:
            if reader_process.PROGRAM in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.Error:
            continue
    return [r for r in found if r.pid not in {s.process.pid for s in reader_process._spares}]


def gone_within(seconds: float, process: psutil.Process) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


class Cancelled(BaseException):
    """As a page is left."""


def test_a_cancelled_reader_is_gone_at_once() -> None:
    seen: list[psutil.Process] = []

    def cancel() -> None:
        seen.extend(readers())
        raise Cancelled

    with pytest.raises(Cancelled):
        read_apart(LARGE, name="large.csv", waiting=cancel)
    assert len(seen) == 1
    assert not seen[0].is_running()
    assert not [t for t in threading.enumerate() if "_send" in t.name or "_listen" in t.name]


def test_a_killed_reader_is_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    limited(monkeypatch, ENOUGH)
    for sent, words in ((signal.SIGKILL, "memory"), (signal.SIGSEGV, "may be damaged")):
        with refused(DatasetError, "large.csv", words):
            read_apart(LARGE, name="large.csv", waiting=lambda sent=sent: [r.send_signal(sent) for r in readers()])
    assert read_apart(b"a,b\n1,2\n", name="t.csv").report.rows == 1


@pytest.mark.parametrize(
    "answer",
    [
        "print('no JSON')",
        "print('{}')",
        """print('{"error": 3}')""",
        "print('x' * 2**27)",
        "print(end='')",
        "sys.exit('SomeTrouble: it is so')",
        "print('"
        + line(Answer(report=read_here(io.BytesIO(b"a,b\n1,2\n"), "t", ReadOptions()).report, sizes=(9,))).decode()[:-1]
        + r"\nno Arrow at all')",
    ],
)
def test_a_damaged_answer_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str) -> None:
    """What comes back is trusted no more than the file."""
    (tmp_path / "liar.py").write_text(f"import sys\nsys.stdin.buffer.readline()\n{answer}\n")
    monkeypatch.setattr(reader_process, "_spares", [])
    monkeypatch.setattr(reader_process, "PROGRAM", "liar")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with refused(DatasetError, "t.csv"):
        read_apart(b"a,b\n1,2\n", name="t.csv")


@pytest.mark.parametrize("content", ["text", "workbook"])
def test_a_reader_ends_with_its_parent(tmp_path: Path, content: str) -> None:
    path = tmp_path / "large"
    path.write_bytes(LARGE if content == "text" else long_workbook())
    program = (
        "import sys, pathlib\nfrom kanlab.data.reading import reader_process as r\n"
        "r.read_apart(pathlib.Path(sys.argv[1]).read_bytes(), name='large', waiting=lambda: print('reads', flush=True))"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    try:
        while True:  # until it has received the file and is at work on it
            assert parent.stdout.readline() == "reads\n"
            found = readers(parent.pid)
            if found and sum(found[0].cpu_times()[:2]) > 0.6:
                break
    finally:
        os.kill(parent.pid, signal.SIGKILL)
    assert gone_within(2, found[0])
    parent.wait()


def long_workbook() -> bytes:
    """A workbook whose reader is in one call of a library for about a second."""
    from tests.helpers.hostile import junk

    return junk(62_000_000, b"<a/>")


def test_a_spare_reader_is_kept_used_and_ended() -> None:
    keep_ready()
    keep_ready()
    assert len(reader_process._spares) == 1
    spare = reader_process._spares[0]
    assert read_apart(b"a,b\n1,2\n", name="t.csv").report.rows == 1
    assert not reader_process._spares
    assert spare.process.poll() is not None
    keep_ready()
    reader_process._spares[0].process.kill()
    reader_process._spares[0].process.wait()
    keep_ready()
    assert reader_process._spares[0].is_ready
    spare = reader_process._spares.pop()
    assert spare.process.stdin is not None
    spare.process.stdin.close()
    assert spare.process.wait(20) == 0
    spare.end()
    spare.close()
