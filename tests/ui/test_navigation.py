"""Many sessions open pages at once: none gets in another's way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from kanlab.data.dataset import Dataset
from kanlab.study.handle import create_study
from kanlab.study.spec import StudySpec
from tests.helpers.app_server import AppServer
from tests.helpers.pages import healthy
from tests.helpers.sessions import Session, open_all

TWO_SESSIONS = """
import streamlit as st
from kanlab.ui.navigation import pages

ours, theirs = st.navigation(pages()), st.navigation(pages())
st.session_state["shared"] = ours is theirs
"""


def test_what_a_run_marks_as_shown_is_its_own(app: AppTest) -> None:
    opened = healthy(AppTest.from_string(TWO_SESSIONS, default_timeout=60).run())
    assert not opened.session_state["shared"]


@pytest.fixture
def server(tmp_path: Path, kanlab_home: Path) -> Iterator[AppServer]:
    server = AppServer(kanlab_home)
    yield server
    server.close()


def test_twenty_sessions_that_open_pages_at_once(server: AppServer, small: Dataset) -> None:
    create_study(small, StudySpec(), name="mine")
    pages = ["", "search", "live", "choose", "model", "export", "studies"]
    sessions = [Session(server.port, pages[i % len(pages)], "study=mine") for i in range(20)]
    with ThreadPoolExecutor(1) as thread:  # the tests with a browser leave a running loop in this one
        thread.submit(asyncio.run, open_all(sessions, 0.0)).result()
    assert [s.problems for s in sessions] == [[]] * 20
    assert all(s.runs >= 1 for s in sessions)
