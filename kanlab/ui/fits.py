"""The Live page: when each trial was fitted, and how the losses of all trials went down; read when it is opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import streamlit as st

from kanlab.api import Study
from kanlab.charts import training
from kanlab.charts.layered import Layered
from kanlab.language import say
from kanlab.study.fit_times import fit_times
from kanlab.study.trials import TrialRecord
from kanlab.ui import drawing, session, shared
from kanlab.ui.trials import loss_words


def timeline_and_losses(study: Study, stamp: shared.Stamp, records: Sequence[TrialRecord], *, live: bool) -> None:
    """An expander with both charts. stamp: of the records.  live: whether trials that run are being fitted."""
    opened = st.expander(say("Timeline of the fits, and loss curves of all trials"), key="fits", on_change="rerun")
    if not opened.open:
        return
    picked, look, data = session.selected_trial(), drawing.look(), study.handle.data

    def timeline() -> Layered:
        fits, pauses = fit_times(records, study.handle.times(), datetime.now() if live else None)
        return training.timeline(fits, picked, pauses, look)

    with opened:
        left, right = st.columns(2, gap="medium")
        with left:
            drawing.drawn_once(timeline, "timeline", (*stamp, picked, live))
        with right:
            drawing.drawn_once(
                lambda: training.loss_curves(records, picked, *loss_words(data), look), "losses", (*stamp[:2], picked)
            )
        st.caption(say("Click a bar or a curve to see its trial above."))
