"""An uploaded file, read by a process of its own while the page stays alive.

The page shows how long it takes, and a button that ends it. A file that is replaced or removed, a page that is left, a tab
that is closed: Streamlit tells the running script of each where it draws next, which it does while it waits; the exception
it tells it by ends the process.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, BinaryIO

import streamlit as st

from kanlab.data.reading.dialect import ReadOptions
from kanlab.data.reading.reader_process import keep_ready, read_apart
from kanlab.data.reading.typed import Table
from kanlab.errors import DatasetError
from kanlab.language import say
from kanlab.ui import session

_PATIENCE = 1.0  # seconds before a Cancel button is worth its place


def once(name: str, key: object, compute: Callable[[], Any]) -> Any:
    """`session.remember` of a refusal too, which may have cost as much as a table: no click asks for it again."""

    def outcome() -> Any:
        try:
            return compute()
        except DatasetError as error:
            return error

    found = session.remember(name, key, outcome)
    if isinstance(found, DatasetError):
        raise DatasetError(str(found))
    return found


def read(file: BinaryIO, name: str, options: ReadOptions, of: tuple[str, object], place: Any) -> Table:
    """The table of a file, from its beginning.

    of: name and key `once` keeps it under, to keep a cancellation there too.  place: an empty one for the progress, which
    the page has whether it reads or not, so that what stands below keeps its place.
    """
    file.seek(0)
    try:
        return read_apart(file, name=name, options=options, waiting=_Waiting(place, name, of))
    finally:
        keep_ready()
        place.empty()


class _Waiting:
    def __init__(self, place: Any, name: str, of: tuple[str, object]) -> None:
        self._place, self._name, self._of = place, name, of
        self._began, self._shown = time.monotonic(), place
        self._key = f"cancel-{time.monotonic_ns()}"  # a page may read more than once while it is drawn
        self._has_button = False

    def __call__(self) -> None:
        seconds = time.monotonic() - self._began
        if seconds < _PATIENCE:
            self._place.empty()  # draws nothing, and is where an end is told
            return
        if not self._has_button:
            self._has_button = True
            with self._place.container(horizontal=True, vertical_alignment="center"):
                self._shown = st.empty()
                st.button(say("Cancel"), key=self._key, icon=":material/close:", on_click=self._cancel)
        self._shown.caption(say("{seconds:.0f} s", seconds=seconds))

    def _cancel(self) -> None:
        sentence = say("Reading {name} was cancelled; upload it again, or change how it is read.", name=self._name)
        session.keep(*self._of, DatasetError(sentence))
