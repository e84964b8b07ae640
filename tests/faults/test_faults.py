"""What docs/reliability.md promises beside kills (test_crashes.py): each fault injected while a study runs, trials counted."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from kanlab.data.dataset import Dataset
from kanlab.errors import StudyError
from kanlab.execution.manager import manager
from kanlab.execution.supervisor import Supervisor
from kanlab.kan.search_space import Cell, SearchSpace
from kanlab.study import patience, storage
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.optuna_adapter import database, storage_of
from kanlab.study.spec import StudySpec
from kanlab.study.state import read_state
from kanlab.study.storage import STORAGE_ERRORS, own_file, storage_trouble
from tests.helpers.fits import release
from tests.helpers.postgres import Server
from tests.helpers.sentences import assert_sentence, refused
from tests.helpers.studies import STOCK, by_cell, finished, state, wait_for

Fake = Callable[..., Path]

SPACE = SearchSpace((1, 2), (2, 9), (1, 2))


def begin(small: Dataset, url: str | None = None) -> tuple[StudyHandle, Supervisor, list[Cell]]:
    """A study with five trials done and more to come."""
    spec = StudySpec(space=SPACE, engine=STOCK, workers=2)
    handle = create_study(small, spec, storage_url=url)
    running = manager().start(handle)
    wait_for(lambda: len(finished(handle)) >= 5)
    return handle, running, spec.admissible(small.n, small.d)


def done(handle: StudyHandle) -> list[tuple[object, ...]]:
    return by_cell([r for r in handle.records() if r.state != "running"])


def assert_whole(handle: StudyHandle, running: Supervisor, cells: list[Cell], before: list[tuple[object, ...]]) -> None:
    """Lost: 0, duplicated: 0."""
    running.join(60)
    assert state(handle).name == "finished"
    after = done(handle)
    assert [row for row in after if row in before] == before
    assert sorted(finished(handle)) == sorted(cells)
    assert {r.state for r in handle.records()} == {"complete"}


LOCK = """
import sqlite3, sys
other = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
other.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
other.execute("ROLLBACK")
"""


def test_sqlite_locked_for_ten_seconds_by_another_process(small: Dataset, fake_workers: Fake) -> None:
    log = fake_workers(hold_after=8)
    handle, running, cells = begin(small)
    command = [sys.executable, "-c", LOCK, str(own_file())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        release(log)
        began, before = time.monotonic(), done(handle)
        while time.monotonic() < began + 10:  # readers go on meanwhile, and nothing is written
            assert done(handle) == before
            time.sleep(0.2)
        other.communicate("now\n")
    assert other.returncode == 0
    assert running.is_alive()
    assert_whole(handle, running, cells, before)


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """kanlab's home on a file system of 16 MB, in memory. Only root can make one."""
    folder = tmp_path / "small disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user cannot mount a file system")
    monkeypatch.setenv("KANLAB_HOME", str(folder))
    yield folder
    for opened in storage._storages.values():
        database(opened).dispose()
    storage._storages.clear()
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all room that is left."""
    path = folder / "other people's data"
    with path.open("wb", buffering=0) as file:
        for block in (2**16, 2**9):
            with contextlib.suppress(OSError):
                while file.write(b"x" * block):
                    pass
    assert shutil.disk_usage(folder).free == 0
    return path


def test_a_full_disk(small: Dataset, fake_workers: Fake, small_disk: Path) -> None:
    """A file system with no room left, then some again."""
    log = fake_workers(hold_after=8)
    handle, running, cells = begin(small)
    filler = fill(small_disk)
    release(log)
    trouble = wait_for(lambda: running.trouble)  # which is gone for a moment whenever a write goes into old pages
    before = done(handle)
    assert 5 <= len(before) < len(cells)
    assert "disk is full" in trouble or "disk I/O error" in trouble
    assert_sentence(trouble)
    assert wait_for(lambda: manager().trouble(handle)) == wait_for(lambda: running.trouble)
    time.sleep(2.5)
    assert running.is_alive()
    assert done(handle) == before
    filler.unlink()
    assert_whole(handle, running, cells, before)


def test_no_study_begins_on_a_full_disk(small: Dataset, small_disk: Path) -> None:
    assert storage.get_storage().get_all_studies() == []
    filler = fill(small_disk)
    with refused(StudyError, "No space left on device"):
        create_study(small, StudySpec())
    assert list((small_disk / "data").glob("*")) == []
    filler.unlink()
    assert create_study(small, StudySpec()).name == "small-1"


def test_no_page_left_in_the_database(small: Dataset, fake_workers: Fake) -> None:
    """SQLite is told that no page is left, which is what it does when the disk says so; then there is room again."""
    log = fake_workers(hold_after=8)
    handle, running, cells = begin(small)
    engine = database(storage_of(handle.optuna))

    full = True

    def limit(connection: sqlite3.Connection, *_: object) -> None:
        if full:
            connection.execute("PRAGMA max_page_count = 1")  # the file keeps the pages it has

    sqlalchemy.event.listen(engine, "checkout", limit)
    release(log)
    trouble = wait_for(lambda: running.trouble)  # as above
    before = done(handle)
    assert "disk is full" in trouble
    assert_sentence(trouble)
    full = False
    engine.dispose()
    assert_whole(handle, running, cells, before)


def test_a_server_out_of_reach_for_a_while(
    small: Dataset, fake_workers: Fake, postgres_server: Server, url: str
) -> None:
    log = fake_workers(hold_after=8)
    handle, running, cells = begin(small, url)
    before = done(handle)
    postgres_server.stop()
    release(log)
    assert_sentence(wait_for(lambda: running.trouble))
    with pytest.raises(STORAGE_ERRORS) as caught:
        handle.records()
    assert_sentence(storage_trouble(caught.value))
    time.sleep(1)
    assert running.is_alive()
    postgres_server.start()
    assert_whole(handle, running, cells, before)
    assert running.trouble == ""


def test_a_storage_that_does_not_come_back_leaves_a_study_to_resume(
    small: Dataset, fake_workers: Fake, postgres_server: Server, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = fake_workers(hold_after=8)
    monkeypatch.setattr(patience, "STORAGE_PATIENCE", 1.5)
    handle, running, cells = begin(small, url)
    before = done(handle)
    postgres_server.stop()
    release(log)
    running.join(30)
    assert not running.is_alive()
    postgres_server.start()
    monkeypatch.setattr("kanlab.study.state.STALE_SECONDS", 0.5)
    time.sleep(1)
    assert read_state(handle.optuna.user_attrs).name == "interrupted"
    again = manager().start(handle)
    assert_whole(handle, again, cells, before)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps(jump: float, small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    log = fake_workers(hold_after=8)
    spec = StudySpec(space=SPACE, engine=STOCK, workers=2, minutes=5)
    handle = create_study(small, spec)
    running = manager().start(handle)
    wait_for(lambda: len(finished(handle)) >= 5)
    before, clock = done(handle), time.time
    monkeypatch.setattr(time, "time", lambda: clock() + jump)
    release(log)
    wait_for(lambda: state(handle).name in ("running", "finished"))  # after the next beat at the latest
    assert_whole(handle, running, spec.admissible(small.n, small.d), before)
    assert state(handle).elapsed < 60


def test_readers_and_a_writer_at_once(small: Dataset, fake_workers: Fake) -> None:
    """Eight pages that poll without a pause."""
    fake_workers(seconds=0.02)
    handle, running, cells = begin(small)
    problems: list[BaseException] = []

    def poll() -> None:
        try:
            while running.is_alive():
                read_state(handle.optuna.user_attrs)
                handle.records()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    before = done(handle)
    for thread in threads:
        thread.join()
    assert problems == []
    assert_whole(handle, running, cells, before)
