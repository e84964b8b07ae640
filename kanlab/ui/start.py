"""Starting a study: made, owned by this browser, queued, and shown on the Live page."""

from __future__ import annotations

from typing import NoReturn

import streamlit as st

from kanlab.data.dataset import Dataset
from kanlab.execution.manager import manager
from kanlab.study.handle import create_study
from kanlab.study.spec import StudySpec
from kanlab.ui import identity, session
from kanlab.ui.navigation import LIVE
from kanlab.ui.widgets import sentences


def start_study(data: Dataset, spec: StudySpec, name: str | None = None) -> NoReturn:
    """Start it and open it; an error is shown, and ends the page. name: by default after the data."""
    with sentences():
        handle = create_study(data, spec, name=name or None)
        identity.take(handle)
        manager().start(handle)
    session.set_study_name(handle.name)
    st.switch_page(LIVE, query_params={"study": handle.name})
