"""The Live page of a study that has ended: its search played back in the browser, without a round trip to the server."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import streamlit as st

from kanlab.api import Study
from kanlab.language import say
from kanlab.selection import playback
from kanlab.study.trials import TrialRecord, completed
from kanlab.text import short
from kanlab.ui import drawing
from kanlab.ui.shared import Stamp

_HEIGHT = 520


def trial_by_trial(study: Study, records: Sequence[TrialRecord], stamp: Stamp) -> None:
    """A slider and a button that show the trials as they came. stamp: of `shared.stamp_of`."""
    page = _page(stamp, drawing.look().name, study, records)
    if not page:
        return
    with st.expander(say("The search, trial by trial")):
        packed = base64.b64encode(page.encode()).decode()
        st.iframe(
            f"data:text/html;charset=utf-8;base64,{packed}", height=_HEIGHT, alt=say("The search, trial by trial")
        )
        st.caption(say("The report under Export holds the same, and plays without a network."))


@st.cache_resource(max_entries=16, show_spinner=False)
def _page(stamp: Stamp, theme: str, _study: Study, _records: Sequence[TrialRecord]) -> str:
    data = _study.handle.data
    figure = playback.playback(completed(_records), data.task, short(data.fitted_target))
    return playback.document(figure, drawing.look()) if figure else ""
