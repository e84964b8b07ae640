"""Many who watch one study: its storage is read once for all of them, and the more they are, the less often each one looks.

They share a process, and its lock, with the supervisors of the studies, which they are not to slow down.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import streamlit as st

from kanlab.study.handle import StudyHandle, check_it_is_there
from kanlab.study.state import StudyState, is_awaited, read_state
from kanlab.study.trials import TrialRecord
from kanlab.ui.shared import poll_seconds

FRESH_SECONDS = 1.0  # as long as that a reading serves everybody
LOOKS_PER_SECOND = 8.0  # of all sessions together; each takes some 10 ms of the lock
GONE_SECONDS = 30.0  # without a look a session is none of them

_Key = tuple[int, int]
_SESSION = "kanlab_watcher"


@dataclass(frozen=True)
class Reading:
    """What the storage said of a study at one moment. attributes: the user's."""

    attributes: Mapping[str, Any]
    state: StudyState
    is_awaited: bool
    records: list[TrialRecord]
    read: float  # on the monotonic clock


_lock = threading.Lock()
_locks: dict[_Key, threading.Lock] = {}
_readings: dict[_Key, Reading] = {}
_looks: dict[str, float] = {}  # when each session looked last


def read(handle: StudyHandle, *, fresh: bool = False) -> Reading:
    """What the storage says of a study, or has just said to another session; of those that ask at once one reads.

    Raises StudyError where the study was deleted.
    """
    with _lock:
        lock = _locks.setdefault(handle.key, threading.Lock())
        _looks[st.session_state.setdefault(_SESSION, uuid4().hex)] = time.monotonic()
    with lock:
        found = _readings.get(handle.key)
        if fresh or found is None or time.monotonic() - found.read > FRESH_SECONDS:
            attributes = handle.optuna.user_attrs
            state, awaited = read_state(attributes), is_awaited(attributes)
            found = Reading(attributes, state, awaited, handle.records(), time.monotonic())
            _readings[handle.key] = found
    _forget_others(handle.key)
    check_it_is_there(handle, found.attributes)
    return found


def forget(handle: StudyHandle) -> None:
    """Have the next one read again, because something was just asked of the study."""
    _readings.pop(handle.key, None)


def _forget_others(key: _Key) -> None:
    """Readings that nobody has asked for lately; a session of another study still finds its own."""
    now = time.monotonic()
    for other, reading in list(_readings.items()):
        if other != key and now - reading.read > GONE_SECONDS:
            _readings.pop(other, None)


def watchers() -> int:
    """Sessions that look at any study just now."""
    now = time.monotonic()
    with _lock:
        for session in [s for s, last in _looks.items() if now - last > GONE_SECONDS]:
            del _looks[session]
        return len(_looks)


def interval(trials: int) -> float:
    """Seconds between two looks of one session at a study of so many trials."""
    return max(poll_seconds(trials), watchers() / LOOKS_PER_SECOND)


def is_off(every: float, trials: int) -> bool:
    """Whether an interval chosen earlier is far from that of today."""
    wanted = interval(trials)
    return not 0.5 < every / wanted < 2
