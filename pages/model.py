"""Model: one fitted model, seen from inside."""

import streamlit as st

from kanlab.management import load_data
from kanlab.selection import completed
from kanlab.study import load_study
from kanlab.ui import chosen, model, owner, state
from kanlab.ui.navigation import EXPORT, LIVE, STUDIES
from kanlab.ui.widgets import go_first_to, heading, literal, notes, sentences

name = state.study_name()
heading(
    "Model" if name is None else f"Model: {literal(name)}",
    "What the network has learned: its curves, its features, its errors, its formula. Take it away under Export.",
)
if name is None:
    go_first_to(STUDIES, "No study is open: choose one under Studies.", "Go to Studies")
with sentences():
    handle = load_study(name)
    state.link_study(name, owner.link_key(handle))
    records = handle.records()
if not completed(records):
    go_first_to(LIVE, "No trial of this study is complete yet, so there is no model to look at.", "Go to Live")

left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
with left:
    trial = chosen.model_box(handle, records, "model")
found = chosen.fitted(handle, records, trial)
with right:
    st.page_link(EXPORT, label="Export this study", icon=":material/download:", query_params={"study": name})
with st.container():  # one place whether there are notes or not, so that the tabs keep theirs
    st.markdown(f"**{literal(found.label[0].upper() + found.label[1:])}**")
    notes(found.notes)
with sentences():
    data = state.remember("model-data", handle.uid, lambda: load_data(handle))
view = model.ModelView(found, data, chosen.model_key(handle, records, trial))
labels = {
    "Network": model.network,
    "Edges": model.edges,
    "Features": model.features,
    "Residuals": model.residuals,
    "Formula": model.formula,
}
for tab, draw in zip(st.tabs(list(labels), key="model-tab", on_change="rerun"), labels.values(), strict=True):
    if tab.open:  # what takes a while is computed where it is looked at
        with tab:
            draw(view)
