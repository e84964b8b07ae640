"""What docs/reliability.md promises beside kills (test_crashes.py): each fault injected while a study runs, trials counted."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy

from kanlab import supervisor
from kanlab.dataset import Dataset
from kanlab.jobs import manager
from kanlab.lifecycle import read_state
from kanlab.space import Cell, SearchSpace
from kanlab.storage import STORAGE_ERRORS, home, storage_trouble
from kanlab.study import StudyHandle, StudySpec, create_study
from kanlab.supervisor import Supervisor
from tests.helpers.postgres import Server
from tests.helpers.sentences import assert_sentence
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


def test_sqlite_locked_for_ten_seconds(small: Dataset, fake_workers: Fake) -> None:
    fake_workers(seconds=0.1)
    handle, running, cells = begin(small)
    other = sqlite3.connect(home() / "studies.db", timeout=30, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    before = done(handle)  # readers go on meanwhile
    time.sleep(10)
    assert done(handle) == before
    assert running.is_alive()
    other.execute("ROLLBACK")
    other.close()
    assert_whole(handle, running, cells, before)


def test_a_full_disk(small: Dataset, fake_workers: Fake) -> None:
    """SQLite is told that no page is left, which is what it does when the disk says so; then there is room again."""
    fake_workers(seconds=0.05)
    handle, running, cells = begin(small)
    engine = handle.optuna._storage._backend.engine  # type: ignore[attr-defined]

    full = True

    def fill(connection: sqlite3.Connection, *_: object) -> None:
        if full:
            connection.execute("PRAGMA max_page_count = 1")  # the file keeps the pages it has

    sqlalchemy.event.listen(engine, "checkout", fill)
    wait_for(lambda: running.trouble)
    before = done(handle)
    assert "disk is full" in running.trouble
    assert_sentence(running.trouble)
    assert manager().trouble(handle) == running.trouble
    full = False
    engine.dispose()
    assert_whole(handle, running, cells, before)


def test_a_server_out_of_reach_for_a_while(
    small: Dataset, fake_workers: Fake, postgres_server: Server, url: str
) -> None:
    fake_workers(seconds=0.05)
    handle, running, cells = begin(small, url)
    before = done(handle)
    postgres_server.stop()
    wait_for(lambda: running.trouble)
    assert_sentence(running.trouble)
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
    fake_workers(seconds=0.05)
    monkeypatch.setattr(supervisor, "STORAGE_PATIENCE", 1.5)
    handle, running, cells = begin(small, url)
    before = done(handle)
    postgres_server.stop()
    running.join(30)
    assert not running.is_alive()
    postgres_server.start()
    monkeypatch.setattr("kanlab.lifecycle.STALE_SECONDS", 0.5)
    time.sleep(1)
    assert read_state(handle.optuna.user_attrs).name == "interrupted"
    again = manager().start(handle)
    assert_whole(handle, again, cells, before)


@pytest.mark.parametrize("jump", [-3600.0, 3600.0])
def test_a_clock_that_jumps(jump: float, small: Dataset, fake_workers: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_workers(seconds=0.1)
    spec = StudySpec(space=SPACE, engine=STOCK, workers=2, minutes=5)
    handle = create_study(small, spec)
    running = manager().start(handle)
    wait_for(lambda: len(finished(handle)) >= 5)
    before, clock = done(handle), time.time
    monkeypatch.setattr(time, "time", lambda: clock() + jump)
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
