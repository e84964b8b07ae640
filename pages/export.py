"""Export: download the chosen model and its study."""

import streamlit as st

from kanlab.api import Study
from kanlab.execution.manage import load_data
from kanlab.export.bundle import bundle
from kanlab.language import say
from kanlab.ui import as_code, export, fitted_model, session, steps, study_header
from kanlab.ui.navigation import EXPORT
from kanlab.ui.widgets import notes, sentences

handle = study_header.study(
    say("Export"),
    say(
        "Download the model: a bundle that predicts new rows without kanlab, a report, a "
        "formula, and the numbers of the study."
    ),
)
records = study_header.trials(handle, say("export"))

trial = fitted_model.model_box(handle, records, "export")
model = fitted_model.fitted(handle, records, trial)
notes(model.notes)
with sentences(), st.spinner(say("Packing the bundle…")):
    found, state = Study(handle).recommendation, Study(handle).state.name
    key = (*fitted_model.model_key(handle, records, trial), state, str(found.to_dict()))
    made = session.remember("bundle", key, lambda: bundle(handle, model, load_data(handle)))
export.all_targets(handle)
export.downloads(handle, made)
as_code.forms(handle, model, key)
export.elsewhere(handle.name, trial, found.average is not None)
steps.next_step(EXPORT, primary=False)
