"""Model: one fitted model in detail."""

import streamlit as st

from kanlab.execution.manage import load_data
from kanlab.language import say
from kanlab.retelling import retold
from kanlab.text import beginning
from kanlab.ui import (
    diagnostics,
    fitted_model,
    formulas,
    interactions,
    model,
    session,
    sharing,
    steps,
    study_header,
    what_if,
    why,
)
from kanlab.ui.navigation import EXPORT, MODEL
from kanlab.ui.widgets import literal, notes, sentences

handle = study_header.study(
    say("Model"),
    say(
        "What the model has learned, written as a formula and drawn as curves, where it errs, "
        "and what it predicts if you change a value."
    ),
)
records = study_header.trials(handle, say("show"))

left, right = st.columns([3, 2], gap="large", vertical_alignment="bottom")
with left:
    trial = fitted_model.model_box(handle, records, "model", "read")
found = fitted_model.fitted(handle, records, trial)
with right, st.container(horizontal=True, vertical_alignment="center"):
    sharing.present_button(handle)
    st.page_link(
        EXPORT, label=say("Export this study"), icon=":material/download:", query_params={"study": handle.name}
    )
with st.container():  # always one element, so that the tabs below keep their state
    st.markdown(f"**{literal(beginning(retold(found.name)))}**")
    if not session.is_guided():
        notes(found.notes)
with sentences():
    data = session.remember("model-data", handle.uid, lambda: load_data(handle))

view = model.ModelView(found, data, fitted_model.model_key(handle, records, trial))
labels = {
    say("Network"): model.network,
    say("Formula"): lambda view: formulas.formula(view, handle),
    say("Edges"): model.edges,
    say("Features"): lambda view: model.features(view, fitted_model.feature_support(handle, records, data)),
    say("Interactions"): lambda view: interactions.interactions(view, handle),
    say("Diagnostics"): lambda view: diagnostics.diagnostics(view, handle),
    say("Why"): why.why,
    say("What if"): what_if.what_if,
}
first = say("What if") if what_if.is_asked_for() else None
for tab, draw in zip(
    st.tabs(list(labels), key="model-tab", on_change="rerun", default=first), labels.values(), strict=True
):
    if tab.open:  # compute only what is shown
        with tab:
            draw(view)
steps.next_step(MODEL)
