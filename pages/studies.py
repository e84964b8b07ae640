"""Studies: every study of this storage; find, open, control and manage them."""

import streamlit as st

from kanlab.api import Study
from kanlab.data.examples import told_name
from kanlab.errors import StudyError
from kanlab.execution.manager import manager
from kanlab.language import say
from kanlab.study.handle import load_study, study_names
from kanlab.study.optuna_adapter import trial_sizes
from kanlab.study.storage import get_storage
from kanlab.ui import manage, session, steps, study_list, watching
from kanlab.ui.navigation import DATA, LIVE, STUDIES
from kanlab.ui.widgets import go_first_to, heading, literal, sentences

heading(
    say("Studies"),
    say("Every study in this storage, the last one first. Open one, or choose its row to resume or change it."),
)
with sentences():
    names = study_names(get_storage())
    sizes_by_id = trial_sizes(get_storage())
    studies = []
    for name in names:
        try:
            studies.append(Study(load_study(name)))
        except StudyError as error:  # of another version: the rest can be listed
            st.warning(f"{literal(name)}: {literal(str(error))}")
if not studies:
    go_first_to(DATA, say("There is no study yet."), say("Choose data for the first one"))

with sentences():
    rows = [study_list.row(study, sizes_by_id.get(study.handle.id, 0)) for study in studies]
chosen = study_list.table(rows)
study = next((s for s in studies if s.name == chosen.selected), None)
opened = chosen.opened
if study is not None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{literal(told_name(study.name))}**", width="content")  # whole, where its row has no room for it
        if st.button(say("Open"), type="primary", icon=":material/monitoring:"):
            opened = study.name
        with sentences():
            reading = watching.read(study.handle)
            manage.steering_buttons(study.handle, reading, manager())
            manage.menu(study.handle, reading.attributes)
if opened is not None:
    session.set_study_name(opened)
    st.switch_page(LIVE, query_params={"study": opened})
steps.next_step(STUDIES, primary=False)
