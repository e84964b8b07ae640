"""Export: the chosen model and its study, to take away."""

import streamlit as st

from kanlab.export import bundle
from kanlab.management import load_data
from kanlab.tuning import Study
from kanlab.ui import chosen, export, opened, state
from kanlab.ui.widgets import notes, sentences

handle = opened.study(
    "Export",
    "Take the model away: a bundle that predicts new rows without kanlab, a report, a formula, the numbers of the study.",
)
records = opened.trials(handle, "export")

trial = chosen.model_box(handle, records, "export")
model = chosen.fitted(handle, records, trial)
notes(model.notes)
with sentences(), st.spinner("Packing the bundle…"):
    content = Study(handle).to_dict()
    key = (*chosen.model_key(handle, records, trial), content["state"], content["judgement"], tuple(content["alarms"]))
    made = state.remember("bundle", key, lambda: bundle(handle, model, load_data(handle), content))
export.downloads(made)
export.elsewhere(handle.name, trial)
