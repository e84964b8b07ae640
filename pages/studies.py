"""Studies: every study of this storage; open one."""

import pandas as pd
import streamlit as st

from kanlab.jobs import manager
from kanlab.lifecycle import RESUMABLE
from kanlab.storage import get_storage
from kanlab.study import load_study, study_names
from kanlab.tuning import Study
from kanlab.ui import state
from kanlab.ui.navigation import DATA, LIVE
from kanlab.ui.widgets import go_first_to, heading, sentences

heading("Studies", "Every study kept on this machine: choose a row to open it, or to let it go on.")
names = study_names(get_storage())
if not names:
    go_first_to(DATA, "There is no study yet.", "Choose data for the first one")

studies = [Study(load_study(name)) for name in names]
rows = []
for study in studies:
    records, best = study.handle.records(), study.best
    rows.append(
        {
            "study": study.name,
            "state": study.state.name,
            "data": study.handle.data.name,
            "target": study.handle.data.target,
            "n": study.handle.data.n_train,
            "trials": sum(r.state != "running" for r in records),
            "least AICc": best.aicc if best else None,
            "engine": study.spec.engine,
            "minutes": study.state.elapsed / 60,
        }
    )
event = st.dataframe(
    pd.DataFrame(rows),
    key="studies",
    on_select="rerun",
    selection_mode="single-row",
    hide_index=True,
    column_config={
        "n": st.column_config.NumberColumn("training rows"),
        "least AICc": st.column_config.NumberColumn(
            format="%.2f", help="Compare it only between studies of the same data."
        ),
        "minutes": st.column_config.NumberColumn(format="%.1f"),
    },
)
chosen = event["selection"]["rows"]
with st.container(horizontal=True):
    study = studies[chosen[0]] if chosen else None
    if st.button("Open", type="primary", disabled=study is None, icon=":material/monitoring:") and study:
        state.set_study_name(study.name)
        st.switch_page(LIVE, query_params={"study": study.name})
    resumable = study is not None and study.state.name in RESUMABLE
    if st.button("Resume", disabled=not resumable, icon=":material/play_arrow:") and study:
        with sentences():
            manager().start(study.handle)
        state.set_study_name(study.name)
        st.switch_page(LIVE, query_params={"study": study.name})
    running = study is not None and study.state.is_live
    if st.button("Stop", disabled=not running, icon=":material/stop:") and study:
        manager().stop(study.handle)
        st.rerun()
