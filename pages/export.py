"""Export: the chosen model and its study, to take away."""

import streamlit as st

from kanlab.export import bundle
from kanlab.management import load_data
from kanlab.selection import completed
from kanlab.study import load_study
from kanlab.tuning import Study
from kanlab.ui import chosen, export, owner, state
from kanlab.ui.navigation import LIVE, STUDIES
from kanlab.ui.widgets import go_first_to, heading, literal, notes, sentences

name = state.study_name()
heading(
    "Export" if name is None else f"Export: {literal(name)}",
    "Take the model away: a bundle that predicts new rows without kanlab, a report, a formula, the numbers of the study.",
)
if name is None:
    go_first_to(STUDIES, "No study is open: choose one under Studies.", "Go to Studies")
with sentences():
    handle = load_study(name)
    state.link_study(name, owner.link_key(handle))
    records = handle.records()
if not completed(records):
    go_first_to(LIVE, "No trial of this study is complete yet, so there is no model to export.", "Go to Live")

trial = chosen.model_box(handle, records, "export")
model = chosen.fitted(handle, records, trial)
notes(model.notes)
with sentences(), st.spinner("Packing the bundle…"):
    content = Study(handle).to_dict()
    key = (*chosen.model_key(handle, records, trial), content["state"], content["judgement"], tuple(content["alarms"]))
    made = state.remember("bundle", key, lambda: bundle(handle, model, load_data(handle), content))
export.downloads(made)
export.elsewhere(name, trial)
