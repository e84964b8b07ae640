"""Many sessions that watch one study: one reading serves them all, and each looks less often the more they are."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from kanlab.data.dataset import Dataset
from kanlab.study.handle import StudyHandle, create_study
from kanlab.study.spec import StudySpec
from kanlab.ui import watching


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """None has looked; each thread of the test is one."""
    state = threading.local()

    class State:
        def setdefault(self, key: str, value: str) -> str:
            return str(state.__dict__.setdefault(key, value))

    monkeypatch.setattr(watching.st, "session_state", State())
    watching._looks.clear()
    watching._readings.clear()
    yield
    watching._looks.clear()
    watching._readings.clear()


@pytest.fixture
def handle(small: Dataset) -> StudyHandle:
    return create_study(small, StudySpec(), name="mine")


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A line a reading of the storage."""
    found: list[str] = []
    records = StudyHandle.records

    def counted(self: StudyHandle) -> object:
        found.append(self.name)
        return records(self)

    monkeypatch.setattr(StudyHandle, "records", counted)
    return found


def look(handle: StudyHandle, sessions: int) -> None:
    threads = [threading.Thread(target=watching.read, args=(handle,)) for _ in range(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_sessions_that_look_at_once_share_a_reading(
    sessions: None, handle: StudyHandle, reads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "FRESH_SECONDS", 3600.0)
    look(handle, 20)
    assert reads == ["mine"]
    assert watching.watchers() == 20
    watching.read(handle, fresh=True)
    assert len(reads) == 2
    watching.forget(handle)  # as after a button
    look(handle, 5)
    assert len(reads) == 3


def test_a_reading_is_of_its_time(sessions: None, handle: StudyHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "FRESH_SECONDS", -1.0)
    assert watching.read(handle).attributes.get("note") is None
    handle.optuna.set_user_attr("note", "said")
    found = watching.read(handle)
    assert found.attributes["note"] == "said"
    assert found.state.name == "queued"
    assert found.is_awaited


def test_the_more_sessions_the_less_often_each_looks(
    sessions: None, handle: StudyHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(handle, 1)
    assert watching.interval(10) == 1.0
    assert not watching.is_off(1.0, 10)
    look(handle, 49)
    every = watching.interval(10)
    assert 50 / every <= watching.LOOKS_PER_SECOND
    assert watching.is_off(1.0, 10)
    assert not watching.is_off(every, 10)
    monkeypatch.setattr(watching, "GONE_SECONDS", -1.0)  # they have left
    assert watching.interval(10) == 1.0
    assert watching.is_off(every, 10)
